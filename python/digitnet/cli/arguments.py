"""Arguments that several commands have."""

from __future__ import annotations

import argparse

from digitnet._utils.input_files import expanded
from digitnet.data import sources


def add_data(p: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The data: a name or a path, which is kept whole, so that a record of it lasts."""
    p.add_argument(
        "--data",
        required=required,
        type=data_place,
        metavar="NAME_OR_PATH",
        help="a named data set, see 'digitnet data list', or a file, folder or archive of "
        "your own",
    )


def data_place(text: str) -> str:
    """A data set's name, or the whole path of what is no name."""
    return str(expanded(text).absolute()) if sources.is_path(text) else text


def add_seed_of_split(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--seed", type=int, default=0, help="seed of the split, as in training"
    )


def add_run_options(p: argparse.ArgumentParser, folder: str) -> None:
    """How long a paper or study runs, and where it writes."""
    sizes = p.add_mutually_exclusive_group()
    for mode, about in (
        ("smoke", "seconds: only to see that it runs"),
        ("quick", "minutes: parts of the data, one seed"),
        ("full", "longer than the default"),
    ):
        sizes.add_argument(
            f"--{mode}", dest="mode", action="store_const", const=mode, help=about
        )
    p.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="repetitions (default: those of the recipe, or 1)",
    )
    p.add_argument("--out", help=f"folder (default: {folder})")
    p.add_argument(
        "--json", action="store_true", help="print metrics.json and nothing else"
    )
