"""Warnings that point at the line of the person who called, however deep we are."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent.parent)
_OURS = (_PACKAGE, contextlib.__file__)  # whose `with` blocks we are called in


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that is not this package's.

    Example:
        >>> import warnings
        >>> from digitnet._utils.warn import warn
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn("pets: took the first part")
        >>> caught[0].category.__name__, str(caught[0].message)
        ('UserWarning', 'pets: took the first part')
    """
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
