"""How Sphinx makes the site: `make docs`."""

import os
import shutil
from pathlib import Path

import digitnet

HERE = Path(__file__).parent

project = "digitnet"
author = "The digitnet authors"
copyright = author
release = version = digitnet.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "digitnet"
html_static_path = ["_static"]
html_css_files = ["site.css"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Notebooks run in their smallest size; what was run before and has not changed is kept.
os.environ.setdefault("DIGITNET_MODE", "smoke")
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Source", "notes_style"), ("Warns", "params_style")]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True


def _copy_notebooks() -> None:
    """Sphinx reads only what lies here; unchanged copies keep their time and cache."""
    folder = HERE / "notebooks"
    folder.mkdir(exist_ok=True)
    sources = {p.name: p for p in (HERE.parent / "notebooks").glob("*.ipynb")}
    for old in folder.glob("*.ipynb"):
        if old.name not in sources:
            old.unlink()
    for name, source in sources.items():
        target = folder / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)


_copy_notebooks()
