"""What happens before the extension is loaded: is this the torch it was built for?"""

from importlib import metadata

VERSION = metadata.version("digitnet")


def minor(version: str) -> str:
    """The part of a version that binary compatibility depends on: "2.13"."""
    return ".".join(version.split("+")[0].split(".")[:2])


def check_torch(built_for: str) -> None:
    """Import torch, and refuse another minor version than the one built for.

    Raises:
        ImportError: naming both versions and the command that mends it.
    """
    mend = (
        f"install that one (pip install 'torch=={minor(built_for)}.*'), or rebuild "
        "digitnet for yours (pip install --no-build-isolation --force-reinstall "
        "--no-deps digitnet)"
    )
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ImportError(
            f"digitnet: expected torch {minor(built_for)}, got none; {mend}"
        ) from error
    if minor(torch.__version__) != minor(built_for):
        raise ImportError(
            f"digitnet: expected torch {minor(built_for)}, for which it was built, "
            f"got {torch.__version__}; {mend}"
        )
