"""A hook of mkdocs: the mermaid diagrams of a page become pictures while the site is built.

A browser would have to load mermaid from elsewhere; the site loads nothing. Only what the pages use is understood, and
a line beyond that ends the build: flowcharts from left to right, and sequence diagrams.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape, unescape
from typing import Any

from aggregator.plan.explaining.drawing.svg import Arrow, Box, draw_svg

_FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NODE = re.compile(r"""(\w+)(?:[\[({]+(?:"([^"]*)"|([^\[\](){}"]*))[\])}]+)?""")
_LINK = re.compile(r"""\s*-->(?:\|"?([^|"]*)"?\|)?\s*""")
_CALL = re.compile(r"(\w+)(-?->>)(\w+): (.*)")
_COLUMN, _ROW, _SIGN, _EDGE = 150, 34, 6.6, 20
_STYLE = """\
:root{color-scheme:light dark}svg{background:#fff;font:12px ui-monospace,Menlo,Consolas,monospace}
text{fill:#1f2328}.who{fill:#f6f8fa;stroke:#57606a}path{stroke:#57606a;stroke-width:1.2;fill:none}
.life{stroke-dasharray:2 4}.back{stroke-dasharray:5 3}.case{font-style:italic;fill:#57606a}
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.who{fill:#161b22;stroke:#8b949e}
path{stroke:#8b949e}.case{fill:#9ea7b3}}"""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return *markdown* with a picture in the place of each diagram."""
    return _FENCE.sub(lambda fence: _image(drawn(fence[1])), markdown)


def drawn(diagram: str) -> str:
    """Return *diagram*, in the words of mermaid, as SVG; raises ``ValueError`` for what is not understood."""
    kind, *lines = [line.strip() for line in diagram.splitlines() if line.strip()]
    if kind == "flowchart LR":
        return _flowchart(lines)
    if kind == "sequenceDiagram":
        return _sequence(lines)
    raise ValueError(f"a diagram of the kind {kind!r} is not drawn")


def _image(svg: str) -> str:
    title = re.search("<title>(.*?)</title>", svg)
    data = b64encode(svg.encode()).decode()
    image = f'<img alt="{title[1] if title else ""}" style="max-width:none" src="data:image/svg+xml;base64,{data}">'
    return f'<div style="overflow-x:auto">{image}</div>'  # legible on a phone, too


def _flowchart(lines: list[str]) -> str:
    """Draw boxes from left to right; what a link says stands in the box that it leads to."""
    titles: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    arrows: list[Arrow] = []
    for line in lines:
        position, before, label = 0, "", ""
        while position < len(line):
            node = _NODE.match(line, position)
            if node is None:
                raise ValueError(f"{line!r} is not drawn")
            titles.setdefault(node[1], node[1])
            titles[node[1]] = node[2] or node[3] or titles[node[1]]
            if before:
                arrows.append(Arrow(before, node[1]))
                said.setdefault(node[1], []).extend([f"by {label}"] if label else [])
            link = _LINK.match(line, node.end())
            if link is None and node.end() < len(line):
                raise ValueError(f"{line!r} is not drawn")
            before, label, position = node[1], link[1] or "" if link else "", link.end() if link else len(line)
    columns, boxes = _columns_of(titles, arrows), []
    for key, title in titles.items():
        first, *rest = unescape(title).split("<br>")
        boxes.append(Box(key, columns[key], first, (*rest, *said.get(key, ()))))
    return draw_svg("How the pieces follow each other", boxes, arrows)


def _columns_of(keys: Iterable[str], arrows: list[Arrow]) -> dict[str, int]:
    """Return the column of each box: behind all that lead to it, and no further from what it leads to than need be."""
    columns = dict.fromkeys(keys, 0)
    for _ in columns:
        for arrow in arrows:
            columns[arrow.target] = max(columns[arrow.target], columns[arrow.source] + 1)
    for _ in columns:
        for key in columns:
            after = [columns[arrow.target] for arrow in arrows if arrow.source == key]
            columns[key] = min(after) - 1 if after else columns[key]
    return columns


def _sequence(lines: list[str]) -> str:
    """Draw a column for each participant, and a row for each line."""
    names: dict[str, str] = {}
    rows: list[str] = []
    y = 70
    for line in lines:
        if line.startswith("participant "):
            key, _, name = line.removeprefix("participant ").partition(" as ")
            names[key] = name or key
        elif line != "end":
            rows += _row(line, list(names), y)
            y += _ROW
    return "\n".join([*_columns(list(names.values()), y), *rows, "</svg>"])


def _middle(column: int) -> int:
    return _EDGE + _COLUMN // 2 + column * _COLUMN


def _row(line: str, keys: list[str], y: int) -> Iterator[str]:
    word, _, case = line.partition(" ")
    if word in ("alt", "else"):
        yield f'<text class="case" x="{_EDGE}" y="{y}">{"if" if word == "alt" else word}: {escape(case)}</text>'
        return
    call = _CALL.fullmatch(line)
    if call is None:
        raise ValueError(f"{line!r} is not drawn")
    start, end = _middle(keys.index(call[1])), _middle(keys.index(call[3]))
    look = "back" if call[2] == "-->>" else "go"
    if start == end:
        yield f'<path class="{look}" d="M{start} {y - 8}h16v10h-14" marker-end="url(#head)"/>'
        yield f'<text x="{start + 22}" y="{y}">{escape(call[4])}</text>'
        return
    yield f'<path class="{look}" d="M{start} {y + 4}H{end + (-2 if end > start else 2)}" marker-end="url(#head)"/>'
    left = (start + end) / 2 - len(call[4]) * _SIGN / 2
    yield f'<text x="{max(left, 2):.0f}" y="{y - 2}">{escape(call[4])}</text>'


def _columns(names: list[str], bottom: int) -> Iterator[str]:
    width = 2 * _EDGE + _COLUMN * len(names) + _COLUMN
    yield f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{bottom}" '
    yield f'viewBox="0 0 {width} {bottom}">'
    yield f"<title>The walk of a request</title><style>{_STYLE}</style>"
    yield '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    yield '<path d="M0 0 8 4 0 8"/></marker>'
    for column, name in enumerate(names):
        x, wide = _middle(column), len(name) * _SIGN * 1.12 + 14
        yield f'<rect class="who" x="{x - wide / 2:.0f}" y="12" width="{wide:.0f}" height="26" rx="5"/>'
        yield f'<text x="{x - len(name) * _SIGN * 1.12 / 2:.0f}" y="29">{escape(name)}</text>'
        yield f'<path class="life" d="M{x} 38V{bottom - 6}"/>'
