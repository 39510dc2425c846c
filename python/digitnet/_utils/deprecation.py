"""Old names that still work for one version, with a DeprecationWarning."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def warn_renamed(where: str, old: str, new: str) -> None:
    """Warn the caller's caller that `old` is now called `new`."""
    warnings.warn(
        f"{where}: '{old}' is now called '{new}' and will go in the next version",
        DeprecationWarning,
        stacklevel=3,
    )


def renamed_arguments(**new_by_old: str) -> Callable[[F], F]:
    """Let a function take its arguments by their old names, too.

    Raises TypeError if both names of an argument are given.

    Example:
        >>> from digitnet._utils.deprecation import renamed_arguments
        >>> @renamed_arguments(most="max_count")
        ... def first(values, max_count=2):
        ...     return values[:max_count]
        >>> first("abc", max_count=1)
        'a'
    """

    def decorate(function: F) -> F:
        where = function.__name__  # the qualified name of a bound C++ function is none
        if inspect.isfunction(function):
            where = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            for old in new_by_old.keys() & kwargs.keys():
                new = new_by_old[old]
                if new in kwargs:
                    raise TypeError(
                        f"{where}: got '{old}' and '{new}', the same argument"
                    )
                warn_renamed(where, old, new)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorate
