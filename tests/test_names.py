"""Names come from strangers' files: wherever they are shown they are text, nothing else."""

import html.parser

import numpy as np
import pytest

import digitnet
from digitnet import card, cli
from digitnet._utils.text import code_span, fenced, markdown, printable

SCRIPT = "</title></p></td><script>alert(1)</script><img src=x onerror=alert(1)>"
MARKUP = "```\n<script>alert(1)</script> | **x** [a](javascript:alert(1)) `b`"
# They would forge lines and columns of a report.
LINES = ["two\nlines", "x\n  accuracy 100 %", "a\tb", "\u2028b", "a\u2029", "\x85"]
ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202eevil"


class Tags(html.parser.HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [tag, *(name for name, _ in attributes)]


def assert_no_script(page):
    assert not {"script", "onerror"} & set(Tags(page).found), page


@pytest.fixture
def hostile(digits):
    """A trained model, its report and its data, all by a hostile name."""
    data = digits[0][:100].renamed(SCRIPT)
    data = data.with_labels(data.labels, [f"<script>{k}" for k in range(10)])
    layers = [digitnet.layers.Flatten(), digitnet.layers.Dense(10)]
    model = digitnet.Model(layers, (8, 8), data.classes, name=SCRIPT)
    model.fit(data, epochs=1, progress=False)
    return model, model.evaluate(data), data


def test_notebooks_show_names_as_text(hostile):
    model, report, data = hostile
    model.history.status = SCRIPT
    comparison = digitnet.compare(report, report, names=(f"{SCRIPT}a", f"{SCRIPT}b"))
    shown = [model, model.summary(), report, data, model.history, comparison]
    for one in [*shown, report.confusion]:
        if hasattr(one, "_repr_html_"):
            assert_no_script(one._repr_html_())


def test_reports_show_names_as_text(hostile, tmp_path):
    model, report, _ = hostile
    page = digitnet.runs.write_run(tmp_path, model, model.history, report)
    assert_no_script(page.read_text())


def test_served_pages_show_names_as_text_under_a_policy(hostile):
    fastapi = pytest.importorskip("fastapi.testclient")
    client = fastapi.TestClient(digitnet.serve.make_app(hostile[0]))
    for path in ("/", "/docs", "/openapi.json", "/api/model", "/nowhere"):
        answer = client.get(path)
        assert "default-src" in answer.headers["content-security-policy"], path
        if path == "/docs":
            assert "<script>alert(1)" not in answer.text
            assert "onerror=" not in answer.text.replace("&gt;", "").split("<body")[
                0
            ] or ("<img" not in answer.text)


@pytest.mark.parametrize("name", [SCRIPT, MARKUP, "a | b", "``` ~~~", "# x\n\n# y"])
def test_cards_show_names_as_text(name, digits):
    data = digits[0][:60].renamed(name)
    data = data.with_labels(
        data.labels, [f"{' '.join(name.split())} {k}" for k in range(10)]
    )
    model = digitnet.models.make("linear", input_shape=(8, 8), classes=data.classes)
    model.name = name
    model.fit(data, epochs=1, progress=False)
    text = card.model_card(model, model.evaluate(data), about={"hash": name})
    body = text.split("---\n", 2)[2]
    fence = next(line for line in body.splitlines() if line.startswith("```"))
    before, inside, after = body.split(fence.removesuffix("text"), 2)
    assert inside.startswith("text\n")
    for part in (before, after):
        for line in part.splitlines():
            plain = line.replace("\\<", "").replace("\\|", "").replace("\\`", "")
            assert "<" not in plain, line
            assert plain.count("|") in (0, 3, 5), line
    headings = [line for line in (before + after).splitlines() if line[:1] == "#"]
    assert headings == [f"# {markdown(name)}", "## Network"] + [
        f"## {part}" for part in ("Training", "Results", "Use")
    ]


@pytest.mark.parametrize(
    "name", [ESCAPES, "a\x00b", "\ud800", "x\x7f", "\u2066y", *LINES]
)
def test_names_that_a_terminal_would_obey_are_refused(name, digits):
    with pytest.raises(ValueError, match="Model.name: expected a line without control"):
        digitnet.Model([digitnet.layers.Flatten()], (2, 2), name=name)
    with pytest.raises(ValueError, match="classes: expected a line without contr"):
        digitnet.models.make("linear", (8, 8), classes=[name, *range(9)])
    with pytest.raises(
        ValueError, match="Dataset.classes: expected a line without con"
    ):
        digitnet.Dataset(np.zeros((1, 8, 8)), classes=[name, "b"])
    assert name in LINES or printable(name).isprintable()


@pytest.mark.parametrize("name", ["日本語", "é", "a b", "العربية", "$x_1$", "👟"])
def test_names_of_all_languages_are_names(name):
    digitnet.models.make("linear", (8, 8), classes=[name, *range(9)])
    assert printable(name) == name


def test_a_files_names_are_checked_too(tmp_path):
    model = digitnet.models.make("linear", (8, 8))
    for change in ({"name": ESCAPES}, {"classes": (ESCAPES, *"123456789")}):
        vars(model).update(change)
        model.save(tmp_path / "m.safetensors")
        with pytest.raises(digitnet.DataError, match="expected a line without control"):
            digitnet.models.load(tmp_path / "m.safetensors")
        model = digitnet.models.make("linear", (8, 8))


def test_the_shell_prints_what_a_folder_says_without_obeying(tmp_path, capsys):
    folder, other = tmp_path / "run", tmp_path / "other"
    model = digitnet.models.make("linear", (8, 8))
    train, test = digitnet.data.load("digits")
    history = model.fit(train[:50], epochs=1, progress=False)
    config = {"model": ESCAPES, ESCAPES: "x"}
    for one in (folder, other):
        digitnet.runs.write_run(one, model, history, model.evaluate(test), config)
    for words in (["list", tmp_path], ["show", folder], ["compare", folder, other]):
        assert cli.main(["runs", *map(str, words)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\x9b" not in out + err
    assert "\\x1b" in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", "`4`"),
        ("shift 1px | rotate 8deg", r"`shift 1px \| rotate 8deg`"),
        ("a `b` c", "`` a `b` c ``"),
        ("two\nlines", "`two lines`"),
    ],
)
def test_values_in_a_cards_table_are_code(text, expected):
    assert code_span(text) == expected


def test_a_fence_is_longer_than_what_it_holds():
    assert fenced("a\n````\nb") == "`````text\na\n````\nb\n`````"
