"""Many pictures as one array."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._core import DataError
from digitnet._utils.streams import is_terminal
from digitnet.data.picture_files import is_colour, listed_picture, room_for
from digitnet.data.resizing import resized

# A file, the bytes of one, or what reads them when they are needed.
Source = str | PathLike[str] | bytes | Callable[[], bytes]


def stacked_pictures(
    sources: Sequence[tuple[Source, str]],
    *,
    colour: bool | None = None,
    size: tuple[int, int] | None = None,
    fit: str = "stretch",
    name: str,
) -> npt.NDArray[np.uint8]:
    """Pictures as uint8 (N, H, W), or (N, 3, H, W) in colour.

    Args:
        sources: Pictures, each with what messages call it.
        colour: Default: if any picture is.
        size: (height, width), to which each is brought. Default: they are of one size.
        fit: As for `resized`.
        name: Of the set.
    Raises:
        DataError: a broken picture, one of another size or too large; names it.
    """
    from tqdm import tqdm

    if colour is None:
        colour = any(is_colour(_opened(s), where) for s, where in sources)
    images: npt.NDArray[np.uint8] | None = None
    bar = tqdm(
        sources,
        name,
        unit="picture",
        disable=not is_terminal(sys.stderr),
        file=sys.stderr,
    )
    for i, (source, where) in enumerate(bar):
        picture = listed_picture(
            _opened(source), where, colour=colour, any_size=size is not None
        )
        if size is not None:
            picture = resized(picture, size, fit)
        if images is None:
            images = room_for(len(sources), picture, name)
        if picture.shape != images.shape[1:]:
            raise DataError(
                f"{where}: expected {images.shape[-2:]} pixels as the first picture, "
                f"got {picture.shape[-2:]}; bring them to one size by size=(height, width)"
            )
        images[i] = picture
    assert images is not None, "a set of no pictures"
    return images


def _opened(source: Any) -> str | Path | bytes:
    opened = source() if callable(source) else source
    return opened if isinstance(opened, bytes) else Path(opened)
