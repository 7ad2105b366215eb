"""What is done in a thread ends by its deadline as what is done in the loop does: both look at the clock of the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import uvloop

from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.parts.clock import loop_time
from aggregator.parts.names import FINISHING, LaterNames, Names
from aggregator.runtime.coding import aside
from aggregator.templates import compile_expression


class Clocked(asyncio.SelectorEventLoop):
    """A loop whose time stands still unless a test moves it."""

    now = 100.0

    def time(self) -> float:
        return self.now


def names() -> Names:
    """Return those of a request whose deadline is 101."""
    exchange = Exchange("GET", "/", b"", [])
    exchange.deadline = 101.0
    return Names(exchange)


def at(*looks: tuple[float, Callable[[], Any]]) -> None:
    """Do in turn what is to be done at each time, in a loop."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        for now, look in looks:
            loop.now = now
            made = look()
            if asyncio.iscoroutine(made):
                await made

    with asyncio.Runner(loop_factory=Clocked) as runner:
        runner.run(main())


def test_the_deadline_of_a_request_ends_work_in_a_thread():
    """As soon as an expression looks at the clock, and not before."""
    check = partial(aside, names().check_time)
    at((101.0, check))
    with pytest.raises(CallError, match="in time"):
        at((101.1 + FINISHING, check))


def test_a_long_array_is_not_sorted_to_the_end():
    """A thread that is late gives up the expression between two pieces of it."""
    sort = compile_expression("a | sort")
    late = names().child({"a": list(range(100_000, 0, -1))})
    with pytest.raises(CallError, match="in time"):
        at((102.0, partial(aside, partial(sort.evaluate, late))))


@pytest.mark.parametrize("first", ["thread", "loop"])
def test_time_of_its_own_is_counted_by_one_clock(first):
    """A background call may be looked at in a thread first, and in the loop then, or the other way round."""
    later = LaterNames(names(), {}, 10.0)
    here, there = later.check_time, partial(aside, later.check_time)
    begin, go_on = (there, here) if first == "thread" else (here, there)
    at((200.0, begin), (209.0, go_on), (209.5, begin))
    with pytest.raises(CallError, match="in time"):
        at((211.0, go_on))


def test_a_thread_of_which_no_loop_is_known_begins_no_time():
    """What looks at the clock there does not end, and the loop counts from its own first look."""
    later = LaterNames(names(), {}, 10.0)
    later.check_time()
    at((200.0, later.check_time), (209.0, later.check_time))


def test_threads_of_uvloop_count_as_it_does():
    """Its own clock is not for other threads, and it counts milliseconds: here two instants of its bound that of both."""

    async def main() -> None:
        before = time.monotonic()
        there = await aside(loop_time)
        assert there is not None
        assert before <= there <= time.monotonic()
        assert asyncio.get_running_loop().time() == pytest.approx(there, abs=5.0)

    uvloop.run(main())
