"""Run folders: what was trained or measured, with which settings, how well.

Example:
    >>> import pathlib, tempfile
    >>> train, test = digitnet.data.load("digits")
    >>> model = digitnet.models.make("linear", input_shape=(8, 8))
    >>> history = model.fit(train, epochs=1, progress=False)
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> page = digitnet.runs.write_run(root / "first", model, history, model.evaluate(test))
    >>> digitnet.runs.table(root)["data"].tolist()
    ['digits']
"""

from digitnet.runs.folder import write_run
from digitnet.runs.listing import Run, compare, find, read, table
from digitnet.runs.pruning import prune
from digitnet.runs.verify import Verification, verify

__all__ = [
    "Run",
    "Verification",
    "compare",
    "find",
    "prune",
    "read",
    "table",
    "verify",
    "write_run",
]
