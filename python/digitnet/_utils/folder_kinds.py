"""What writes a whole folder finds out whose results are in it: two kinds are never mixed."""

from __future__ import annotations

from os import PathLike

from digitnet._utils.input_files import expanded

# By the file that only they have; a recipe's run has metrics.json, too.
KINDS = {
    "state.json": "the run of a recipe or study",
    "comparison.json": "a comparison",
    "metrics.json": "the run of a training",
}


def check_kind(folder: str | PathLike[str], where: str, own: str) -> None:
    """See that a folder holds results of this kind, or none.

    Args:
        folder: It need not be there.
        where: The argument that names it, for the error.
        own: The kind's file, of KINDS.
    Raises:
        ValueError: there are results of another kind.
    Example:
        >>> import pathlib, tempfile
        >>> from digitnet._utils.folder_kinds import check_kind
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "comparison.json").write_text("{}")
        >>> check_kind(folder, "write_run.folder", "metrics.json")
        Traceback (most recent call last):
            ...
        ValueError: write_run.folder: expected a folder ..., which holds a comparison; ...
    """
    place = expanded(folder)
    for name, kind in KINDS.items():
        if name != own and (place / name).exists():
            raise ValueError(
                f"{where}: expected a folder of its own, got '{folder}', which holds {kind}; "
                "give another, or delete it first"
            )
