"""The command line: the same API from a shell."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from digitnet.cli.parser import make_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. 0: done, 1: it failed, 2: it was asked wrongly, 130: Ctrl-C."""
    args = make_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        print("digitnet: interrupted", file=sys.stderr)
        return 130
    except (ImportError, MemoryError, OSError, RuntimeError, ValueError) as error:
        print(f"digitnet: {error}", file=sys.stderr)
        return 1
