"""The calls of a request as bars."""

from __future__ import annotations

import pytest

from aggregator.cli.waterfall import draw
from aggregator.diagnostics.display import cells
from aggregator.errors import CallError, Cause
from aggregator.exchange import State
from aggregator.parts.events import CallEnded
from aggregator.parts.result import Result, failed, skipped
from aggregator.plan.calls import CallsPlan, FanPlan, PartPlan
from aggregator.runtime.bars import Bar, bar_member, bars_of
from aggregator.transport import Reply

_NONE = CallsPlan(())


class Endpoint:
    """As much of an endpoint's plan as bars need."""

    def __init__(self, *parts: PartPlan) -> None:
        self.fan = FanPlan(parts, tuple(() for _ in parts))


def ended(
    name: str, start: float, end: float, *, status: int = 200, sent: float | None = None, reused: bool = False
) -> Result:
    """Return a good result that ran from *start* to *end*."""
    result = Result(name, start, end, status=status)
    if sent is not None:
        result.reply = Reply(status, [], b"", reused, start, sent, end - 0.001, end)
    return result


def late(name: str, start: float, end: float, cause: Cause = Cause.DEADLINE) -> Result:
    """Return a failed result."""
    return failed(name, CallError(cause, "It was late."), start, end, upstream="shop")


def test_bars_of_wide_names_begin_below_each_other() -> None:
    """A name takes as many cells as its letters do, and is cut by them."""
    names = ["ab", "\u65e5\u672c", "e\u0301", "\u65e5\u672c" * 20]
    lines = draw([Bar(name, start=0.0, sent=0.0, first_byte=1.0, end=1.0, state=State.OK) for name in names])
    assert {cells(line.partition("\u2588")[0]) for line in lines} == {28 + 2}


def test_a_bar_for_each_part() -> None:
    """Parts stand in declared order with their marks; what has no result was cancelled."""
    plan = Endpoint(PartPlan("b", _NONE, optional=True), PartPlan("a", _NONE), PartPlan("c", _NONE))
    bars = bars_of([ended("a", 100.0, 100.1), ended("b", 100.0, 100.05)], 100.0, plan)
    assert [(bar.name, bar.state) for bar in bars] == [("b?", State.OK), ("a", State.OK), ("c", None)]
    assert round(bars[1].milliseconds) == 100
    assert bars[2].note == "cancelled"


def test_what_was_cancelled_has_a_bar_as_long_as_its_calls() -> None:
    """A part without a result lasts as long as its calls did; who lost a race hangs under the part."""

    def cancelled(part: str, upstream: str, start: float, end: float) -> CallEnded:
        return CallEnded("GET /x", part, upstream, "id", 1, State.CANCELLED, None, 0, 0, start, end)

    plan = Endpoint(PartPlan("a", _NONE), PartPlan("r", _NONE))
    calls = [cancelled("a", "shop", 100.1, 100.3), cancelled("r[1]", "users", 100.0, 100.2)]
    bars = bars_of([ended("r", 100.0, 100.2)], 100.0, plan, calls)
    assert [(bar.name, bar.depth, bar.state) for bar in bars] == [
        ("a", 0, State.CANCELLED), ("r", 0, State.OK), ("lost users", 1, State.CANCELLED),
    ]  # fmt: skip
    assert [round(bar.milliseconds) for bar in bars] == [200, 200, 200]
    assert [bar.note for bar in bars if bar.state is State.CANCELLED] == ["cancelled"] * 2
    assert bar_member(bars[0])["state"] == "cancelled"


def test_attempts_and_groups_hang_under_their_part() -> None:
    """Attempts before the last one are told by their upstream, members of a group by their names."""
    last = ended("alt", 0.0, 0.3)
    last.tried, last.attempts = (late("alt", 0.0, 0.1, Cause.REFUSED),), 2
    group = ended("both", 0.0, 0.2, status=0)
    group.parts = (ended("x", 0.0, 0.1), ended("y", 0.0, 0.2))
    bars = bars_of([last, group], 0.0)
    assert [(bar.depth, bar.name) for bar in bars] == [(0, "alt"), (1, "tried shop"), (0, "both"), (1, "x"), (1, "y")]
    assert (bars[0].note, bars[1].note) == ("2 calls", "refused")


def test_notes_say_what_numbers_do_not() -> None:
    """Connecting or reusing, a slow body, a cause, a default, what is old, a skipped part; a status speaks for itself."""
    assert bars_of([ended("a", 0.0, 0.1, sent=0.02)], 0.0)[0].note == "connect 20 ms"
    assert bars_of([ended("a", 0.0, 0.1, sent=0.0, reused=True)], 0.0)[0].note == "reused"
    assert Bar("a", end=0.1, first_byte=0.05, state=State.OK).note == "body 50 ms"
    assert bars_of([late("a", 0.0, 0.1)], 0.0)[0].note == "deadline"
    replaced = late("a", 0.0, 0.1)
    replaced.state = State.DEFAULT
    assert bars_of([replaced], 0.0)[0].note == "deadline → default"
    assert bars_of([skipped("a", 0.0)], 0.0)[0].note == "skipped"
    old = ended("a", 0.0, 0.0)
    old.was_kept(90.4)
    old.state, old.cause = State.STALE, Cause.DEADLINE
    assert bars_of([old], 0.0)[0].note == "deadline → stale 90s"
    refused = failed("a", CallError(Cause.STATUS, "No."), 0.0, 0.0, status=500)
    assert bars_of([refused], 0.0)[0].note == ""


def test_the_picture() -> None:
    """Bars share one scale: waiting and connecting, the upstream at work, its body; every bar shows."""
    lines = draw([
        Bar("profile", 0, 0.0, 0.02, 0.096, 0.1, State.OK, 200, reused=False),
        Bar("orders?", 0, 0.1, 0.1, 0.2, 0.2, State.DEFAULT, 0, Cause.DEADLINE),
        Bar("tiny", 0, 0.2, 0.2, 0.2, 0.2, State.OK, 204, reused=True),
        Bar("ads", 0, state=State.SKIPPED),
        Bar("lost"),
    ], 66)  # fmt: skip
    assert lines == [
        "profile  ░░█████████▓              100 ms  200  connect 20 ms",
        "orders?              ███████████   100 ms    –  deadline → default",
        "tiny                           █   0.0 ms  204  reused",
        "ads                                             skipped",
        "lost                                            cancelled",
    ]


def test_times_are_milliseconds() -> None:
    """A bar of one second is told as such."""
    (line,) = draw([Bar("slow", end=1.0, state=State.OK)])
    assert " 1000 ms " in line


def test_lines_keep_their_width() -> None:
    """Long names are cut, and eighty columns hold what eighty columns can."""
    name = "a-part-with-a-very-long-name-that-goes-on"
    (line,) = draw([Bar(name, 0, 0.0, 0.0, 0.1, 0.1, State.OK, 200, reused=True)], 80)
    assert line.startswith("a-part-with-a-very-long-nam…  █")
    assert len(line) <= 80


def test_bars_are_as_wide_as_there_is_room() -> None:
    """From ten columns to fifty, beside a name of twenty-eight at most; what took no time has none."""
    for width, room in ((40, 10), (41, 11), (79, 49), (80, 50), (81, 50), (200, 50)):
        (line,) = draw([Bar("a", end=0.1, state=State.OK, status=200)], width)
        assert line == f"a  {'▓' * room}   100 ms  200  body 100 ms"
    (line,) = draw([Bar("n" * 28, end=0.1, state=State.OK, status=200)])
    assert line.startswith("n" * 28 + "  ")
    (line,) = draw([Bar("n" * 29, end=0.1, state=State.OK, status=200)])
    assert line.startswith("n" * 27 + "…  ")
    assert draw([Bar("a", state=State.OK, status=200)], 40)[0].split() == ["a", "0.0", "ms", "200"]


@pytest.mark.parametrize("name", ["a", "n" * 40])
@pytest.mark.parametrize("width", [40, 48, 62, 80])
def test_a_long_note_is_cut(name: str, width: int) -> None:
    """A bar keeps ten cells and a name eight; where they leave less than a note takes, its beginning is shown."""
    slow = Bar(name, 0, 0.0, 0.3, 0.6, 0.9, State.OK, 200, reused=False)
    assert slow.note == "connect 300 ms · body 300 ms"
    (line,) = draw([slow], width)
    assert len(line) == width
    assert "░░░▓▓▓" in line.replace("█", "")
    shown = line.rpartition("200  ")[2]
    assert shown == slow.note or (shown[-1] == "…" and slow.note.startswith(shown[:-1]))


def test_what_is_narrower_than_a_bar_has_no_notes() -> None:
    """Name, bar, time and status are there in any terminal."""
    (line,) = draw([Bar("a", end=0.1, state=State.OK, status=200)], 10)
    assert line == f"a  {'▓' * 10}   100 ms  200"


def test_colours_are_states() -> None:
    """On a terminal with colours a good bar is green, a failed one red, a replaced one yellow."""
    for state, code in ((State.OK, 32), (State.FAILED, 31), (State.DEFAULT, 33), (State.STALE, 33)):
        (line,) = draw([Bar("a", end=0.1, state=state)], color=True)
        assert f"\x1b[{code}m" in line
    (plain,) = draw([Bar("a", state=State.SKIPPED)], color=True)
    assert "\x1b" not in plain


def test_bars_as_data() -> None:
    """Machines get milliseconds; a cancelled part has nothing but its name."""
    bar = Bar("a", 0, 0.01, 0.02, 0.05, 0.1, State.FAILED, 500, Cause.STATUS, 2, reused=False)
    assert bar_member(bar) == {
        "name": "a", "depth": 0, "state": "failed", "status": 500, "cause": "status", "start_ms": 10.0, "ms": 90.0,
        "calls": 2, "reused": False, "kept": 0, "age_s": None, "joined": False, "connect_ms": 10.0,
    }  # fmt: skip
    assert bar_member(Bar("b")) == {"name": "b", "state": "cancelled"}


def test_no_bars_no_lines() -> None:
    """A request without calls has no picture."""
    assert draw([]) == []
