"""A loop that stands still is noticed while it does, with the line that holds it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
import uvloop

from aggregator.telemetry.watchdog import Stall, Watchdog

PATIENCE = 10.0
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def hold(gate: threading.Event) -> None:
    """Block the calling thread, as a plug-in with a blocking call would."""
    assert gate.wait(PATIENCE)


class Clock:
    """Time that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_blocking_call_is_reported_twice(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """One report while the loop is blocked, naming the line, and one with the whole length when it is over."""
    clock, gate, over, stalls = Clock(), threading.Event(), threading.Event(), list[Stall]()

    def report(stall: Stall) -> None:
        stalls.append(stall)
        clock.now += 0.2
        (over if stall.over else gate).set()

    async def main() -> None:
        watchdog = Watchdog(0.01, report, clock)
        watchdog.start()
        clock.now += 0.4
        hold(gate)
        await asyncio.to_thread(over.wait, PATIENCE)
        watchdog.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    noticed, ended = stalls[:2]
    assert (noticed.over, ended.over) == (False, True)
    assert (noticed.seconds, ended.seconds) == (pytest.approx(0.4), pytest.approx(0.6))
    assert noticed.at == ended.at
    assert noticed.at.where.startswith("test_watchdog.py:") or "/test_watchdog.py:" in noticed.at.where
    assert noticed.at.where.endswith(" in hold: assert gate.wait(PATIENCE)")


@pytest.mark.parametrize("new_loop", LOOPS)
@pytest.mark.parametrize(("seconds", "told"), [(0.2, []), (0.25, []), (0.31, [0.31]), (0.45, [0.45]), (0.6, [0.6])])
def test_no_standstill_is_missed(
    new_loop: Callable[[], asyncio.AbstractEventLoop], seconds: float, told: list[float]
) -> None:
    """Longer than the threshold and a tick is told with its whole length, also when it ends before anybody looks."""
    clock, stalls = Clock(), list[Stall]()

    async def main() -> None:
        loop, ticks = asyncio.get_running_loop(), asyncio.Event()
        watchdog = Watchdog(0.25, stalls.append, clock)
        watchdog.start()
        clock.now += seconds
        last = watchdog._last
        while watchdog._last == last:  # until the loop has given its next sign of life
            loop.call_later(0.01, ticks.set)
            await ticks.wait()
            ticks.clear()
        watchdog.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert [stall.seconds for stall in stalls if stall.over] == pytest.approx(told)


def test_stop_leaves_no_thread() -> None:
    """Stopping ends the thread; doing it twice, or before the start, is harmless; it can start again."""

    async def main() -> None:
        watchdog = Watchdog(PATIENCE, lambda stall: None)
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
        watchdog = Watchdog(0.05, lambda stall: None)
        watchdog.start()
        thread = watchdog._thread
        assert thread is not None
        return thread

    thread = asyncio.run(main())
    thread.join(PATIENCE)
    assert not thread.is_alive()
