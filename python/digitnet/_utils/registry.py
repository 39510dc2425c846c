"""Registries: names, a member by its name, and callables for the core's members."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from digitnet._utils.text import listed, shortened

T = TypeVar("T")


def names_of(entries: Iterable[Any]) -> list[str]:
    """The names of the entries, objects or what `describe` gives, in their order."""
    return [e["name"] if isinstance(e, Mapping) else e.name for e in entries]


def check_name(kind: str, name: Any, known: Iterable[str]) -> None:
    """Raise ValueError, listing the known names, for a name that is not among them."""
    names = list(known)
    if name not in names:
        raise ValueError(
            f"unknown {kind} '{shortened(str(name))}'; known: {listed(names)}"
        )


def find_named(kind: str, name: Any, known: Mapping[str, T]) -> T:
    """What is called `name`; ValueError lists the known names.

    Example:
        >>> from digitnet._utils.registry import find_named
        >>> find_named("colour", "red", {"red": 1, "blue": 2})
        1
    """
    check_name(kind, name, known)
    return known[name]


def options_of(
    name: str, entry: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Positional arguments by the order in which the options were declared."""
    declared = [option["name"] for option in entry["options"]]
    if len(args) > len(declared):
        raise TypeError(
            f"{name}: expected at most {len(declared)} arguments, got {len(args)}"
        )
    options = dict(zip(declared, args, strict=False))
    for key, value in kwargs.items():
        if key in options:
            raise TypeError(f"{name}: got '{key}' twice")
        options[key] = value
    return options


def signature_of(entry: dict[str, Any], *extra: inspect.Parameter) -> inspect.Signature:
    """What help() and completion show."""
    parameters = [
        inspect.Parameter(
            option["name"],
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty
            if option["required"]
            else option["default"],
        )
        for option in entry["options"]
    ]
    return inspect.Signature([*parameters, *extra])


def documented(
    function: Callable[..., Any], name: str, entry: dict[str, Any], module: str
) -> Callable[..., Any]:
    """Give a generated function its name and docstring."""
    lines = [f"{entry['summary'][0].upper()}{entry['summary'][1:]}."]
    if entry["options"]:
        lines += ["", "Args:"]
        lines += [f"    {o['name']}: {o['summary']}." for o in entry["options"]]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "\n".join(lines)
    function.__module__ = module
    return function
