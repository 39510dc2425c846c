"""Every example runs: in a docstring, in README, in a page of the documentation.

Where torch is not installed, statements and commands that need it are left out, and what
uses their results.
"""

import ast
import doctest
import importlib
import importlib.util
import pkgutil
import re
import shlex
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import digitnet
from digitnet import _core
from digitnet._utils.torch_engine import torch_version
from digitnet.cli import main
from digitnet.cli.parser import make_parser
from digitnet.testing import MetricRegression

ROOT = Path(__file__).parent.parent
MODULES = ["digitnet"] + [
    name
    for _, name, _ in pkgutil.walk_packages(digitnet.__path__, "digitnet.")
    if not name.startswith("digitnet._core") and not name.endswith("__main__")
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NEEDS_TORCH = re.compile(
    r"(import|from) torch\b|(to|from)_torch\(|\.torch\(|\.(pt2|pth)\b"
)


def runnable(code, missing):
    """The statements that can run here; names that others would make go to `missing`."""
    statements = ast.parse(code).body
    if torch_version():
        return statements
    kept = []
    for statement in statements:
        made, used = set(), set()
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                made.add(node.asname or node.name)
            elif isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        if NEEDS_TORCH.search(ast.unparse(statement)) or used & missing:
            missing |= made
        else:
            missing -= made
            kept.append(statement)
    return kept


def run(examples):
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for example in examples:
        example.globs.update(digitnet=digitnet, dn=digitnet, np=np)
        missing = set()
        example.examples = [
            line for line in example.examples if runnable(line.source, missing)
        ]
        runner.run(example)
    return runner.failures


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.torch) if n.endswith(".torch_module") else n
        for n in MODULES
    ],
)
def test_examples_of_every_module_run(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert run(finder.find(module, name)) == 0


def bound():
    for module in (
        *("data", "augment", "corrupt", "models", "train", "metrics", "features"),
        "attack",
    ):
        for name, value in vars(getattr(_core, module)).items():
            if not name.startswith("_"):
                yield f"{module}.{name}", value


@pytest.mark.parametrize(("name", "value"), list(bound()), ids=[n for n, _ in bound()])
def test_everything_bound_has_a_docstring_whose_examples_run(name, value):
    text = value.__doc__ or ""
    assert len(text.strip()) > 10, name
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert run([examples]) == 0


DOCS = ROOT / "docs"
PAGES = ["README.md", *(f"docs/{p.name}" for p in sorted(DOCS.glob("*.md")))]


def blocks(page, language):
    """A page's code in one language, block by block."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.S)


def commands(page):
    """A page's shell lines, without comments and what stands before a command."""
    for line in "".join(blocks(page, "sh")).splitlines():
        if words := shlex.split(line, comments=True):
            yield words


WITH_PYTHON = [p for p in PAGES if blocks(p, "python")]
WITH_SHELL = [p for p in PAGES if blocks(p, "sh")]
INLINE = re.compile(r"`(digitnet [a-z]+ [^`]*|digitnet doctor)`")


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_a_pages_python_runs_from_its_top_to_its_end(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, missing = {}, set()
    for block in blocks(page, "python"):
        statements = runnable(re.sub(r"epochs=\d{2}", "epochs=1", block), missing)
        exec(compile(ast.Module(statements, []), f"<{page}>", "exec"), names)
    plt.close("all")
    for name, value in names.items():
        if name.startswith("test_"):  # a page about pytest
            value(MetricRegression(tmp_path / f"{name}.json", name))


@pytest.mark.parametrize("page", WITH_SHELL)
def test_every_shell_line_names_what_there_is(page):
    makefile = (ROOT / "Makefile").read_text()
    for words in commands(page):
        tool, *rest = words
        if tool == "digitnet":
            make_parser().parse_args(rest)
        elif tool == "torchrun":
            make_parser().parse_args(rest[rest.index("digitnet.cli") + 1 :])
        elif tool == "make":
            assert re.search(rf"^{rest[0]}:", makefile, re.M), words
        elif tool in ("python", "."):
            assert rest[0] == ".venv/bin/activate" or (ROOT / rest[0]).exists(), words
        else:
            assert tool in ("pip", "pytest", "git", "cmake", "gdb"), words


@pytest.mark.parametrize("page", PAGES)
def test_every_command_within_a_sentence_is_one(page):
    for text in INLINE.findall((ROOT / page).read_text()):
        make_parser().parse_args(shlex.split(text)[1:])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that `make demo` leaves, trained for an epoch."""
    folder = tmp_path_factory.mktemp("demo") / "runs" / "demo"
    words = "train --data digits --model optdigits-cnn --epochs 1 --out"
    assert main([*words.split(), str(folder)]) == 0
    return folder


def is_quick(words):
    """Whether a command needs no download, ends by itself and takes seconds; without torch
    also whether it needs none."""
    if not torch_version() and NEEDS_TORCH.search(" ".join(words)):
        return False
    if words[0] != "digitnet" or words[1] in ("serve", "reproduce", "study", "engine"):
        return "list" in words
    here = ("digits", "pictures")  # the folder that a page makes in Python
    return "--data" not in words or words[words.index("--data") + 1] in here


@pytest.mark.filterwarnings("ignore:pictures. it has no part for tests:UserWarning")
@pytest.mark.parametrize("page", WITH_SHELL)
def test_a_pages_commands_run(page, demo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(DOCS)
    shutil.copytree(demo, tmp_path / "runs" / "demo")
    for name in ("cats/0", "cats/1", "dogs/0", "dogs/1"):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 20)).save(tmp_path / "pictures" / f"{name}.png")
    missing = set()  # models of commands that are left out
    for words in commands(page):
        if not is_quick(words) or missing & set(words):
            if "--out" in words:
                missing.add(f"{words[words.index('--out') + 1]}/model.safetensors")
            continue
        if "--epochs" in words:
            words[words.index("--epochs") + 1] = "1"
        assert main(words[1:]) == 0, (words, capsys.readouterr().err)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), target


def tables():
    spec = importlib.util.spec_from_file_location("tables", DOCS / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_lists():
    generator = tables()
    placed = []
    for path in DOCS.glob("*.md"):
        text = path.read_text()
        placed += [match[1] for match in generator.PLACE.finditer(text)]
        assert generator.written(text) == text, (
            f"{path.name}: run `python docs/tables.py`"
        )
    assert sorted(placed) == sorted(generator.TABLES)


def test_every_page_is_in_the_sites_contents():
    contents = (DOCS / "index.md").read_text()
    for path in DOCS.glob("*.md"):
        assert path.stem == "index" or f"\n{path.stem}\n" in contents, path.name


def test_the_gallery_has_every_figure():
    gallery = (ROOT / "docs" / "gallery.md").read_text()
    names = set(re.findall(r"^## (\w+)$", gallery, re.M))
    assert names == set(digitnet.plot.__all__) - {"Display"}


def test_the_reference_has_everything_public():
    pages = "".join(p.read_text() for p in (ROOT / "docs" / "api").glob("*.md"))
    # Dataset is in digitnet.data.
    for name in sorted({*digitnet.__all__} - {"__version__", "Dataset"}):
        assert f":: digitnet.{name}\n" in pages, name


@pytest.mark.parametrize("name", [n for n in dir(digitnet) if not n.startswith("_")])
def test_everything_public_has_a_docstring(name):
    assert getattr(digitnet, name).__doc__, name


def test_the_reference_of_model_shows_inherited_methods():
    """A default in conf.py would overrule the directive's own option."""
    page = (ROOT / "docs/api/models.md").read_text()
    assert ".. autoclass:: digitnet.Model\n   :members:\n   :inherited-members:" in page
    assert "inherited-members" not in (ROOT / "docs/conf.py").read_text()
