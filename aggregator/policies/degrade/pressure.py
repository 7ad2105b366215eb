"""The pressure on the process, measured ten times a second.

    CALM ── 1 × a limit ──▶ SPARING ── 1.25 × ──▶ ESSENTIAL
      ▲                       │  ▲                    │
      └── a second below 0.8 ─┘  └── a second below 1 ┘

SPARING: no hedges, retries and shadows. ESSENTIAL: no optional parts either. It rises at once, by more than one step
too, and falls one step after another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aggregator.policies.degrade.plan import DegradePlan
from aggregator.telemetry.lately import log_change

CALM, SPARING, ESSENTIAL = range(3)
PAUSE: Final = 0.1
"""Seconds between two looks."""
_RISES: Final = ((1.25, ESSENTIAL), (1.0, SPARING))
_FALLS_BELOW: Final = {SPARING: 0.8, ESSENTIAL: 1.0}
_LOOKS: Final = 10
_WORDS: Final = ("calm", "sparing", "essential")
_log = logging.getLogger("aggregator.policies")


class Pressure:
    """The pressure on a process; *read* returns how many requests are under way, and how many wait.

    ``timer`` is for the next look, None while nobody looks.
    """

    def __init__(self, read: Callable[[], tuple[int, int]]) -> None:
        self.level = CALM
        self._read = read
        self._plan: DegradePlan | None = None
        self._below = 0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def is_sparing(self) -> bool:
        """Whether nothing is sent that is not needed for an answer."""
        return self.level >= SPARING

    @property
    def is_essential(self) -> bool:
        """Whether optional parts are skipped."""
        return self.level >= ESSENTIAL

    def configure(self, plan: DegradePlan | None) -> None:
        """Measure pressure as *plan* says from now on; None ends that."""
        if plan == self._plan:
            return
        self.stop()
        self._plan = plan
        if plan is not None:
            self._wait(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop measuring: there is no pressure."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer, self._plan, self.level, self._below = None, None, CALM, 0

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self.timer = loop.call_later(PAUSE, self._look, loop, loop.time() + PAUSE)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.measure(*self._read(), max(0.0, loop.time() - due))
        self._wait(loop)

    def measure(self, in_flight: int, queue: int, lag: float) -> None:
        """Raise or lower the level by numbers of requests, and seconds by which the loop is late."""
        if self._plan is None:
            return
        load, what = self._plan.load(in_flight, queue, lag)
        wanted = next((level for limit, level in _RISES if load >= limit), CALM)
        if wanted > self.level:
            self._change(wanted, load, what)
        elif self.level and load < _FALLS_BELOW[self.level]:
            self._below += 1
            if self._below >= _LOOKS:
                self._change(self.level - 1, load, what)
        else:
            self._below = 0

    def _change(self, level: int, load: float, what: str) -> None:
        before, self.level, self._below = self.level, level, 0
        rises = level > before
        cause = {"of": what} if rises else {}
        log_change(_log, logging.WARNING if rises else logging.INFO, "The pressure has changed.",
            before=_WORDS[before], now=_WORDS[level], load=f"{load:.2f}", **cause)  # fmt: skip
