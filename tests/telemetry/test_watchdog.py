"""A loop that stands still is noticed while it does, with the line that holds it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
import uvloop

from aggregator.telemetry.watchdog import Stall, Watchdog

PATIENCE = 10.0


def hold(gate: threading.Event) -> None:
    """Block the calling thread, as a plug-in with a blocking call would."""
    assert gate.wait(PATIENCE)


def ticking(step: float) -> Callable[[], float]:
    """Give a clock that moves by *step* seconds with every look at it."""
    moments = iter(range(1_000_000))
    return lambda: next(moments) * step


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_blocking_call_is_reported_twice(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """One report while the loop is blocked, naming the line, and one with the total when it is over."""
    gate, over, stalls = threading.Event(), threading.Event(), list[Stall]()

    def report(stall: Stall) -> None:
        stalls.append(stall)
        (over if stall.over else gate).set()

    async def main() -> None:
        watchdog = Watchdog(0.01, report, ticking(1.0), interval=0.001)
        watchdog.start()
        hold(gate)
        await asyncio.to_thread(over.wait, PATIENCE)
        watchdog.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    noticed, ended = stalls[:2]
    assert (noticed.over, ended.over) == (False, True)
    assert ended.seconds > noticed.seconds > 0
    assert noticed.at == ended.at
    assert noticed.at.where.startswith("test_watchdog.py:") or "/test_watchdog.py:" in noticed.at.where
    assert noticed.at.where.endswith(" in hold: assert gate.wait(PATIENCE)")


def test_a_lively_loop_is_not_reported() -> None:
    """A loop that answers within the threshold is asked again and again and never reported."""
    stalls = list[Stall]()

    async def main() -> None:
        watchdog = Watchdog(PATIENCE, stalls.append, interval=0.001)
        asks = 0
        ask = watchdog._ask

        def counted() -> bool:
            nonlocal asks
            asks += 1
            if asks == 3:
                loop.call_soon_threadsafe(enough.set)
            return ask()

        watchdog._ask = counted  # type: ignore[method-assign]
        loop, enough = asyncio.get_running_loop(), asyncio.Event()
        watchdog.start()
        await asyncio.wait_for(enough.wait(), PATIENCE)
        watchdog.stop()

    asyncio.run(main())
    assert stalls == []


def test_stop_leaves_no_thread() -> None:
    """Stopping ends the thread; doing it twice, or before the start, is harmless; it can start again."""

    async def main() -> None:
        watchdog = Watchdog(1.0, lambda stall: None, interval=PATIENCE)
        watchdog.stop()
        for _ in range(2):
            watchdog.start()
            assert "loop-watchdog" in {thread.name for thread in threading.enumerate()}
            watchdog.stop()
            watchdog.stop()

    asyncio.run(main())
    assert "loop-watchdog" not in {thread.name for thread in threading.enumerate()}


def test_a_closed_loop_ends_the_watch() -> None:
    """A loop that was closed without stopping its watchdog does not keep the thread."""

    async def main() -> threading.Thread:
        watchdog = Watchdog(PATIENCE, lambda stall: None, interval=0.05)
        watchdog.start()
        thread = watchdog._thread
        assert thread is not None
        return thread

    thread = asyncio.run(main())
    thread.join(PATIENCE)
    assert not thread.is_alive()
