"""Readers of files: containers are opened here, their contents are checked in C++."""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._core import DataError
from digitnet._utils.arrays import on_white
from digitnet.data.dataset import Dataset

_GZIP = b"\x1f\x8b"
_MAX_TEXT_BYTES = 2**31  # of an inflated CSV
MAX_PIXELS = 50_000_000  # of one picture
_ORIENTATION = 0x0112  # EXIF's tag
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_SUFFIXES = {
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


def inflate(content: bytes, name: str, limit: Callable[[bytes], int]) -> bytes:
    """Unzip one gzip stream, or return what is not gzip as it is.

    Args:
        content: The file.
        name: For errors.
        limit: From the first bytes inflated, how many there may be in all.
    Raises:
        DataError: corrupt, longer than the limit, or followed by other bytes.
    """
    if not content.startswith(_GZIP):
        return content
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        start = stream.decompress(content, 64)
        max_bytes = limit(start)
        rest = stream.decompress(
            stream.unconsumed_tail, max(1, max_bytes - len(start) + 1)
        )
    except zlib.error as error:
        raise DataError(f"{name}: expected gzip data; {error}") from error
    if len(start) + len(rest) > max_bytes:
        raise DataError(
            f"{name}: expected {max_bytes} bytes inside the gzip file, got at least "
            f"{len(start) + len(rest)}"
        )
    if not stream.eof:
        stream_end = stream.decompress(stream.unconsumed_tail, 1)
        if stream_end or not stream.eof:
            raise DataError(f"{name}: expected a whole gzip file, got a truncated one")
    if stream.unused_data:
        raise DataError(f"{name}: expected one gzip stream, got bytes after its end")
    return start + rest


def idx_payload(path: str | PathLike[str], content: bytes) -> bytes:
    """The bytes of an IDX file, unzipped as far as its header promises."""
    name = Path(path).name
    return inflate(content, name, lambda start: _core.data.idx_file_bytes(start, name))


def read_idx(
    images: str | PathLike[str],
    labels: str | PathLike[str] | None = None,
    *,
    classes: int | Sequence[str] = 10,
) -> Dataset:
    """Read IDX files, plain or gzip, as MNIST and its relatives come.

    Args:
        images: File of images (magic 0x803).
        labels: File of labels (magic 0x801), or None for an unlabelled set.
        classes: K, or the K class names.
    Returns:
        Dataset of uint8 images with max_value 255.
    Raises:
        DataError: wrong magic, size, count or label; names the file and the field.
        FileNotFoundError: no such file.
    Source: LeCun, Cortes, Burges, "The MNIST database".
    """
    pixels = idx_payload(images, Path(images).read_bytes())
    sizes, offset = _core.data.read_idx(pixels, 3, Path(images).name)
    array = np.frombuffer(pixels, np.uint8, offset=offset).reshape(sizes)
    numbers = None
    if labels is not None:
        name = Path(labels).name
        content = idx_payload(labels, Path(labels).read_bytes())
        _, start = _core.data.read_idx(content, 1, name)
        count = classes if isinstance(classes, int) else len(classes)
        _core.data.check_idx_labels(content[start:], sizes[0], count, name)
        numbers = np.frombuffer(content, np.uint8, offset=start).astype(np.int64)
    return Dataset(
        array, numbers, classes=classes, max_value=255, name=str(Path(images).name)
    )


def read_csv(
    path: str | PathLike[str],
    label: str = "auto",
    header: str | bool = "auto",
    shape: Sequence[int] | None = None,
    classes: int | Sequence[str] = 10,
    *,
    max_value: float | None = None,
) -> Dataset:
    """Read images as rows of pixels: Kaggle's, Fashion-MNIST's and UCI's CSV.

    Args:
        path: A text file, plain or gzip; pixels are whole numbers from 0 to 255.
        label: Where the label column is: "first", "last", "none", or "auto" to find it
            by its name, else by the number of columns and what is in them.
        header: True, False or "auto".
        shape: (height, width) or (channels, height, width). Default: square.
        classes: K, or the K class names.
        max_value: As for Dataset.
    Raises:
        DataError: names the file, line and column.
    """
    name = Path(path).name
    content = inflate(Path(path).read_bytes(), name, lambda _: _MAX_TEXT_BYTES)
    header_options = {True: "yes", False: "no"}
    first_line = header_options[header] if isinstance(header, bool) else header
    count = classes if isinstance(classes, int) else len(classes)
    sizes = None if shape is None else [int(size) for size in shape]
    pixels, labels = _core.data.read_csv(content, label, first_line, sizes, count, name)
    return Dataset(pixels, labels, classes=classes, max_value=max_value, name=name)


@contextlib.contextmanager
def _opened(
    source: str | PathLike[str] | bytes, max_pixels: int = MAX_PIXELS
) -> Iterator[Any]:
    """A Pillow image; whatever is wrong with the file is a DataError that names it."""
    from PIL import Image, UnidentifiedImageError

    name = picture_name(source)
    stream: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(stream, formats=_FORMATS) as picture:
            if picture.width * picture.height > max_pixels:
                raise DataError(
                    f"{name}: expected at most {max_pixels} pixels, "
                    f"got {picture.width}x{picture.height}"
                )
            yield picture
    except UnidentifiedImageError as error:
        formats = ", ".join(_FORMATS)
        raise DataError(f"{name}: expected a picture ({formats})") from error
    except Image.DecompressionBombError as error:
        formats = ", ".join(_FORMATS)
        raise DataError(f"{name}: expected a picture ({formats}): {error}") from error
    except (DataError, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{name}: expected a whole picture; {error}") from error


def picture_name(source: str | PathLike[str] | bytes) -> str:
    """What errors call it."""
    return "picture" if isinstance(source, bytes) else Path(source).name


def read_picture(
    source: str | PathLike[str] | bytes,
    *,
    colour: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> npt.NDArray[np.uint8]:
    """One picture as uint8 (H, W), or (3, H, W) in colour; see-through becomes white, and
    photographs stand as their EXIF orientation says.

    Args:
        source: A file, or its bytes.
        colour: Three channels instead of one.
        max_pixels: What is larger is refused before it is unpacked.
    Raises:
        DataError: not a picture, corrupt, or too large.
    """
    with _opened(source, max_pixels) as picture:
        if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
            raise DataError(
                f"{picture_name(source)}: expected 8 bits a channel, got mode "
                f"{picture.mode}"
            )
        picture = upright(picture)
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            picture = on_white(picture)
        array = np.asarray(picture.convert("RGB" if colour else "L"))
    return np.ascontiguousarray(array.transpose(2, 0, 1) if colour else array)


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
    picture.load()  # Pillow itself turns TIFFs then, and forgets their orientation
    turn = turns.get(picture.getexif().get(_ORIENTATION))
    return picture if turn is None else picture.transpose(turn)


def _is_colour(path: Path) -> bool:
    with _opened(path) as picture:
        return picture.mode not in ("1", "L", "LA")


def picture_files(folder: Path) -> list[Path]:
    """The pictures that lie in a folder, by name, in alphabetical order."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES)


def read_folder(path: str | PathLike[str], *, colour: bool | None = None) -> Dataset:
    """Read a folder of pictures, one folder a class, classes in alphabetical order.

    Args:
        path: The folder; pictures lie in its subfolders, all of one size.
        colour: True for 3 channels, False for grey. Default: colour if any picture is.
    Returns:
        Dataset of uint8 images with max_value 255; class names are the folders'.
    Raises:
        DataError: fewer than two classes, a class without pictures, a broken picture,
            sizes that differ.
        FileNotFoundError: no such folder.
    """
    root = Path(path)
    if not root.is_dir():
        raise FileNotFoundError(f"read_folder: expected a folder, got '{root}'")
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    if len(folders) < 2:
        raise DataError(
            f"{root.name}: expected one folder a class and at least two, got {len(folders)}"
        )
    files: list[tuple[Path, int]] = []
    for k, folder in enumerate(folders):
        pictures = picture_files(folder)
        if not pictures:
            raise DataError(f"{root.name}/{folder.name}: expected pictures, got none")
        files += [(file, k) for file in pictures]
    if colour is None:
        colour = any(_is_colour(file) for file, _ in files)
    images = []
    for file, _ in files:
        images.append(read_picture(file, colour=colour))
        if images[-1].shape != images[0].shape:
            raise DataError(
                f"{file.parent.name}/{file.name}: expected {images[0].shape[-2:]} pixels "
                f"as the first picture, got {images[-1].shape[-2:]}; make them one size"
            )
    return Dataset(
        np.stack(images),
        [k for _, k in files],
        classes=[folder.name for folder in folders],
        max_value=255,
        name=root.name,
    )
