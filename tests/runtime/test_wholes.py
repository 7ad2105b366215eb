"""What becomes of a large result when the thread that should work on it does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.exchange import State
from aggregator.parts.result import Result
from aggregator.parts.rows import RowPlan
from aggregator.runtime.coding import LARGE
from aggregator.runtime.parts import wholes
from aggregator.runtime.parts.wholes import Whole, read, shaped

ROWS: tuple[RowPlan, ...] = (RowPlan("any", status=503),)
FRAME: Any = SimpleNamespace(loop=SimpleNamespace(time=lambda: 2.0), names={}, deadline=9.0)


class Large:
    """A part that ends at once, with a large result of the upstream a."""

    name = "one"

    def start(self, frame: Any, done: Any) -> None:
        result = Result("one", 0.0, 1.0, status=200)
        result.upstream, result.json = "a", b'"%b"' % (b"x" * LARGE)
        done(result)


def shape(result: Result, names: Any) -> None:
    """Shape nothing."""


SHAPED = Whole(Large(), shaped(shape, ROWS), ROWS)
READ = Whole(Large(), read, ROWS, ahead=True)


@pytest.fixture
def ends_with(monkeypatch):
    """Return a function: error -> every thread ends with it."""

    def end(error: CallError | None) -> None:
        def aside(_: Any, work: Any, done: Any, __: float) -> None:
            done((work(), None) if error is None else (None, error))

        monkeypatch.setattr(wholes, "read_aside", aside)

    return end


@pytest.mark.parametrize("whole", [SHAPED, READ], ids=["shaped", "read"])
def test_a_late_one_fails_as_its_part(ends_with, whole):
    """With the upstream, its status, and the rows of the part's status map, as if its shape had failed."""
    ends_with(CallError(Cause.DEADLINE, "late"))
    told: list[Result] = []
    whole.start(FRAME, told.append)
    (result,) = told
    assert (result.cause, result.upstream, result.status, result.rows) == (Cause.DEADLINE, "a", 200, ROWS)
    assert (result.started, result.ended) == (0.0, 2.0)


@pytest.mark.parametrize(("whole", "state"), [(SHAPED, State.FAILED), (READ, State.OK)], ids=["shaped", "read"])
def test_where_too_much_waits(ends_with, whole, state):
    """A shape is missing then; what is only read ahead goes on as it came."""
    ends_with(CallError(Cause.QUEUE_FULL, "full"))
    told: list[Result] = []
    whole.start(FRAME, told.append)
    assert [result.state for result in told] == [state]


def test_it_is_told_once(ends_with):
    """What is raised by whoever is told is no end of the work."""
    ends_with(None)
    told: list[Result] = []

    def done(result: Result) -> None:
        told.append(result)
        raise CallError(Cause.DEADLINE, "theirs")

    with pytest.raises(CallError, match="theirs"):
        READ.start(FRAME, done)
    assert len(told) == 1
