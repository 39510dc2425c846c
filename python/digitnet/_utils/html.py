"""HTML pages that open without a server: style and pictures are inside, and a content
security policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from digitnet._utils.figures import Display
from digitnet._utils.files import write_whole

if TYPE_CHECKING:
    import pandas as pd

_STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2,h3{line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid #ccc;padding-bottom:.2rem}
nav{background:#f5f5f5;padding:.5rem 1rem}nav ol{margin:0;padding-left:1.5rem;columns:18rem}a{color:#0b5394}
table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}
thead th{border-bottom:2px solid #999}tbody th{font-weight:400}
th:first-child,td:first-child{text-align:left}figure{margin:1rem 0}figcaption{font-weight:600}img{max-width:100%}
code,pre{background:#f5f5f5}pre{padding:.7rem;overflow:auto}.lead{font-size:2rem}.note{background:#fff7e0;padding:.3rem .8rem}.small{color:#666;font-size:.85rem}"""

# The page's own style and pictures and nothing else: no script, nothing from elsewhere.
_STYLE_SHA256 = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_SHA256}'; "
    "base-uri 'none'; form-action 'none'"
)
_PANDAS_STYLE = re.compile(r'<(t[hr]) style="text-align: right;">')  # _STYLE says it


def image(title: str, png: bytes) -> str:
    """An `img` that has the picture inside; `title` is the text that stands for it."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'


class Page:
    """One page, written from top to bottom; whatever is text is escaped.

    Each section has an anchor, and the list of contents at the top links to it.

    Example:
        >>> from digitnet._utils.html import Page
        >>> page = Page("Results")
        >>> page.section("1 < 2")
        >>> "<h2>1 &lt; 2</h2>" in str(page)
        True
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._sections: dict[str, str] = {}  # anchor to title
        self._opening: list[str] = []  # above the contents
        self._parts: list[str] = []

    # -- parts of a page --------------------------------------------------------

    def section(self, title: str) -> None:
        """Begin a section: what is added next belongs to it."""
        if self._sections:
            self._parts.append("</section>")
        anchor = self._anchor(title)
        self._sections[anchor] = title
        self._parts.append(f'<section id="{anchor}"><h2>{html.escape(title)}</h2>')

    def subsection(self, title: str, *, anchor: str = "") -> None:
        """A smaller heading, which the contents do not list."""
        self._add(f"<h3{_id(anchor)}>{html.escape(title)}</h3>")

    def text(self, words: str, kind: str = "") -> None:
        """A paragraph; `kind` is "", "lead" (large), "note" (in a box) or "small"."""
        attribute = f' class="{kind}"' if kind else ""
        self._add(f"<p{attribute}>{html.escape(words)}</p>")

    def bullets(self, lines: Iterable[str]) -> None:
        """A list."""
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        self._add(f"<ul>{items}</ul>")

    def links(self, lines: Iterable[tuple[str, str, str]]) -> None:
        """A list of (words, anchor or "", more words): words with an anchor link to it."""
        items = []
        for words, anchor, more in lines:
            shown = html.escape(words)
            if anchor:
                shown = f'<a href="#{html.escape(anchor)}">{shown}</a>'
            items.append(f"<li>{shown}{html.escape(f' ({more})' if more else '')}</li>")
        self._add(f"<ul>{''.join(items)}</ul>")

    def code(self, text: str) -> None:
        """Text of fixed width, its line breaks as they are."""
        self._add(f"<pre>{html.escape(text)}</pre>")

    def table(
        self,
        frame: pd.DataFrame,
        *,
        index: bool = True,
        number: str = "{:.4f}",
        missing: str = "",
    ) -> None:
        """A table of a frame; `number` is the format of its floats."""
        import pandas as pd

        name = frame.index.name
        if index and name is not None:  # beside the columns' names, not in a row below
            frame = frame.rename_axis(index=None, columns=str(name))
        with pd.option_context("display.max_colwidth", None):  # whole texts
            text = frame.to_html(
                index=index, float_format=number.format, na_rep=missing, border=0
            )
        self._add(_PANDAS_STYLE.sub(r"<\1>", text))

    def picture(
        self, title: str, png: bytes, *, caption: bool = True, anchor: str = ""
    ) -> None:
        """A PNG, stored in the page, below its title unless the section's is the same."""
        above = f"<figcaption>{html.escape(title)}</figcaption>" if caption else ""
        self._add(f"<figure{_id(anchor)}>{above}{image(title, png)}</figure>")

    # -- the whole --------------------------------------------------------------

    def __str__(self) -> str:
        title = html.escape(self.title)
        links = "".join(
            f'<li><a href="#{anchor}">{html.escape(name)}</a></li>'
            for anchor, name in self._sections.items()
        )
        contents = f'<nav aria-label="Contents"><ol>{links}</ol></nav>' if links else ""
        end = "</section>" if self._sections else ""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body>"
            f"<h1>{title}</h1>{''.join(self._opening)}{contents}"
            f"{''.join(self._parts)}{end}</body></html>"
        )

    def save(self, path: Path) -> Path:
        """Write the page, whole or not at all; returns the path."""
        write_whole(path, str(self).encode())
        return path

    def _add(self, part: str) -> None:
        (self._parts if self._sections else self._opening).append(part)

    def _anchor(self, title: str) -> str:
        """Readable, and different from those before."""
        plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        anchor, count = plain, 1
        while anchor in self._sections:
            count += 1
            anchor = f"{plain}-{count}"
        return anchor


def _id(anchor: str) -> str:
    return f' id="{html.escape(anchor)}"' if anchor else ""


def saved_png(path: Path, draw: Callable[[], Display]) -> bytes:
    """Draw a Display, save it at `path`, close it; returns the PNG's bytes."""
    display = draw()
    display.save(path)
    display.close()
    return path.read_bytes()
