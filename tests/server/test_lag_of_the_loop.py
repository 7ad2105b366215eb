"""The longest delay of the event loop, as the metric tells it: of this window of fifteen seconds, and the one before."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from leaping import Leaping, in_leaps

from aggregator.server.metrics.lag import LoopLag


def hold_up(seconds: float) -> None:
    """Block the loop: its clock moves, and nothing has its turn."""
    cast("Leaping", asyncio.get_running_loop()).now += seconds


@in_leaps
async def test_the_longest_delay_is_told_for_fifteen_seconds_at_least_and_thirty_at_most() -> None:
    """A shorter one does not take its place before."""
    lag = LoopLag()
    lag.start()
    found = [lag.longest]
    await asyncio.sleep(1.1)
    for delay in (0.25, 2.15, 1.15):
        hold_up(delay)
        await asyncio.sleep(1.1)
        found.append(lag.longest)
    lag.stop()
    assert found[0] == 0.0
    assert found[1] == pytest.approx(0.25, abs=0.25)
    assert found[2] == found[3] == pytest.approx(2.0, abs=0.25)


@pytest.mark.parametrize(("after", "is_told"), [(14.0, True), (16.0, True), (29.0, True), (31.5, False)])
@in_leaps
async def test_a_delay_is_forgotten_after_two_windows(after: float, is_told: bool) -> None:
    """It came at the beginning of one."""
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(0)
    hold_up(1.25)
    await asyncio.sleep(after)
    assert lag.longest == (1.0 if is_told else 0.0)
    lag.stop()


@in_leaps
async def test_stopped_it_measures_nothing() -> None:
    """Nor does it leave a timer; it may be stopped twice, and before it was started."""
    lag = LoopLag()
    lag.stop()
    lag.start()
    lag.stop()
    lag.stop()
    hold_up(5.0)
    await asyncio.sleep(1.0)
    assert lag.longest == 0.0
