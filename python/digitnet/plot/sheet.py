"""A grid of small images in one axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from digitnet._utils.text import shortened

_MAX_NAMED_BARS = 20
_MAX_LETTERS = 100  # of a title
GAP, TITLE = 0.06, 0.2  # between the images, above them; in cells' widths


def pixels_of(image: Any, max_value: float) -> Any:
    """(H, W) or (H, W, 3) from 0 to 1, as matplotlib takes it, of (H, W) or (C, H, W).

    Channels that are no colours are averaged.
    """
    image = np.asarray(image, dtype=float) / max_value
    if image.ndim == 3:
        image = image.transpose(1, 2, 0) if image.shape[0] == 3 else image.mean(0)
    return image.clip(0, 1)


def title_size(title: str, cells: int = 1) -> float:
    """Font size of a title above so many cells: long ones would overlap."""
    return min(8.0, max(4.0 if cells > 1 else 5.0, 160 * cells / max(1, len(title))))


class Sheet:
    """A grid of images in one axes, each with room for a title.

    An axes for each image, with ticks and a layout of its own, takes five times as long.

    Args:
        ax: The axes.
        rows, columns: Rows and columns of the grid.
        titles: Whether there is room for them.
    """

    def __init__(self, ax: Any, rows: int, columns: int, *, titles: bool = True):
        self.axes = ax
        self._tall = 1 + GAP + (TITLE if titles else 0.0)
        ax.set_axis_off()
        ax.set_autoscale_on(False)
        ax.set_xlim(-GAP, columns * (1 + GAP))
        ax.set_ylim(rows * self._tall + GAP, 0)
        ax.set_aspect("equal")

    def image(
        self,
        at: tuple[int, int],
        image: Any,
        max_value: float,
        title: str = "",
        colour: str = "black",
    ) -> None:
        """One image, (H, W) or (C, H, W), in a row and column; white where it is 0."""
        pixels = pixels_of(image, max_value)
        self.layer(at, pixels, pixels.shape, cmap="gray_r", vmin=0, vmax=1)
        self._frame(self._box(at, pixels.shape))
        if title:
            self.title(at, title, colour)

    def title(
        self, at: tuple[int, int], text: str, colour: str = "black", cells: int = 1
    ) -> None:
        """Above so many cells."""
        left, _, bottom, _ = self._box(at, (1, 1))
        text = text if len(text) <= _MAX_LETTERS else shortened(text, _MAX_LETTERS)
        label = self.axes.text(
            left + (cells + (cells - 1) * GAP) / 2,
            bottom - 1.03,
            text,
            ha="center",
            va="bottom",
            color=colour,
            fontsize=title_size(text, cells),
        )
        label.set_in_layout(False)  # its room is set aside

    def bars(
        self, at: tuple[int, int], shares: Any, colours: list[str], names: list[str]
    ) -> None:
        """Bars of shares from 0 to 1 in the place of an image; up to 20 are named below."""
        from matplotlib.collections import PolyCollection

        left, right, bottom, top = self._box(at, (1, 1))
        foot = bottom - 0.12  # room for the names
        self._frame((left, right, foot, top))
        wide = (right - left) / len(shares)
        corners = []
        for k, share in enumerate(shares):
            x, tip = left + k * wide, foot - share * (foot - top)
            near, far = x + 0.1 * wide, x + 0.9 * wide
            corners.append([(near, foot), (far, foot), (far, tip), (near, tip)])
            if len(shares) > _MAX_NAMED_BARS:
                continue
            label = self.axes.text(
                x + wide / 2, bottom, names[k], fontsize=5, ha="center", va="bottom"
            )
            label.set_in_layout(False)
        self.axes.add_collection(PolyCollection(corners, facecolors=colours))

    def _frame(self, box: tuple[float, float, float, float]) -> None:
        from matplotlib.patches import Rectangle

        left, right, bottom, top = box
        corner, wide, tall = (left, top), right - left, bottom - top
        self.axes.add_patch(Rectangle(corner, wide, tall, fill=False, linewidth=0.8))

    def layer(
        self,
        at: tuple[int, int],
        values: Any,
        shape: Any,
        *,
        vmin: float,
        vmax: float,
        **options: Any,
    ) -> None:
        """Values in the place of an image of that shape, by `Axes.imshow`'s options."""
        from matplotlib.image import AxesImage

        drawn = AxesImage(self.axes, extent=self._box(at, shape), **options)
        drawn.set_data(values)
        drawn.set_clim(vmin, vmax)
        self.axes.add_image(drawn)

    def name_row(self, row: int, name: str) -> None:
        """A name left of a row."""
        middle = (row + 1) * self._tall - 0.5
        self.axes.text(-2 * GAP, middle, name, fontsize=8, ha="right", va="center")

    def _box(
        self, at: tuple[int, int], shape: Any
    ) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) of an image, whose longer side is 1."""
        row, column = at
        height, width = (side / max(shape[:2]) for side in shape[:2])
        left = column * (1 + GAP) + (1 - width) / 2
        bottom = (row + 1) * self._tall - (1 - height) / 2
        return left, left + width, bottom, bottom - height
