"""Every notebook is a lesson: what can be checked without running it.

`make notebooks` runs them; CONTRIBUTING says what a lesson has.
"""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
LESSONS = [
    "01_quickstart",
    "02_look_inside",
    "03_vgg16_transfer",
    "04_kaggle_cnn",
    "05_mnistm_cnn",
    "06_mlp",
    "07_optdigits_cnn",
    "08_studies",
    "09_robustness",
    "10_draw_and_serve",
    "11_regression_checks",
    "12_gpu",
]
MAX_CODE_CELLS = 30  # without the solutions
MAX_LINES = 15
MIN_WORDS = 500


@pytest.fixture(params=LESSONS)
def cells(request):
    return json.loads((FOLDER / f"{request.param}.ipynb").read_text())["cells"]


def sources(cells, kind):
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def solutions(cells):
    return [c for c in cells if "solution" in c["metadata"].get("tags", ())]


def test_the_title_is_a_question(cells):
    title = sources(cells, "markdown")[0].splitlines()[0]
    assert title.startswith("# "), title
    assert title.endswith("?"), title


def test_enough_is_explained(cells):
    words = " ".join(sources(cells, "markdown")).split()
    assert len(words) >= MIN_WORDS, len(words)


def test_no_cell_is_long_and_there_are_not_too_many(cells):
    code = sources(cells, "code")
    assert len(code) - len(solutions(cells)) <= MAX_CODE_CELLS
    for source in code:
        assert len(source.splitlines()) <= MAX_LINES, source


def test_nothing_that_ran_is_kept(cells):
    for cell in cells:
        assert not cell.get("outputs"), cell
        assert cell.get("execution_count") is None, cell


def test_at_least_three_exercises_have_a_folded_solution(cells):
    found = solutions(cells)
    assert len(found) >= 3
    for cell in found:
        assert cell["cell_type"] == "code"
        assert {"hide-cell", "solution"} <= {*cell["metadata"]["tags"]}
        assert cell["metadata"]["jupyter"]["source_hidden"] is True
    above = sources(cells[: cells.index(found[0])], "markdown")
    assert re.search(r"^## .*Exercises$", "\n".join(above), re.M)


def test_a_network_is_trained_in_the_open(cells):
    shown = [c for c in cells if c not in solutions(cells)]
    code = "\n".join(sources(shown, "code"))
    assert re.search(r"\.(fit|fit_head)\(", code)


def test_seeds_are_printed_and_not_typed_into_sentences(cells):
    prose = "\n".join(sources(cells, "markdown"))
    assert not re.findall(r"(?i)\bseeds?:? \d|\b\d+ seeds\b", prose)


def test_every_notebook_is_covered():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == LESSONS
