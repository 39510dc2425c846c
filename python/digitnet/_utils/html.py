"""Pages of HTML that open without a server: pictures are inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}img{max-width:100%}code,pre{background:#f5f5f5}pre{padding:.7rem;overflow:auto}
.big{font-size:2rem}.note{background:#fff7e0;padding:.3rem .8rem}"""


def image(title: str, png: bytes) -> str:
    """A picture with its title as the text that stands for it."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style>{''.join(parts)}</html>"
    )
