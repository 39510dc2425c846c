"""Where windows lie: TensorFlow's padding beside digitnet's, which is the same all round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from digitnet._core import DataError

_LARGEST = 65536  # pixels a side

Zeros = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Window:
    """How a convolution or pool goes along one side of an image.

    Attributes:
        size, stride: Of the window.
        before: Pixels around that the first window reaches over.
        outputs: How many windows there are.
    """

    size: int
    stride: int
    before: int
    outputs: int


def pair(value: Any, least: int = 1) -> tuple[int, int]:
    """(height, width) of a Keras option that is one number or two; none: 1 each.

    Raises DataError for anything else.
    """
    values = value if isinstance(value, list | tuple) else (value, value)
    if value is None:
        values = (1, 1)
    if len(values) != 2 or not all(
        isinstance(v, int) and least <= v <= _LARGEST for v in values
    ):
        raise DataError(
            f"load_weights: expected one or two whole numbers from {least} to "
            f"{_LARGEST} in the file's config, got {str(value)[:60]}"
        )
    return values[0], values[1]


def zeros_of(config: dict[str, Any]) -> Zeros:
    """What a ZeroPadding2D adds, by its config."""
    padding = config.get("padding", 1)
    nested = isinstance(padding, list | tuple) and len(padding) == 2
    if nested and any(isinstance(p, list | tuple) for p in padding):
        return pair(padding[0], 0), pair(padding[1], 0)
    height, width = pair(padding, 0)
    return (height, height), (width, width)


def keras_windows(
    config: dict[str, Any],
    size: Any,
    side: tuple[int, ...],
    zeros: Zeros | None = None,
    stride: Any = 1,
) -> tuple[Window, Window]:
    """A Keras layer's windows on an image of these sides.

    With padding "same" the pixels that are missing are split between both ends, and the
    odd one is at the end: bottom and right.

    Args:
        config: Its strides and padding; Keras 1 called them subsample and border_mode.
        size: Of the window.
        side: (height, width).
        zeros: ((top, bottom), (left, right)) that a ZeroPadding2D before it has added.
        stride: Where the config gives none: 1, and of pools their size.
    """
    strides = pair(config.get("strides", config.get("subsample")) or stride)
    padding = config.get("padding", config.get("border_mode", "valid"))
    if padding not in ("same", "valid"):
        raise DataError(
            "load_weights: expected padding 'same' or 'valid' in the file's config, got "
            f"{padding!r:.40}"
        )
    added = zeros or ((0, 0), (0, 0))
    windows = []
    for length, window, stride, (start, end) in zip(
        side, pair(size), strides, added, strict=True
    ):
        padded, before = length + start + end, start
        if padding == "same":
            outputs = -(-padded // stride)
            missing = max(0, (outputs - 1) * stride + window - padded)
            before += missing // 2
        else:
            outputs = (padded - window) // stride + 1
        windows.append(Window(window, stride, before, outputs))
    return windows[0], windows[1]


def our_window(size: int, stride: int, padding: int, length: int) -> Window:
    """The window of one of digitnet's layers."""
    return Window(size, stride, padding, (length + 2 * padding - size) // stride + 1)


def offset(theirs: Window, ours: Window) -> int | None:
    """Where their kernel lies within ours, with zeros around; None if it cannot be so."""
    start = ours.before - theirs.before
    fits = start >= 0 and start + theirs.size <= ours.size
    same = (theirs.stride, theirs.outputs) == (ours.stride, ours.outputs)
    return start if fits and same else None


def equal_conv(
    windows: tuple[Window, Window], side: tuple[int, ...]
) -> tuple[int, int] | None:
    """The smallest (kernel, padding) of a digitnet convolution that equals Keras', or None.

    A kernel with zeros in its first rows and columns starts later: so one that is a
    pixel larger stands for padding at the bottom and right only.
    """
    largest = max(window.size for window in windows)
    for padding in range(min(window.before for window in windows), largest + 1):
        size = max(w.size + padding - w.before for w in windows)
        if 2 * padding + min(side) < size:
            continue
        ours = [our_window(size, windows[0].stride, padding, s) for s in side]
        if all(offset(w, o) is not None for w, o in zip(windows, ours, strict=True)):
            return size, padding
    return None
