"""What a command prints."""

from __future__ import annotations

import argparse
import json
from typing import Any

from digitnet._utils.text import printable


def print_result(args: argparse.Namespace, value: Any, text: str) -> None:
    """The value as JSON if that was requested, else the text."""
    print(json.dumps(value, default=str) if args.json else printable(text))


def print_recipes(args: argparse.Namespace, entries: list[dict[str, Any]]) -> int:
    """Papers or studies, a line each; the exit code."""
    lines = [f"{e['name']:<18} {e['summary']} ({e['paper']})" for e in entries]
    print_result(args, entries, "\n".join(lines))
    return 0
