"""Every example in a docstring, and README's Python, runs and gives what it says."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import digitnet
from digitnet import _core

ROOT = Path(__file__).parent.parent
MODULES = ["digitnet"] + [
    name
    for _, name, _ in pkgutil.walk_packages(digitnet.__path__, "digitnet.")
    if not name.startswith("digitnet._core") and not name.endswith("__main__")
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run(examples):
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for example in examples:
        example.globs.update(digitnet=digitnet, dn=digitnet, np=np)
        runner.run(example)
    return runner.failures


@pytest.mark.parametrize("name", MODULES)
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


PAGES = ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
WITH_PYTHON = [p for p in PAGES if "```python\n" in (ROOT / p).read_text()]


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_a_pages_python_runs_from_its_top_to_its_end(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
    known = {}
    for block in blocks:
        exec(block.replace("epochs=60", "epochs=1"), known)


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
