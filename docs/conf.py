"""How Sphinx makes the site: `make docs`."""

import sys
from pathlib import Path

import digitnet

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # Sphinx looks for modules elsewhere

from notebook_pages import write_pages  # noqa: E402

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

# Outputs are kept in build/.jupyter_cache, by the code of all cells; notebook_pages.py
# writes mode and time limit into each copy of a notebook.
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

write_pages(HERE.parent / "notebooks", HERE / "notebooks")
