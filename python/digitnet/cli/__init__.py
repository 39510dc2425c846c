"""The command line: the same API from a shell."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TextIO

from digitnet._utils.streams import write_anything
from digitnet._utils.text import printable
from digitnet.cli.parser import make_parser

_MAX_LETTERS = 4000  # of an error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. 0: done, 1: it failed, 2: wrong arguments, 130: Ctrl-C,
    141: nobody reads on, as behind `| head`."""
    for stream in (sys.stdout, sys.stderr):
        write_anything(stream)
    try:
        args = make_parser().parse_args(argv)
        with _notes_in_one_line():
            code = int(args.run(args))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What Python would still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("digitnet: interrupted", file=sys.stderr)
        return 130
    except (ImportError, MemoryError, OSError, RuntimeError, ValueError) as error:
        text = str(error) or type(error).__name__
        text = text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}\u2026"
        print(printable(f"digitnet: {text}"), file=sys.stderr)
        return 1


@contextlib.contextmanager
def _notes_in_one_line() -> Iterator[None]:
    """Warnings to users as lines of their own, without the place in our code."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, UserWarning):
            before(message, category, filename, lineno, file, line)
        elif sys.stderr is not None:
            print(printable(f"digitnet: note: {message}"), file=sys.stderr)

    with warnings.catch_warnings():
        before = warnings.showwarning
        warnings.showwarning = show
        yield
