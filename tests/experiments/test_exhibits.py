"""The paper's figures and tables by their numbers: in files, titles, the report, a notebook."""

import re

import pandas as pd
import pytest

from digitnet import plot
from digitnet.experiments import Claim, Exhibit, Recipe, Stage, run
from digitnet.experiments.context import Context

EXHIBITS = (
    Exhibit("Fig. I", "a picture of a brain", absent="a picture from a book"),
    Exhibit("Fig. II", "scores drawn"),
    Exhibit("Table 2", "scores listed"),
    Exhibit("Fig. III", "scores of a year", absent="it takes a year"),
    Exhibit("Fig. IX", "of the other protocol"),
)


def shown(context):
    series = pd.Series({"a": 0.5, "b": 0.7}, name="accuracy")
    context.figure("bars", "Bars", lambda: plot.comparison(series), of="Fig. II")
    context.figure("more", "More bars", lambda: plot.comparison(series))
    context.table("scores", "Scores", series.reset_index(), of="Table 2")
    context.measure("a", [0.4, 0.6])
    context.note("made up")


def recipe(stage=shown, **changes):
    known = {
        "name": "exhibits",
        "title": "Exhibits",
        "paper": "none",
        "summary": "shows",
        "claims": (
            Claim("a", "the first", 0.45, of="Table 2"),
            Claim("b", "the second", 3.0, "s", of="line 7", absent="nobody asked"),
            Claim("c", "the third", None),
        ),
        "stages": (Stage("shown", "Shown", stage),),
        "exhibits": EXHIBITS,
    }
    return Recipe(**(known | changes))


@pytest.fixture
def findings(tmp_path):
    return run(recipe(), "smoke", out=tmp_path / "r", progress=False)


def test_files_and_titles_bear_the_papers_numbers(findings):
    names = [p.name for p in (findings.folder / "figures").iterdir()]
    assert sorted(names) == ["fig02_bars.png", "more.png"]
    assert (findings.folder / "tables" / "table02_scores.csv").is_file()
    page = findings.page.read_text()
    assert "<figcaption>Fig. II: Bars</figcaption>" in page
    assert '<h3 id="table02">Table 2: Scores</h3>' in page


def test_the_report_begins_with_an_index_of_the_papers_figures_and_tables(findings):
    page = findings.page.read_text()
    first = page.index("<h2>The paper&#x27;s figures and tables</h2>")
    assert first == page.index("<h2>")
    lines = re.findall(r"<li>(.*?)</li>", page[first : page.index("</ul>", first)])
    assert lines == [
        "Fig. I: a picture of a brain (not made: a picture from a book)",
        '<a href="#fig02">Fig. II: scores drawn</a>',
        '<a href="#table02">Table 2: scores listed</a>',
        "Fig. III: scores of a year (not made: it takes a year)",
        "Fig. IX: of the other protocol (not made: not in this protocol)",
    ]
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert page.count(f'id="{anchor}"') == 1, anchor


@pytest.mark.parametrize(
    "name", ["Fig. II", "Figure 2", "fig02", "fig. ii", "bars", "fig02_bars"]
)
def test_a_figure_is_found_by_number_and_by_name(findings, name):
    with findings.figure(name) as image:
        assert image.filename.endswith("fig02_bars.png")


def test_a_table_is_found_by_number_and_by_name(findings):
    for name in ("Table 2", "scores", "table02_scores"):
        assert findings.table(name)["accuracy"].tolist() == [0.5, 0.7]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("figure", "Fig. 7", r"expected one of Fig. II, bars, more, got 'Fig. 7'"),
        ("figure", None, r"expected one of Fig. II, bars, more, got 'None'"),
        ("table", "log", r"expected one of Table 2, scores, got 'log'"),
        ("table", "Fig. II", r"Fig. II is a figure; use figure\('Fig. II'\)"),
        ("figure", "Table 2", r"Table 2 is a table; use table\('Table 2'\)"),
        ("figure", "Figure 1", r"Fig. I was not made: a picture from a book"),
        ("table", "Fig. III", r"Fig. III was not made: it takes a year"),
    ],
)
def test_what_is_not_there_is_refused_by_name(findings, kind, name, message):
    with pytest.raises(ValueError, match=message):
        getattr(findings, kind)(name)


def test_a_number_is_the_papers_and_taken_once(tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0], EXHIBITS)
    frame = pd.DataFrame({"a": [1]})
    known = "expected one of Fig. II, Table 2, Fig. IX, got 'Fig. {}'"
    for number in ("VII", "I"):  # unknown; with a reason why it has no counterpart
        with pytest.raises(ValueError, match=re.escape(known.format(number))):
            context.table("t", "T", frame, of=f"Fig. {number}")
    context.table("t", "T", frame, of="Table 2")
    with pytest.raises(ValueError, match="expected each number once, got 'Table 2'"):
        context.table("u", "U", frame, of="Table 2")
    assert [p.name for p in (tmp_path / "tables").iterdir()] == ["table02_t.csv"]


@pytest.mark.parametrize(
    "number",
    [
        *(
            "7",
            "",
            "Fig.",
            "Fig. 7a",
            "Figure seven",
            "Fig. IIII",
            "Fig. IC",
            "Fig. VX",
        ),
        *(
            "civil",
            "figvii",
            "Fig. \uff17",
            "fig\u0663",
            "F\u0131g. 7",
            "../Fig. 7",
            None,
            7,
        ),
    ],
)
def test_a_number_has_a_kind_and_a_count(number):
    with pytest.raises(ValueError, match=r"expected a kind and a number such as"):
        Exhibit(number, "what")


def test_a_number_is_listed_once():
    twice = (Exhibit("Fig. 1", "one"), Exhibit("Table 1", "a"), Exhibit("Fig. I", "b"))
    with pytest.raises(ValueError, match="exhibits: expected each number once, got 'F"):
        recipe(exhibits=twice)


def test_slugs_count_in_arabic():
    numbers = ("Fig. 4", "Fig. IV", "Fig. IX", "Figure - XXIV", "Table II", "In [21]")
    slugs = [Exhibit(number, "").slug for number in numbers]
    assert slugs == ["fig04", "fig04", "fig09", "fig24", "table02", "in21"]


def test_a_claim_stands_beside_the_measurement_with_the_difference(findings):
    frame = findings.to_frame()
    assert list(frame.columns) == ["in the paper", "claim", "measured", "difference"]
    assert frame.loc["the first"].tolist() == [
        *("Table 2", "45.00 %", "50.00 % (sd 14.14 %, n 2)", "+5.00 points")
    ]
    assert frame.loc["the second"].tolist() == [
        *("line 7", "3 s", "not measured: nobody asked", "")
    ]
    assert frame.loc["the third", "claim"] == "-"
    assert findings.metrics["not_measured"]["b"] == "nobody asked"
    assert findings.notes == ["made up"]


@pytest.mark.parametrize(
    ("claim", "measured", "difference"),
    [
        (Claim("k", "w", 0.0024), 0.0027, "+0.03 points"),
        (Claim("k", "w", 0.5, "points"), -0.01, "-51.00 points"),
        (Claim("k", "w", 300.0, "s"), 12.5, "-288 s"),
        (Claim("k", "w", 0.0322, ""), 0.0322, "0"),
        (Claim("k", "w", 0.9911), 0.99109, "0.00 points"),
        (Claim("k", "w", 1_000, ""), 3_500, "+2,500"),
        (Claim("k", "w", None), 0.3, ""),
        (Claim("k", "w", 0.3), float("nan"), ""),
    ],
)
def test_differences_are_in_the_claims_unit(claim, measured, difference):
    assert claim.difference(measured) == difference


def test_full_mode_may_need_more_data(nothing_here, tmp_path):
    more = recipe(data=("digits",), full_data=("optdigits",))
    run(more, "default", out=tmp_path / "d", seeds=1, progress=False)
    with pytest.raises(FileNotFoundError, match="optdigits"):
        run(more, "full", out=tmp_path / "f", seeds=1, progress=False)
    assert not (tmp_path / "f").exists()


def test_data_are_asked_for_before_anything_is_written(nothing_here, tmp_path):
    ran = []
    wanting = recipe(lambda context: ran.append(context), data=("optdigits", "mnist"))
    with pytest.raises(FileNotFoundError, match="expected the file in"):
        run(wanting, "quick", out=tmp_path / "r", progress=False)
    assert not ran
    assert not (tmp_path / "r").exists()
    run(wanting, "smoke", out=tmp_path / "s", progress=False)
    assert len(ran) == 1


@pytest.mark.parametrize(
    "name", ["", ".", "../x", "a/b", "a\\b", "a\0b", "C:x", "x" * 300, None, 3]
)
def test_a_figures_name_is_one_of_a_file(name, tmp_path):
    context = Context(tmp_path / "r", "smoke", "honest", [0])
    for kind, shown in (("figure", lambda: None), ("table", pd.DataFrame())):
        with pytest.raises(ValueError, match=f"Context.{kind}: expected a name that a"):
            getattr(context, kind)(name, "T", shown)
    assert not (tmp_path / "r").exists()


def test_a_figure_does_not_replace_another(tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0], EXHIBITS)
    frame = pd.DataFrame({"a": [1]})
    context.table("t", "T", frame)
    context.table("t", "T", frame, of="Table 2")  # another file
    with pytest.raises(ValueError, match="table: expected each name once, got 't' ag"):
        context.table("t", "U", frame)


@pytest.mark.parametrize("values", [[], "x", None, [[1.0, 2.0]]])
def test_what_is_measured_are_numbers(values, tmp_path):
    context = Context(tmp_path, "smoke", "honest", [0])
    with pytest.raises(ValueError, match="Context.measure of 'a': expected"):
        context.measure("a", values)
