"""Pictures of strangers: opened by Pillow, bounded, upright."""

from __future__ import annotations

import contextlib
import ctypes
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.arrays import on_white
from digitnet._utils.input_files import check_ordinary, opened, shown_name
from digitnet._utils.text import shortened

MAX_PIXELS = 50_000_000  # of one picture
_MANY_PIXELS = 2**23
_PIXEL_BYTES = 12  # while it is decoded, turned and converted
_STRIP_PIXELS = 2**19
_MAX_SIDE = 1024  # of a data set's, where none is asked for
_DEEP = (
    "I;16",
    "I;16B",
    "I;16L",
    "I;16N",
    "I",
    "F",
)  # Pillow's modes of more than 8 bits
_LEVELS_16 = 65535
_ORIENTATION = 0x0112  # EXIF's tag
# What Pillow raises for files that are damaged.
_DAMAGE = (
    OSError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
)
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = {
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".webp",
    ".pgm",
    ".ppm",
}


_libtiff = threading.Lock()  # its error handler is the process's


@contextlib.contextmanager
def _picture_in(
    source: str | PathLike[str] | bytes, name: str, max_pixels: int = MAX_PIXELS
) -> Iterator[Any]:
    """A Pillow image; whatever is wrong with the file is a DataError that names it."""
    from PIL import Image, UnidentifiedImageError

    stream = io.BytesIO(source) if isinstance(source, bytes) else opened(source)
    formats = ", ".join(_FORMATS)
    with stream:
        try:
            with _pillow_reads():
                picture = Image.open(stream, formats=_FORMATS)
            with picture:
                if picture.width * picture.height > max_pixels:
                    raise DataError(
                        f"{name}: expected at most {max_pixels} pixels, "
                        f"got {picture.width}x{picture.height}"
                    )
                pixels = picture.width * picture.height
                if pixels > _MANY_PIXELS:
                    _core.engine.require_memory(_PIXEL_BYTES * pixels, name)
                tiff = picture.format == "TIFF"
                with _quiet_libtiff() if tiff else contextlib.nullcontext():
                    yield picture
        except UnidentifiedImageError as error:
            raise DataError(f"{name}: expected a picture ({formats})") from error
        except Image.DecompressionBombError as error:
            raise DataError(
                f"{name}: expected a picture ({formats}): {error}"
            ) from error
        except DataError:
            raise
        except (*_DAMAGE, ValueError) as error:
            raise DataError(
                f"{name}: expected a whole picture; {shortened(str(error), 200)}"
            ) from error


@contextlib.contextmanager
def _pillow_reads() -> Iterator[None]:
    """Inside, only Pillow is at work, which meets damage with these errors, too."""
    try:
        yield
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise OSError(str(error)) from error


@contextlib.contextmanager
def _quiet_libtiff() -> Iterator[None]:
    """Without the lines that libtiff writes to the terminal itself, one for each row that
    is broken; Pillow's exception says that there were some."""
    from PIL import _imaging

    set_handler = getattr(ctypes.CDLL(_imaging.__file__), "TIFFSetErrorHandler", None)
    if set_handler is None:  # Pillow without it
        yield
        return
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    with _libtiff:
        before = set_handler(None)
        try:
            yield
        finally:
            set_handler(before)


def picture_name(source: str | PathLike[str] | bytes) -> str:
    """What errors call it."""
    return "picture" if isinstance(source, bytes) else shown_name(source)


def read_picture(
    source: str | PathLike[str] | bytes,
    *,
    colour: bool = False,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> npt.NDArray[np.uint8]:
    """One picture as uint8 (H, W), or (3, H, W) in colour; see-through becomes white, and
    photographs stand as their EXIF orientation says.

    Args:
        source: A file, or its bytes.
        colour: Three channels instead of one.
        max_pixels: What is larger is refused before it is unpacked.
        name: For errors. Default: the file's.
    Raises:
        DataError: not a picture, corrupt, or too large; no ordinary file.
        FileNotFoundError: nothing is there; IsADirectoryError: a folder.
    """
    name = picture_name(source) if name is None else name
    with _picture_in(source, name, max_pixels) as picture:
        return picture_pixels(picture, name, colour)


def picture_pixels(picture: Any, name: str, colour: bool) -> npt.NDArray[np.uint8]:
    """What `read_picture` gives of a Pillow image."""
    if picture.mode in _DEEP:
        picture = _of_8_bits(picture, name)
    array = _converted(upright(picture), "RGB" if colour else "L")
    return np.ascontiguousarray(array.transpose(2, 0, 1) if colour else array)


def _of_8_bits(picture: Any, name: str) -> Any:
    """A grey picture of 16 bits a pixel, rounded to 8: 257 levels become one."""
    from PIL import Image

    turned = upright(picture)
    levels = np.asarray(turned)
    low, high = levels.min(initial=0), levels.max(initial=0)
    if picture.mode == "F" or low < 0 or high > _LEVELS_16:
        raise DataError(
            f"{name}: expected 8 or 16 bits a channel, got mode {picture.mode} with values "
            f"from {low} to {high}"
        )
    return Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _converted(picture: Any, mode: str) -> npt.NDArray[np.uint8]:
    """All pixels in this mode, on white where the picture is see-through: by strips of
    rows, between which other threads have their turn."""
    width, height = picture.size
    clear = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    rows = max(1, _STRIP_PIXELS // max(1, width))
    strips = []
    for top in range(0, height, rows):
        whole = rows >= height
        end = min(top + rows, height)
        strip = picture if whole else picture.crop((0, top, width, end))
        strips.append(np.asarray((on_white(strip) if clear else strip).convert(mode)))
    return strips[0] if len(strips) == 1 else np.concatenate(strips)


def upright(picture: Any) -> Any:
    """A Pillow image as its EXIF orientation says that it is to be seen."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    with _pillow_reads():
        picture.load()  # Pillow itself turns TIFFs then, and forgets their orientation
        turn = turns.get(picture.getexif().get(_ORIENTATION))
    return picture if turn is None else picture.transpose(turn)


def is_colour(source: str | PathLike[str] | bytes, where: str) -> bool:
    """Whether a picture has colours: no grey mode, no palette of greys."""
    with _picture_in(source, where) as picture:
        if picture.mode == "P" and "transparency" not in picture.info:
            palette = np.asarray(picture.getpalette() or [0, 0, 0]).reshape(-1, 3)
            return bool((palette != palette[:, :1]).any())
        return picture.mode not in ("1", "L", "LA", *_DEEP)


def picture_files(folder: Path) -> list[Path]:
    """The pictures that lie in a folder, by name, in alphabetical order.

    Raises DataError for a folder, pipe or device that is called like a picture.
    """
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
    for file in files:
        if file.is_dir():
            raise DataError(
                f"{shown_name(folder)}/{shown_name(file)}: expected a picture, got a folder"
            )
        check_ordinary(file)
    return files


def listed_picture(
    source: str | PathLike[str] | bytes,
    where: str,
    *,
    colour: bool,
    any_size: bool = False,
) -> npt.NDArray[np.uint8]:
    """One of a data set's pictures, (H, W) or (3, H, W); DataError for one that is larger
    than a data set's images may be, before it is unpacked, unless `any_size`."""
    if not isinstance(source, bytes) and Path(source).is_dir():
        raise DataError(f"{where}: expected a picture, got a folder")
    with _picture_in(source, where) as picture:
        if max(picture.size) > _MAX_SIDE and not any_size:
            raise DataError(
                f"{where}: expected at most {_MAX_SIDE} pixels a side, got "
                f"{picture.width}x{picture.height}; give size=(height, width)"
            )
        return picture_pixels(picture, where, colour)


def room_for(
    count: int, picture: npt.NDArray[np.uint8], where: str
) -> npt.NDArray[np.uint8]:
    """An array for so many pictures like this one. Raises OutOfMemory."""
    _core.engine.require_memory(count * picture.size, where)
    return np.empty((count, *picture.shape), np.uint8)
