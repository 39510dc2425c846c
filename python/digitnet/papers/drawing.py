"""A drawing as a person would make it, for recipes that recognise one."""

from __future__ import annotations

from pathlib import Path

# Where the pen goes, in pixels of a sheet of 200 x 240.
_PEN = [
    *((62, 58), (78, 40), (104, 33), (130, 42), (140, 64), (132, 88), (112, 104)),
    *((94, 110), (116, 114), (138, 128), (147, 152), (140, 180), (118, 198)),
    *((90, 202), (66, 192), (52, 174)),
]


def draw_three(path: Path) -> None:
    """Write a picture of a 3 in blue ink on slightly grey paper."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (200, 240), (244, 242, 236))
    pen = ImageDraw.Draw(sheet)
    pen.line(_PEN, fill=(28, 40, 120), width=13, joint="curve")
    for x, y in (_PEN[0], _PEN[-1]):
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=(28, 40, 120))
    sheet.save(path)
