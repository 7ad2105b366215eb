"""A breaker: counts what becomes of calls, and keeps new ones away from an upstream that fails.

    closed ── failures, rate or slow calls reach what is declared ──▶ open
    open ── its pause is over, and a call comes: the probe ──▶ trying
    trying ── the probe succeeds ──▶ closed
           ── the probe fails ──▶ open, for twice as long
           ── the probe is given up, and so tells nothing ──▶ open, and the next call that comes is the probe
    forced open / forced closed ── by an operator, until a time or until `auto` ──▶ closed

Each change begins an era. A call ends in the era that it began in, or it is not counted: what was sent before a breaker
opened tells nothing of the time after, and the only call of an era of trying is the probe. Times are those of the
event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from math import inf
from random import random
from typing import Final

from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.telemetry.lately import log_change

_log = logging.getLogger("aggregator.policies")
_SLOTS: Final = 10
REFUSED: Final = 0
"""The era of a call that may not be made."""
_NONE = (0, 0, 0)
_ORDER_OVER: Final = "the time of the order is over"


class Phase(StrEnum):
    """The state of a breaker, which decides what it does with calls."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


CLOSED: Final = Phase.CLOSED
"""The phase of nearly all calls, which are spared the look-up in its class."""


class Window:
    """Calls of the last *seconds*, in ten slots: all of them, those that failed, those that were slow.

    ``good`` are calls that were neither, which the slot of now does not hold yet; it ``begins`` and ``ends`` then.
    """

    __slots__ = ("_place", "_slots", "_width", "begins", "ends", "good")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _SLOTS
        self._slots = [[*_NONE] for _ in range(_SLOTS)]
        self._place = 0
        self.begins, self.ends = 0.0, self._width
        self.good = 0

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call that ended *now*."""
        if not self.begins <= now < self.ends:
            self._turn(now)
        slot = self._slots[self._place % _SLOTS]
        slot[0] += 1
        slot[1] += failed
        slot[2] += slow

    def sums(self) -> list[int]:
        """Return the calls, failures and slow calls of all slots."""
        calls, failures, slows = (sum(numbers) for numbers in zip(*self._slots, strict=True))
        return [calls + self.good, failures, slows]

    def _turn(self, now: float) -> None:
        """Move to the slot of *now*, and empty the slots that have left the window."""
        self._slots[self._place % _SLOTS][0] += self.good
        self.good = 0
        before, self._place = self._place, int(now / self._width)
        self.begins, self.ends = self._place * self._width, (self._place + 1) * self._width
        gone = self._place - before
        for stale in range(before + 1, self._place + 1) if 0 <= gone < _SLOTS else range(_SLOTS):
            self._slots[stale % _SLOTS][:] = _NONE


class Breaker:
    """The breaker of what is called *name*, by *plan*. ``on_change`` hears of each change, by the new phase."""

    __slots__ = (
        "_closed_at", "_draw", "_failed", "_looks_back", "_pauses", "_since", "_until", "_window", "era", "name",
        "phase", "plan", "reason",
    )  # fmt: skip

    def __init__(self, name: str, plan: BreakerPlan, draw: Callable[[], float] = random) -> None:
        self.name = name
        self.plan = plan
        self.phase = Phase.CLOSED
        self.reason = ""
        self.era = 1
        self._draw = draw
        self._failed = 0
        self._pauses = 0
        self._until = 0.0
        self._since = 0.0
        self._looks_back = plan.rate is not None or plan.over is not None
        self._closed_at = -inf
        self._window = Window(plan.window)

    def adopt(self, plan: BreakerPlan) -> None:
        """Continue with another *plan*: an open one stays open; counts of a window of another length are dropped."""
        if plan.window != self.plan.window:
            self._window = Window(plan.window)
        self.plan = plan
        self._looks_back = plan.rate is not None or plan.over is not None

    def enter(self, now: float) -> int:
        """Return the era of a call that begins *now*, to be told how it ended; ``REFUSED`` when it may not be made."""
        if self.phase is CLOSED:
            return self.era
        if self.phase is Phase.TRYING:
            return REFUSED
        if self._is_held(now):
            return self.era if self.phase is Phase.FORCED_CLOSED else REFUSED
        if self.phase in (Phase.FORCED_OPEN, Phase.FORCED_CLOSED):
            self._begin(Phase.CLOSED, now, _ORDER_OVER)
            return self.era
        self._begin(Phase.TRYING, now, "its pause is over")
        return self.era

    def _is_held(self, now: float) -> bool:
        """Return whether the present phase is not over yet; a clock that has jumped back does not make it longer."""
        return self._until == inf or self._since <= now < self._until

    def phase_at(self, now: float) -> Phase:
        """Return the phase as it is *now*: an order whose time is over is none, though no call has come since."""
        is_over = self.phase in (Phase.FORCED_OPEN, Phase.FORCED_CLOSED) and not self._is_held(now)
        return Phase.CLOSED if is_over else self.phase

    def wait(self, now: float) -> float:
        """Return the seconds after which a call may be made again, as far as that is known; at least a second."""
        if self.phase is Phase.TRYING or self._until == inf:
            return max(1.0, self.plan.pause.least)
        return max(1.0, self._until - now)

    def ended(self, era: int, now: float, *, failed: bool, seconds: float) -> None:
        """Count a call of *era* that took *seconds*."""
        if era != self.era:
            return
        slow = self.plan.over is not None and seconds > self.plan.over
        if self.phase is CLOSED and not failed and not slow:
            self._failed = 0
            window = self._window
            if not self._looks_back:
                return
            if window.begins <= now < window.ends:
                window.good += 1
            else:
                window.add(now, failed=False, slow=False)
            return
        if self.phase in (Phase.FORCED_OPEN, Phase.FORCED_CLOSED):
            return
        if self.phase is Phase.TRYING:
            if failed or slow:
                self._open(now, "the call that tried failed" if failed else "the call that tried was slow")
            else:
                self._begin(Phase.CLOSED, now, "a call succeeded")
            return
        self._failed = self._failed + 1 if failed else 0
        if self._looks_back:
            self._window.add(now, failed=failed, slow=slow)
        reason = self._reason(failed=failed, slow=slow)
        if reason is not None:
            self._open(now, reason)

    def given_up(self, era: int, now: float) -> None:
        """Record that a call of *era* was cancelled; after a probe, the next call becomes the probe."""
        if era == self.era and self.phase is Phase.TRYING:
            self._until = now  # over already
            self._begin(Phase.OPEN, now, "the call that tried was given up")

    def _reason(self, *, failed: bool, slow: bool) -> str | None:
        plan = self.plan
        if plan.failures is not None and self._failed >= plan.failures:
            return "a failure" if self._failed == 1 else f"{self._failed} failures one after the other"
        calls, failures, slows = self._window.sums()
        if calls < plan.of:
            return None
        if failed and plan.rate is not None and failures >= plan.rate * calls:
            return f"{failures} of {calls} calls failed"
        if slow and plan.over is not None and slows >= plan.slow * calls:
            return f"{slows} of {calls} calls were slow"
        return None

    def _open(self, now: float, reason: str) -> None:
        if self.phase is Phase.CLOSED and now - self._closed_at > self.plan.pause.most:
            self._pauses = 0
        pause = min(self.plan.pause.most, self.plan.pause.least * 2 ** min(self._pauses, 30))
        self._pauses += 1
        pause *= 1.0 - 0.2 * self._draw()
        self._until = now + pause
        self._begin(Phase.OPEN, now, reason, pause=round(pause, 3))

    def order(self, phase: Phase, now: float, seconds: float | None, reason: str) -> None:
        """Carry out an operator's order: ``FORCED_OPEN`` or ``FORCED_CLOSED`` for *seconds*, ``CLOSED`` for `auto`."""
        self._until = inf if seconds is None else now + seconds
        self._begin(phase, now, reason)

    def obey(self, whole: Breaker, now: float) -> None:
        """Carry out the order that *whole*, the breaker of the upstream, is under, if it still holds."""
        if whole.phase in (Phase.FORCED_OPEN, Phase.FORCED_CLOSED) and whole._is_held(now):
            self.order(whole.phase, now, None if whole._until == inf else whole._until - now, whole.reason)

    def _begin(self, phase: Phase, now: float, reason: str, **more: float) -> None:
        before, self.phase, self.reason = self.phase, phase, reason
        self.era += 1
        self._failed = 0
        self._since = now
        if phase is Phase.CLOSED:
            self._closed_at = now
            self._window = Window(self.plan.window)
        level = logging.WARNING if phase in (Phase.OPEN, Phase.FORCED_OPEN) else logging.INFO
        log_change(_log, level, "A breaker has changed.", breaker=self.name, before=before.value, now=phase.value,
            reason=reason, **more)  # fmt: skip

    def as_dict(self, now: float) -> dict[str, object]:
        """Return what there is to know of it, for machines; times in seconds."""
        calls, failures, slows = self._window.sums()
        phase = self.phase_at(now)
        left = None if self._until == inf else max(0.0, round(self._until - now, 3))
        return {
            "name": self.name,
            "phase": phase.value,
            "reason": (self.reason or None) if phase is self.phase else _ORDER_OVER,
            "for": None if phase in (Phase.CLOSED, Phase.TRYING) else left,
            "consecutive_failures": self._failed,
            "window": {"calls": calls, "failures": failures, "slow": slows},
        }
