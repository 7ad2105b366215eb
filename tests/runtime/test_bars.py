"""What ran when, as bars: each as a whole, by the results of a request and what was told of its calls."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.causes import Cause, State
from aggregator.errors import CallError
from aggregator.parts.events import CallEnded
from aggregator.parts.result import Result, failed
from aggregator.plan.calls import CallsPlan, FanPlan, PartPlan
from aggregator.runtime.bars import Bar, bar_member, bars_of, duration_text
from aggregator.transport import Reply

NONE = CallsPlan(())
OK = {"end": 0.25, "state": State.OK}


class Endpoint:
    """As much of the plan of an endpoint as bars need."""

    def __init__(self, *parts: PartPlan) -> None:
        self.fan = FanPlan(parts, tuple(() for _ in parts))


def replied(name: str = "a", finished: float = 109.0, **said: Any) -> Result:
    """Return a result of 101 to 102 seconds; its reply was sent after a quarter, and began after three."""
    result = Result(name, 101.0, 102.0, status=200)
    result.reply = Reply(200, [], b"", True, 108.0, 108.25, 108.75, finished)
    for key, value in said.items():
        setattr(result, key, value)
    return result


def given_up(part: str, upstream: str, started: float, ended: float, state: State = State.CANCELLED) -> CallEnded:
    """Return the end of a call."""
    return CallEnded("GET /x", part, upstream, "id", 1, state, None, 0, 0, started, ended)


@pytest.mark.parametrize(
    ("result", "bar"),
    [
        (replied(), Bar("a", 0, 1.0, 1.25, 1.75, 2.0, State.OK, 200, reused=True)),
        (replied(finished=0.0), Bar("a", 0, 1.0, 1.0, 2.0, 2.0, State.OK, 200)),
        (replied(ended=101.5, attempts=2), Bar("a", 0, 1.0, 1.25, 1.5, 1.5, State.OK, 200, calls=2, reused=True)),
        (replied(reply=None, state=State.DEFAULT, cause=Cause.RESET, status=0),
         Bar("a", 0, 1.0, 1.0, 2.0, 2.0, State.DEFAULT, 0, Cause.RESET)),
    ],
)  # fmt: skip
def test_a_bar_is_that_of_its_result(result: Result, bar: Bar) -> None:
    """From when the request came on; what is known of a reply lies within."""
    assert bars_of([result], 100.0) == [bar]


def test_what_was_tried_before_has_no_times_of_the_reply() -> None:
    """They are those of the last call; each call before has a bar of its own, one step deeper."""
    tried = failed("a", CallError(Cause.REFUSED, "No."), 100.5, 100.75, upstream="shop")
    assert bars_of([replied(tried=(tried,), attempts=2)], 100.0) == [
        Bar("a", 0, 1.0, 1.0, 2.0, 2.0, State.OK, 200, calls=2),
        Bar("tried shop", 1, 0.5, 0.5, 0.75, 0.75, State.FAILED, cause=Cause.REFUSED),
    ]


def test_what_is_inside_a_part_hangs_below_it() -> None:
    """One step deeper for each group; how many replies of all were kept is told of the whole."""
    kept, old = replied("x"), replied("y")
    kept.was_kept(5.0)
    inner = replied("g", reply=None, parts=(old,))
    whole = replied("w", reply=None, parts=(kept, inner))
    whole.made_of((kept, inner))
    bars = bars_of([whole], 100.0)
    assert [(bar.name, bar.depth, bar.kept, bar.age) for bar in bars] == [
        ("w", 0, 1, None), ("x", 1, 1, 5.0), ("g", 1, 0, None), ("y", 2, 0, None),
    ]  # fmt: skip


def test_a_call_of_somebody_else_is_told() -> None:
    """It was joined."""
    result = replied()
    result.was_joined()
    assert [bar.is_joined for bar in bars_of([result, replied("b")], 100.0)] == [True, False]


def test_what_was_given_up_is_as_long_as_its_calls() -> None:
    """From the first that began to the last that ended; of what never began nothing is known but its name."""
    plan = Endpoint(PartPlan("a", NONE, optional=True), PartPlan("b", NONE), PartPlan("r", NONE), PartPlan("c", NONE))
    calls = [
        given_up("a", "shop", 100.25, 100.5), given_up("a[1]", "shop", 100.75, 101.0), given_up("ab", "shop", 100.0, 109.0),
        given_up("b", "shop", 100.0, 109.0, State.OK), given_up("r", "users", 100.5, 101.5),
    ]  # fmt: skip
    assert bars_of([replied("r")], 100.0, plan, calls) == [  # type: ignore[arg-type]
        Bar("a?", 0, 0.25, 0.25, 1.0, 1.0, State.CANCELLED, calls=2),
        Bar("b"),
        Bar("r", 0, 1.0, 1.25, 1.75, 2.0, State.OK, 200, reused=True),
        Bar("lost users", 1, 0.5, 0.5, 1.5, 1.5, State.CANCELLED),
        Bar("c"),
    ]


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"state": None}, "cancelled"), ({"state": State.CANCELLED}, "cancelled"), ({"state": State.SKIPPED}, "skipped"),
        ({"state": State.FAILED, "cause": Cause.STATUS}, ""), ({"state": State.FAILED, "cause": Cause.RESET}, "reset"),
        ({"state": State.DEFAULT, "cause": Cause.STATUS}, "→ default"),
        ({"state": State.STALE, "cause": Cause.RESET, "age": 90.4}, "reset → stale 90s"),
        ({"state": State.STALE, "age": None}, "→ stale"),
        ({**OK, "first_byte": 0.25, "reused": True}, "reused"),
        ({**OK, "first_byte": 0.25, "sent": 0.0045, "start": 0.0005, "reused": False}, "connect 4.0 ms"),
        ({**OK, "first_byte": 0.125, "sent": 0.0625, "reused": False, "calls": 2}, "2 calls · connect 62 ms · body 125 ms"),
        ({**OK, "first_byte": 0.246}, ""), ({**OK, "first_byte": 0.244}, "body 6.0 ms"),
        ({**OK, "first_byte": 0.25, "calls": 3, "kept": 2}, "3 calls · 2 kept"),
        ({**OK, "first_byte": 0.25, "kept": 1, "age": 7.5, "is_joined": True}, "kept 8s · joined"),
        ({**OK, "first_byte": 0.25, "calls": 1, "cause": Cause.STATUS, "is_joined": True, "kept": 1}, "1 kept joined"),
    ],
)  # fmt: skip
def test_what_a_note_says(said: dict[str, Any], note: str) -> None:
    """A failure by its cause, what stands in for it, and else where it came from and what took its time."""
    assert Bar("a", **said).note == note


@pytest.mark.parametrize(
    ("bar", "member"),
    [
        (Bar("a", 1), {"name": "a", "state": "cancelled"}),
        (Bar("a", 1, 0.01234, 0.02, 0.05, 0.1, State.FAILED, 500, Cause.STATUS, 2, reused=False, kept=1, age=3.6, is_joined=True),
         {"name": "a", "depth": 1, "state": "failed", "status": 500, "cause": "status", "start_ms": 12.3, "ms": 87.7,
          "calls": 2, "reused": False, "kept": 1, "age_s": 4, "joined": True, "connect_ms": 7.7}),
        (Bar("a", state=State.OK, reused=True),
         {"name": "a", "depth": 0, "state": "ok", "status": None, "cause": None, "start_ms": 0.0, "ms": 0.0, "calls": 1,
          "reused": True, "kept": 0, "age_s": None, "joined": False, "connect_ms": None}),
        (Bar("a", sent=0.5, state=State.OK),
         {"name": "a", "depth": 0, "state": "ok", "status": None, "cause": None, "start_ms": 0.0, "ms": 0.0, "calls": 1,
          "reused": None, "kept": 0, "age_s": None, "joined": False, "connect_ms": None}),
    ],
)  # fmt: skip
def test_a_bar_as_data(bar: Bar, member: dict[str, Any]) -> None:
    """In milliseconds with a digit behind the point; only of a new connection it is told how long that took."""
    assert bar_member(bar) == member


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0.0 ms"), (0.00994, "9.9 ms"), (0.01, "10 ms"), (0.0124, "12 ms"), (1.5, "1500 ms")]
)
def test_times_below_ten_milliseconds_have_a_digit_more(seconds: float, text: str) -> None:
    """And no longer ones."""
    assert duration_text(seconds) == text
