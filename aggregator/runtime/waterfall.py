"""The calls of one request as a picture of bars: what ran when, for how long, and what became of it.

``bars_of`` takes the results that a handler left in ``scope["aggregator.trace"]``; ``draw`` gives lines of text,
``bar_member`` data. Used by ``aggregator get``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from aggregator.errors import Cause
from aggregator.exchange import State
from aggregator.plan.summary import part_text
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.result import Result

CANCELLED = "cancelled"
_SHADES = ("░", "█", "▓")
_COLOURS = {State.OK: "32", State.FAILED: "31", State.DEFAULT: "33", State.STALE: "33"}
_WIDEST_NAME = 28
_SLOW_BODY = 0.005


class Bar(Struct, frozen=True):
    """One part or one attempt. Times are seconds since the request came; *sent* and *first_byte* lie within.

    *depth* is 1 for attempts before the last one and for what is inside a group. *state* is None for a part
    that was cancelled or never started.
    """

    name: str
    depth: int = 0
    start: float = 0.0
    sent: float = 0.0
    first_byte: float = 0.0
    end: float = 0.0
    state: State | None = None
    status: int = 0
    cause: Cause | None = None
    calls: int = 1
    reused: bool | None = None

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return (self.end - self.start) * 1000

    @property
    def note(self) -> str:
        """What the numbers do not say: why it failed, what stands in, whether it had to connect."""
        if self.state is None:
            return CANCELLED
        if self.state is State.SKIPPED:
            return "skipped"
        said = [] if self.cause in (None, Cause.STATUS) else [str(self.cause)]
        if self.state in (State.DEFAULT, State.STALE):
            said.append(f"→ {self.state}")
        if not said:
            said += [f"{self.calls} calls"] if self.calls != 1 else []
            said += (
                [] if self.reused is None else ["reused" if self.reused else f"connect {_ms(self.sent - self.start)}"]
            )
            said += [f"body {_ms(self.end - self.first_byte)}"] if self.end - self.first_byte > _SLOW_BODY else []
        return " ".join(said) if self.cause else " · ".join(said)


def bars_of(results: Iterable[Result], started: float, plan: EndpointPlan | None = None) -> list[Bar]:
    """Give the bars of *results* in order; *started* is when the request came (loop time).

    With *plan*, parts keep their declared order and marks, and those without a result are there as cancelled.
    """
    by_name = {result.name: result for result in results}
    if plan is None or plan.fan is None:
        return [bar for result in by_name.values() for bar in _bars(result, result.name, 0, started)]
    found: list[Bar] = []
    for part in plan.fan.parts:
        result = by_name.get(part.name)
        found += [Bar(part_text(part))] if result is None else _bars(result, part_text(part), 0, started)
    return found


def _bars(result: Result, name: str, depth: int, started: float) -> list[Bar]:
    whole = _bar(result, name, depth, started)
    before = [bar for tried in result.tried for bar in _bars(tried, f"tried {tried.upstream}", depth + 1, started)]
    inside = [bar for inner in result.parts for bar in _bars(inner, inner.name, depth + 1, started)]
    return [whole, *before, *inside]


def _bar(result: Result, name: str, depth: int, started: float) -> Bar:
    start, end, reply = result.started - started, result.ended - started, result.reply
    sent, first_byte, reused = start, end, None
    if reply is not None and not result.tried and reply.finished:
        sent = start + (reply.sent - reply.started)
        first_byte = start + (reply.first_byte - reply.started)
        reused = reply.reused
    return Bar(name, depth, start, sent, min(first_byte, end), end, result.state, result.status, result.cause,
               result.attempts, reused)  # fmt: skip


def bar_member(bar: Bar) -> dict[str, Any]:
    """Give *bar* as data; times in milliseconds."""
    if bar.state is None:
        return {"name": bar.name, "state": CANCELLED}
    return {
        "name": bar.name,
        "depth": bar.depth,
        "state": bar.state.value,
        "status": bar.status or None,
        "cause": bar.cause.value if bar.cause else None,
        "start_ms": round(bar.start * 1000, 1),
        "ms": round(bar.milliseconds, 1),
        "calls": bar.calls,
        "reused": bar.reused,
        "connect_ms": round((bar.sent - bar.start) * 1000, 1) if bar.reused is False else None,
    }


def draw(bars: Sequence[Bar], width: int = 80, *, color: bool = False) -> list[str]:
    """Give one line for each of *bars*, at most *width* wide: name, bar, time, status, note.

    ``░`` is waiting and connecting, ``█`` the upstream at work, ``▓`` its body on the way.
    """
    named = ["  " * bar.depth + bar.name for bar in bars]
    names = min(max(map(len, named), default=0), _WIDEST_NAME)
    notes = max((len(bar.note) for bar in bars), default=0)
    room = max(10, min(50, width - names - notes - 18))
    whole = max((bar.end for bar in bars), default=0.0)
    return [_line(bar, _cut(name, names), room, whole, color) for bar, name in zip(bars, named, strict=True)]


def _line(bar: Bar, name: str, room: int, whole: float, color: bool) -> str:
    picture = _picture(bar, room, whole)
    if color and bar.state in _COLOURS:
        picture = f"\x1b[{_COLOURS[bar.state]}m{picture}\x1b[0m"
    ran = bar.state not in (None, State.SKIPPED)
    time = _ms(bar.milliseconds / 1000) if ran else ""
    return f"{name}  {picture} {time:>8} {bar.status or ('–' if ran else ''):>4}  {bar.note}".rstrip()


def _picture(bar: Bar, room: int, whole: float) -> str:
    if bar.state in (None, State.SKIPPED) or whole <= 0:
        return " " * room
    edges = [round(moment / whole * room) for moment in (bar.start, bar.sent, bar.first_byte, bar.end)]
    start = min(edges[0], room - 1)
    shades = "".join(shade * (last - first) for shade, first, last in zip(_SHADES, edges, edges[1:], strict=False))
    return f"{' ' * start}{shades or _SHADES[1]:<{room - start}}"[:room]


def _cut(name: str, width: int) -> str:
    return f"{name:<{width}}" if len(name) <= width else name[: width - 1] + "…"


def _ms(seconds: float) -> str:
    ms = seconds * 1000
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
