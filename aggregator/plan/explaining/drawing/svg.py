"""Boxes in columns with arrows between them, as SVG that needs nothing else: for pictures of plans in documents.

A picture is read by people and put into pull requests: it has a light and a dark form (``prefers-color-scheme``), no
script, no font to load, and every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from msgspec import Struct

_CHARACTER = 7.25
"""Width of a character in pixels, in a monospaced font of 12 pixels."""
_LINE = 17
_PADDING = 10
_COLUMN_GAP = 70
_ROW_GAP = 22
_MARGIN = 16
_WIDEST = 64

_STYLE = """\
:root{color-scheme:light dark}
svg{background:#fff;font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.box{fill:#f6f8fa;stroke:#57606a}.end{fill:#ddf4ff;stroke:#0969da}.maybe{stroke-dasharray:5 3}
.after{fill:#fff8c5;stroke:#9a6700}
text{fill:#1f2328}.title{font-weight:bold}.note{fill:#57606a}
.arrow{fill:none;stroke:#57606a;stroke-width:1.3}.dotted{stroke-dasharray:2 4}#tip{fill:#57606a}
@media(prefers-color-scheme:dark){svg{background:#0d1117}.box{fill:#161b22;stroke:#8b949e}.end{fill:#0c2d6b;stroke:#58a6ff}
.after{fill:#341a00;stroke:#d29922}text{fill:#e6edf3}.note{fill:#9ea7b3}.arrow{stroke:#8b949e}#tip{fill:#8b949e}}
"""  # fmt: skip

_OPENING = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}" width="{width}" height="{height}" '
    'viewBox="0 0 {width} {height}">\n<title>{name}</title>\n<style>'
    + _STYLE.replace("{", "{{").replace("}", "}}")
    + '</style>\n<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path id="tip" d="M0 0 8 4 0 8z"/></marker>'
)


class Box(Struct, frozen=True):
    """A box in *column* (from 0, left to right), below those that came before it: a *title* and *notes* under it.

    *kind* is ``box`` for a call, ``maybe`` for one whose failure does not fail the answer, ``end`` for request and
    answer, ``after`` for what happens when the answer has left.
    """

    key: str
    column: int
    title: str
    notes: tuple[str, ...] = ()
    kind: str = "box"

    @property
    def lines(self) -> list[str]:
        """The notes, cut into lines that fit."""
        return [line for note in self.notes for line in _folded(note)]

    @property
    def width(self) -> float:
        """Width in pixels."""
        return max(map(len, [self.title, *self.lines])) * _CHARACTER + 2 * _PADDING

    @property
    def height(self) -> float:
        """Height in pixels; a lane for arrows has no title and needs little."""
        if not self.title:
            return 2.0
        return (1 + len(self.lines)) * _LINE + 2 * _PADDING - 4


class Arrow(Struct, frozen=True):
    """An arrow from one box to another, by their keys."""

    source: str
    target: str
    is_dotted: bool = False


class Drawing(Struct, frozen=True):
    """Boxes with their places by key, arrows with their SVG paths, and the width and height of the whole."""

    places: dict[str, Placed]
    paths: list[tuple[Arrow, str]]
    width: float
    height: float


class Placed(Struct, frozen=True):
    """A *box* where it is drawn, in pixels from the left and the top."""

    box: Box
    x: float
    y: float
    width: float


def draw_svg(name: str, boxes: Sequence[Box], arrows: Iterable[Arrow]) -> str:
    """Return the picture of *boxes* and *arrows*, called *name* for those who do not see it."""
    drawing = arranged(boxes, arrows)
    drawn = [
        _OPENING.format(name=escape(name), width=round(drawing.width), height=round(drawing.height)),
        *(_arrow(arrow, path) for arrow, path in drawing.paths),
        *(line for placed in drawing.places.values() for line in _box(placed)),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def arranged(boxes: Sequence[Box], arrows: Iterable[Arrow]) -> Drawing:
    """Return where *boxes* and *arrows* are: each column centred, and lanes below the boxes that arrows pass by."""
    arrows = list(arrows)
    columns: dict[int, list[Box]] = {}
    for box in boxes:
        columns.setdefault(box.column, []).append(box)
    by_key = {box.key: box for box in boxes}
    lanes = {arrow: _lanes(by_key[arrow.source], by_key[arrow.target]) for arrow in arrows}
    for lane in {lane.key: lane for found in lanes.values() for lane in found}.values():
        columns.setdefault(lane.column, []).append(lane)
    places, width, height = _placed(columns)
    paths = [(arrow, _path([places[key] for key in _way(arrow, lanes[arrow])])) for arrow in arrows]
    return Drawing({box.key: places[box.key] for box in boxes}, paths, width, height)


def _lanes(source: Box, target: Box) -> list[Box]:
    """Return the free places by which an arrow gets past the columns in between; all to one target share them."""
    return [Box(f"{target.key} past {column}", column, "") for column in range(source.column + 1, target.column)]


def _way(arrow: Arrow, lanes: Iterable[Box]) -> list[str]:
    return [arrow.source, *(lane.key for lane in lanes), arrow.target]


def _placed(columns: dict[int, list[Box]]) -> tuple[dict[str, Placed], float, float]:
    heights = {
        number: sum(box.height for box in column) + _ROW_GAP * (len(column) - 1) for number, column in columns.items()
    }
    tallest = max(heights.values(), default=0.0)
    places: dict[str, Placed] = {}
    x = float(_MARGIN)
    for number in sorted(columns):
        y = _MARGIN + (tallest - heights[number]) / 2
        width = max(box.width for box in columns[number])
        for box in columns[number]:
            places[box.key] = Placed(box, x, y, width)
            y += box.height + _ROW_GAP
        x += width + _COLUMN_GAP
    return places, x - _COLUMN_GAP + _MARGIN, tallest + 2 * _MARGIN


def _box(placed: Placed) -> Iterator[str]:
    box, x, y = placed.box, placed.x, placed.y
    kind = "box maybe" if box.kind == "maybe" else box.kind
    yield (
        f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{placed.width:.0f}" height="{box.height:.0f}" rx="6"/>'
    )
    baseline = y + _PADDING + 10
    for number, line in enumerate([box.title, *box.lines]):
        look = "note" if number else "title"
        yield (
            f'<text class="{look}" x="{x + _PADDING:.0f}" y="{baseline + number * _LINE:.0f}" xml:space="preserve">'
            f"{escape(line)}</text>"
        )


def _arrow(arrow: Arrow, path: str) -> str:
    look = "arrow dotted" if arrow.is_dotted else "arrow"
    return f'<path class="{look}" d="{path}" marker-end="url(#head)"/>'


def _path(way: Sequence[Placed]) -> str:
    """Return the path from the first of *way* to the last: a curve between columns, a straight line along a lane."""
    x, y = way[0].x + way[0].width, way[0].y + way[0].box.height / 2
    drawn = f"M{x:.0f} {y:.0f}"
    for place in way[1:]:
        to_x, to_y = place.x - (2 if place is way[-1] else 0), place.y + place.box.height / 2
        bend = max(30.0, (to_x - x) / 2)
        drawn += f"C{x + bend:.0f} {y:.0f} {to_x - bend:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
        if place is not way[-1]:
            drawn += f"H{place.x + place.width:.0f}"
        x, y = place.x + place.width, to_y
    return drawn


def _folded(text: str) -> Iterator[str]:
    """Yield *text* in lines of at most ``_WIDEST`` characters, cut after a separator where there is one."""
    while len(text) > _WIDEST:
        cut = max(text.rfind(mark, 20, _WIDEST) for mark in " ,/&?")
        cut = cut + 1 if cut > 0 else _WIDEST
        yield text[:cut].rstrip()
        text = "  " + text[cut:].lstrip()
    yield text
