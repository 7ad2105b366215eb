"""The calls of one request as bars: what ran when, for how long, and what became of it.

``bars_of`` takes the results of a request (``RequestEnded.parts``) and what was told of its calls; ``bar_member``
returns a bar as data. ``cli/waterfall.py`` draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from aggregator.errors import Cause
from aggregator.exchange import State
from aggregator.parts.events import CallEnded
from aggregator.parts.result import Result
from aggregator.plan.explaining.summary import part_text
from aggregator.plan.types import EndpointPlan

CANCELLED = "cancelled"
_SLOW_BODY = 0.005


class Bar(Struct, frozen=True):
    """One part or one attempt. Times are seconds since the request came; *sent* and *first_byte* lie within.

    *depth* is 1 for attempts before the last one and for what is inside a group. *state* is None for a part
    that never started, or of whose calls nothing is known. *kept* replies were there before; of a single one *age* is
    the seconds for which it had been kept. *is_joined* tells of a call that somebody else had begun.
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
    kept: int = 0
    age: float | None = None
    is_joined: bool = False

    @property
    def milliseconds(self) -> float:
        """The duration in milliseconds."""
        return (self.end - self.start) * 1000

    @property
    def note(self) -> str:
        """A note beside the numbers: the cause of a failure, what stands in for it, a new connection."""
        if self.state in (None, State.CANCELLED):
            return CANCELLED
        if self.state is State.SKIPPED:
            return "skipped"
        said = [] if self.cause in (None, Cause.STATUS) else [str(self.cause)]
        if self.state in (State.DEFAULT, State.STALE):
            said.append(f"→ {self.state}" + ("" if self.age is None else f" {self.age:.0f}s"))
        if not said:
            said += self._whence()
            if self.reused is not None:
                said.append("reused" if self.reused else f"connect {duration_text(self.sent - self.start)}")
            body = self.end - self.first_byte
            said += [f"body {duration_text(body)}"] if body > _SLOW_BODY else []
        return " ".join(said) if self.cause else " · ".join(said)

    def _whence(self) -> list[str]:
        """Return where it came from, in words: how many calls, what was kept, whose call it was."""
        found = [f"{self.calls} calls"] if self.calls > 1 else []
        if self.age is not None:
            found.append(f"kept {self.age:.0f}s")
        elif self.kept:
            found.append(f"{self.kept} kept")
        return [*found, "joined"] if self.is_joined else found


def bars_of(
    results: Iterable[Result], started: float, plan: EndpointPlan | None = None, calls: Iterable[CallEnded] = ()
) -> list[Bar]:
    """Return the bars of *results* in order; *started* is when the request came (loop time).

    With *plan*, parts keep their declared order and marks, and those without a result are there as cancelled: as
    long as *calls* tells, which also tells of runners that lost a race.
    """
    given_up = [call for call in calls if call.state is State.CANCELLED]
    by_name = {result.name: result for result in results}
    if plan is None or plan.fan is None:
        return [bar for result in by_name.values() for bar in _bars(result, result.name, 0, started)]
    found: list[Bar] = []
    for part in plan.fan.parts:
        result = by_name.get(part.name)
        lost = [call for call in given_up if call.part == part.name or call.part.startswith(f"{part.name}[")]
        if result is None:
            found.append(_cancelled(part_text(part), 0, lost, started))
        else:
            found += _bars(result, part_text(part), 0, started)
            found += [_cancelled(f"lost {call.upstream}", 1, [call], started) for call in lost]
    return found


def _bars(result: Result, name: str, depth: int, started: float) -> list[Bar]:
    whole = _bar(result, name, depth, started)
    before = [bar for tried in result.tried for bar in _bars(tried, f"tried {tried.upstream}", depth + 1, started)]
    inside = [bar for inner in result.parts for bar in _bars(inner, inner.name, depth + 1, started)]
    return [whole, *before, *inside]


def _cancelled(name: str, depth: int, calls: list[CallEnded], started: float) -> Bar:
    """Return the bar of what was given up: as long as its *calls* ran, without times when none had begun."""
    if not calls:
        return Bar(name, depth)
    first, last = min(call.started for call in calls) - started, max(call.ended for call in calls) - started
    return Bar(name, depth, first, first, last, last, State.CANCELLED, calls=len(calls))


def _bar(result: Result, name: str, depth: int, started: float) -> Bar:
    start, end, reply = result.started - started, result.ended - started, result.reply
    sent, first_byte, reused = start, end, None
    if reply is not None and not result.tried and reply.finished:
        sent = start + (reply.sent - reply.started)
        first_byte = start + (reply.first_byte - reply.started)
        reused = reply.reused
    kept = sum(one.age is not None for one in result.replies())
    return Bar(name, depth, start, sent, min(first_byte, end), end, result.state, result.status, result.cause,
               result.attempts, reused, kept, result.age, result.is_joined)  # fmt: skip


def bar_member(bar: Bar) -> dict[str, Any]:
    """Return *bar* as data; times in milliseconds."""
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
        "kept": bar.kept,
        "age_s": None if bar.age is None else round(bar.age),
        "joined": bar.is_joined,
        "connect_ms": round((bar.sent - bar.start) * 1000, 1) if bar.reused is False else None,
    }


def duration_text(seconds: float) -> str:
    """Return *seconds* as milliseconds, with one digit after the point below ten."""
    ms = seconds * 1000
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
