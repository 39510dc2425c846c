"""The figures and tables of a paper, by the numbers that it prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KINDS = {"figure": "fig"}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_NUMBER = re.compile(
    r"([a-z]+)(?:\W*([0-9]+)|\W+(c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})))\W*"
)


@dataclass(frozen=True)
class Exhibit:
    """A figure or table of the paper.

    Example:
        >>> from digitnet.experiments import Exhibit
        >>> Exhibit("Fig. VII", "heat map").slug
        'fig07'
    """

    number: str  # as the paper prints it: "Fig. 7", "Table 2", "Fig. XVIII", "In [21]"
    what: str
    absent: str = ""  # why it has no counterpart here

    def __post_init__(self) -> None:
        exhibit_slug(self.number)

    @property
    def slug(self) -> str:
        """Beginning of our file's name."""
        return exhibit_slug(self.number)


def exhibit_slug(number: str) -> str:
    """Such as "fig07" of "Fig. 7", "Figure VII" and "fig7"; ValueError if it is no number."""
    match = (
        _NUMBER.fullmatch(number.strip().lower()) if isinstance(number, str) else None
    )
    if match is None or not (match[2] or match[3]):
        raise ValueError(
            "Exhibit.number: expected a kind and a number such as 'Fig. 7' or "
            f"'Table II', got '{number}'"
        )
    kind = _KINDS.get(match[1], match[1])
    count = int(match[2]) if match[2] else _from_roman(match[3].upper())
    return f"{kind}{count:02d}"


def _from_roman(numeral: str) -> int:
    values = [_ROMAN[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-v if v < n else v for v, n in zip(values, following, strict=True))
