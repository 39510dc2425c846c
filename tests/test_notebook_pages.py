"""The notebooks' pages of the site say how they were run: docs/notebook_pages.py."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

import digitnet as dn

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location(
        "notebook_pages", ROOT / "docs" / "notebook_pages.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cell(source, kind="code", **metadata):
    made = {"cell_type": kind, "metadata": metadata, "source": source}
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def notebook(*code):
    cells = [cell("# A title", "markdown"), *(cell(text) for text in code)]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """A machine that has the embedded digits alone."""
    monkeypatch.setenv("DIGITNET_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DIGITNET_MODE", raising=False)


def text_of(page, index):
    return "".join(page["cells"][index]["source"])


def test_data_sets_are_those_that_the_code_names(pages):
    code = 'train, test = dn.data.load("digits" if mode == "smoke" else "mnist")'
    assert pages.data_sets(notebook(code)) == ["digits", "mnist"]
    assert pages.data_sets(notebook("print('fashion')")) == []


def test_a_recipe_that_is_run_needs_its_data(pages, monkeypatch):
    recipe = dataclasses.replace(dn.papers.find("mlp"), data=("mnist", "fashion-mnist"))
    monkeypatch.setattr(dn.papers, "find", {"mlp": recipe}.get)
    code = 'run = dn.papers.reproduce("mlp", mode, out=folder)'
    assert pages.data_sets(notebook(code)) == ["fashion-mnist", "mnist"]
    assert pages.data_sets(notebook('model = dn.models.make("mlp")')) == []


def test_quick_where_the_data_are_and_smoke_elsewhere(pages, no_data):
    assert pages.missing_of(notebook('load("digits")')) == []
    assert pages.missing_of(notebook('load("digits")', 'load("mnist")')) == ["mnist"]
    assert pages.mode_of([]) == "quick"
    assert pages.mode_of(["mnist"]) == "smoke"
    assert pages.mode_of(["mnist"], "quick") == "quick"
    assert pages.mode_of([], "smoke") == "smoke"
    with pytest.raises(ValueError, match=r"expected smoke or quick, got 'full'; unset"):
        pages.mode_of([], "full")


def test_a_smoke_page_says_below_its_title_that_its_numbers_say_nothing(pages):
    page = pages.page_of(notebook("1"), "smoke", ["mnist"])
    assert text_of(page, 0) == "# A title"
    assert "numbers on this page say nothing" in text_of(page, 1)
    assert "there was no mnist" in text_of(page, 1)
    assert "DIGITNET_DATA=folder make docs" in text_of(page, 1)


def test_a_smoke_page_by_request_says_how_to_get_the_other(pages):
    text = pages.banner("smoke", [])
    assert "numbers on this page say nothing" in text
    assert "without `DIGITNET_MODE`" in text
    assert "DIGITNET_DATA" not in text


def test_a_quick_page_has_no_such_banner(pages):
    page = pages.page_of(notebook("1"), "quick", [])
    assert "say nothing" not in json.dumps(page)
    assert "quick mode" in text_of(page, 1)


def test_the_mode_is_set_before_any_code_of_the_notebook(pages, monkeypatch):
    monkeypatch.setenv("DIGITNET_MODE", "other")
    for mode in pages.SECONDS:
        page = pages.page_of(notebook("import os"), mode, [])
        code = [c["source"] for c in page["cells"] if c["cell_type"] == "code"]
        assert code[1] == "import os"
        names = {}
        exec(code[0], names)
        assert names["os"].environ["DIGITNET_MODE"] == mode


def test_outputs_of_one_mode_are_not_kept_for_the_other(pages):
    """The cache knows a notebook by its code cells."""
    code = {
        tuple(c["source"] for c in page["cells"] if c["cell_type"] == "code")
        for page in (pages.page_of(notebook("1"), mode, []) for mode in pages.SECONDS)
    }
    assert len(code) == 2


def test_a_cell_may_take_as_long_as_its_mode_needs(pages):
    limits = [
        pages.page_of(notebook("1"), mode, [])["metadata"]["mystnb"]
        for mode in ("smoke", "quick")
    ]
    assert limits[0]["execution_timeout"] < limits[1]["execution_timeout"]


def test_a_solution_is_folded_under_words_of_its_own(pages):
    source = notebook("1")
    source["cells"].append(cell("2", tags=["hide-cell", "solution"]))
    page = pages.page_of(source, "quick", [])
    assert page["cells"][-1]["metadata"]["mystnb"]["code_prompt_show"]
    assert "mystnb" not in page["cells"][-2]["metadata"]
    assert "mystnb" not in json.dumps(source)


def test_an_unchanged_page_keeps_its_time_and_a_lost_notebooks_page_goes(
    pages, no_data, tmp_path
):
    notebooks, site = tmp_path / "notebooks", tmp_path / "site"
    notebooks.mkdir()
    for name in ("one", "two"):
        path = notebooks / f"{name}.ipynb"
        path.write_text(json.dumps(notebook('load("mnist")')))
    pages.write_pages(notebooks, site)
    before = (site / "one.ipynb").stat().st_mtime_ns
    assert "say nothing" in (site / "one.ipynb").read_text()
    (notebooks / "two.ipynb").unlink()
    pages.write_pages(notebooks, site)
    assert (site / "one.ipynb").stat().st_mtime_ns == before
    assert [path.name for path in site.glob("*.ipynb")] == ["one.ipynb"]


def test_the_mode_is_set_before_any_code_runs(pages):
    untitled = {**notebook(), "cells": [cell("first = 1"), cell("second = 2")]}
    page = pages.page_of(untitled, "smoke", [])
    kinds = [c["cell_type"] for c in page["cells"]]
    assert kinds == ["markdown", "code", "code", "code"]
    assert "DIGITNET_MODE" in text_of(page, 1)
    assert len(pages.page_of({**notebook(), "cells": []}, "smoke", [])["cells"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"cells": 3, "metadata": {}}'),
        b'{"cells": [{"cell_type": "code", "metadata": {}}], "metadata": {}}',
        b'{"cells": [{"cell_type": "code", "source": 3, "metadata": {}}], "metadata": {}}',
    ],
)
def test_a_file_that_is_no_notebook_is_named_and_nothing_written(
    pages, tmp_path, content
):
    whole = json.dumps(notebook("1"))
    (tmp_path / "01.ipynb").write_text(whole)
    (tmp_path / "02.ipynb").write_bytes(content)
    with pytest.raises(ValueError, match=r"02.ipynb: expected a notebook, got "):
        pages.write_pages(tmp_path, tmp_path / "deep" / "pages")
    assert not (tmp_path / "deep").exists()


def test_a_page_in_another_mode_is_refused(pages):
    with pytest.raises(
        ValueError, match=r"DIGITNET_MODE: expected smoke or quick, got"
    ):
        pages.page_of(notebook("1"), "default", [])
