"""The argument parser: one command a file of commands/, imported when it is asked for.

To add a command: write commands/<name>.py with `add(parser)`, which declares its arguments
and what runs it, and a line in COMMANDS.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from digitnet._build_info import VERSION

COMMANDS = {
    "train": "train a network and write a report folder",
    "evaluate": "all metrics of a saved model on a data set's test part",
    "predict": "classify picture files",
    "compare": "two runs or models on a data set's test part, side by side",
    "export": "write a model for another program",
    "serve": "a page to draw on, and a JSON API",
    "verify": "run a recorded training again and compare, bit for bit",
    "runs": "list, show, compare and prune run folders",
    "data": "list, get or show named data sets",
    "models": "list or show named networks",
    "reproduce": "measure again what a paper claims, and write a report folder",
    "study": "compare on one footing, and write a report folder",
    "engine": "list the LibTorch engines, or build one for the torch that is here",
    "doctor": "what is installed and whether it works",
}


class _Command(argparse.ArgumentParser):
    """A command's parser; it gets its arguments when something is parsed by it."""

    module = ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.module:
            module, self.module = self.module, ""
            importlib.import_module(module).add(self)
        return super().parse_known_args(args, namespace)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="digitnet", description="Classifiers of small images."
    )
    parser.add_argument("--version", action="version", version=f"digitnet {VERSION}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Command
    )
    for name, about in COMMANDS.items():
        commands.add_parser(name, help=about).module = f"digitnet.cli.commands.{name}"
    return parser
