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
        """Height in pixels."""
        return (1 + len(self.lines)) * _LINE + 2 * _PADDING - 4


class Arrow(Struct, frozen=True):
    """An arrow from one box to another, by their keys."""

    source: str
    target: str
    is_dotted: bool = False


class Placed(Struct, frozen=True):
    """A *box* where it is drawn, in pixels from the left and the top."""

    box: Box
    x: float
    y: float
    width: float


def draw_svg(name: str, boxes: Sequence[Box], arrows: Iterable[Arrow]) -> str:
    """Return the picture of *boxes* and *arrows*, called *name* for those who do not see it."""
    places, width, height = arranged(boxes)
    drawn = [
        _OPENING.format(name=escape(name), width=round(width), height=round(height)),
        *(_arrow(places[arrow.source], places[arrow.target], arrow) for arrow in arrows),
        *(line for placed in places.values() for line in _box(placed)),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def arranged(boxes: Sequence[Box]) -> tuple[dict[str, Placed], float, float]:
    """Return *boxes* by key with their places, each column centred, and the width and height of the whole."""
    columns: dict[int, list[Box]] = {}
    for box in boxes:
        columns.setdefault(box.column, []).append(box)
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


def _arrow(source: Placed, target: Placed, arrow: Arrow) -> str:
    x1, y1 = source.x + source.width, source.y + source.box.height / 2
    x2, y2 = target.x - 2, target.y + target.box.height / 2
    bend = max(30.0, (x2 - x1) / 2)
    look = "arrow dotted" if arrow.is_dotted else "arrow"
    path = f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    return f'<path class="{look}" d="{path}" marker-end="url(#head)"/>'


def _folded(text: str) -> Iterator[str]:
    """Yield *text* in lines of at most ``_WIDEST`` characters, cut after a separator where there is one."""
    while len(text) > _WIDEST:
        cut = max(text.rfind(mark, 20, _WIDEST) for mark in " ,/&?")
        cut = cut + 1 if cut > 0 else _WIDEST
        yield text[:cut].rstrip()
        text = "  " + text[cut:].lstrip()
    yield text
