"""The command line: the same API from a shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

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
