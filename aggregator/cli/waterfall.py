"""The bars of one request drawn as lines of text, for ``aggregator get``."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.diagnostics.display import cells, cut, padded
from aggregator.exchange import State
from aggregator.runtime.bars import Bar, duration_text

_SHADES = ("░", "█", "▓")
LEGEND = "░ waiting, connecting  █ upstream at work  ▓ body coming"
_COLOURS = {State.OK: "32", State.FAILED: "31", State.DEFAULT: "33", State.STALE: "33"}
_WIDEST_NAME, _NARROWEST_NAME = 28, 8
_WIDEST_BAR, _NARROWEST_BAR = 50, 10
_NOTE = 12
"""Cells that a name leaves to the note of its line."""
_BESIDE = 18
"""Cells of a line that are neither name nor bar nor note: time, status, spaces."""


def draw(bars: Sequence[Bar], width: int = 80, *, color: bool = False) -> list[str]:
    """Return one line for each of *bars*, at most *width* wide: name, bar, time, status, note.

    ``░`` is waiting and connecting, ``█`` the upstream at work, ``▓`` its body on the way.
    """
    if not bars:
        return []
    named = ["  " * bar.depth + bar.name for bar in bars]
    most = max(_NARROWEST_NAME, min(_WIDEST_NAME, width - _NARROWEST_BAR - _BESIDE - _NOTE))
    names = min(max(map(cells, named)), most)
    notes = max(cells(bar.note) for bar in bars)
    room = max(_NARROWEST_BAR, min(_WIDEST_BAR, width - names - notes - _BESIDE))
    left = width - names - room - _BESIDE
    whole = max(bar.end for bar in bars)
    return [
        f"{_line(bar, padded(cut(name, names), names), room, whole, color)}  {_note(bar, left)}".rstrip()
        for bar, name in zip(bars, named, strict=True)
    ]


def _note(bar: Bar, most: int) -> str:
    return cut(bar.note, most) if most > 0 else ""


def _line(bar: Bar, name: str, room: int, whole: float, color: bool) -> str:
    """Return the line of *bar* up to its note."""
    picture = _picture(bar, room, whole)
    if color and bar.state in _COLOURS:
        picture = f"\x1b[{_COLOURS[bar.state]}m{picture}\x1b[0m"
    ran = bar.state not in (None, State.SKIPPED)
    time = duration_text(bar.milliseconds / 1000) if ran else ""
    return f"{name}  {picture} {time:>8} {bar.status or ('–' if ran else ''):>4}"


def _picture(bar: Bar, room: int, whole: float) -> str:
    if bar.state in (None, State.SKIPPED) or whole <= 0:
        return " " * room
    edges = [round(moment / whole * room) for moment in (bar.start, bar.sent, bar.first_byte, bar.end)]
    start = min(edges[0], room - 1)
    shades = "".join(shade * (last - first) for shade, first, last in zip(_SHADES, edges, edges[1:], strict=False))
    return f"{' ' * start}{shades or _SHADES[1]:<{room - start}}"[:room]
