"""Names that come from files, where people see them: terminals and Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MAX_NAME = 1000
# Nobody sees them, but they join letters and pictures, in Persian, say: allowed in names.
_JOINERS = frozenset("\u200c\u200d")
# Nothing is drawn for these either, whatever their category (Unicode's default ignorables).
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
)
_VARIANTS = range(0xFE00, 0xFE10)  # of the letter or picture before
# What begins a construct of Markdown, or an HTML tag or entity, within a line.
_MARKUP = re.compile(r"([\\`*_\[\]<>&|#$~!])")


def printable(text: str) -> str:
    """The text with escapes for what a terminal would obey: control characters but line
    feeds and tabs, turns of direction, lone surrogates; and for what nobody sees.

    Example:
        >>> from digitnet._utils.text import printable
        >>> printable("a \\x1b[31mred\\x1b[0m name")
        'a \\\\x1b[31mred\\\\x1b[0m name'
    """
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _JOINERS:
        return character
    kind = unicodedata.category(character)  # Cf: no width, turns of direction
    escaped = kind in ("Cc", "Cs", "Cf") or character in _BLANK
    return ascii(character)[1:-1] if escaped else character


def as_seen(name: str) -> str:
    """The name without what nobody sees: two that look alike are equal.

    Example:
        >>> from digitnet._utils.text import as_seen
        >>> as_seen("zero\u200d") == as_seen("zero")
        True
    """
    return "".join(c for c in name if c not in _JOINERS and ord(c) not in _VARIANTS)


def shortened(text: str, letters: int = 80) -> str:
    """The text in one line of a message: printable, and cut where it is longer.

    Example:
        >>> from digitnet._utils.text import shortened
        >>> shortened("a" * 1000, 8)
        'aaaaaaa\u2026'
    """
    line = " ".join(printable(text[: letters + 1]).split())
    whole = len(text) <= letters and len(line) <= letters
    return line if whole else f"{line[: letters - 1]}\u2026"


def listed(names: Iterable[object], most: int = 60) -> str:
    """Names in one line of a message: each short, and how many more there are.

    Example:
        >>> from digitnet._utils.text import listed
        >>> listed(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    every = [str(name) for name in names]
    shown = ", ".join(shortened(name) for name in every[:most])
    return shown + (f" and {len(every) - most} more" if len(every) > most else "")


def plain_name(name: str, where: str) -> str:
    """The name; ValueError for one that a terminal would obey, that is more than a line, that
    fills a page, or has letters that nobody sees."""
    if len(name) > _MAX_NAME:
        raise ValueError(
            f"{where}: expected at most {_MAX_NAME} letters, got {len(name)}"
        )
    ends_lines = any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in name)
    if ends_lines or printable(name) != name:
        raise ValueError(
            f"{where}: expected a line without control characters and invisible ones, got "
            f"{ascii(name)[:60]}"
        )
    return name


def markdown(name: str) -> str:
    """A name within a line of Markdown, as it is.

    Example:
        >>> from digitnet._utils.text import markdown
        >>> markdown("<b> | *x*")
        '\\\\<b\\\\> \\\\| \\\\*x\\\\*'
    """
    return _MARKUP.sub(r"\\\1", " ".join(printable(name).split()))


def code_span(text: str) -> str:
    """Text as code within a line of Markdown, in a table too."""
    line = " ".join(printable(text).split()).replace("|", "\\|")
    ticks = "`" * (_longest_run(line) + 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def fenced(text: str) -> str:
    """Text as a block of Markdown that nothing in it can end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{printable(text)}\n{fence}"
