"""A call that is switched off, itself or its upstream: it fails at once, and nothing around or behind it is asked."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.errors import CallError, Cause
from aggregator.parts.frame import Done, Frame
from aggregator.parts.result import failed
from aggregator.parts.rows import RowPlan
from aggregator.policies.switches.plan import OffPlan


def switched_off(off: OffPlan, label: str, clock: Callable[[], float]) -> CallError:
    """Return the failure of a call to the upstream *label* that is not made."""
    error = CallError(
        Cause.SWITCHED_OFF, f"The call to the upstream '{label}' is switched off.", retry_after=off.wait(clock())
    )
    error.attempts = 0
    return error


class SwitchedOff:
    """The call *name*, which is not made; *rows* rule its failure."""

    __slots__ = ("_clock", "_label", "_off", "_rows", "name")

    def __init__(
        self, name: str, off: OffPlan, label: str, rows: tuple[RowPlan, ...], clock: Callable[[], float]
    ) -> None:
        self.name = name
        self._off = off
        self._label = label
        self._rows = rows
        self._clock = clock

    def start(self, frame: Frame, done: Done) -> None:
        """Fail with ``switched_off``."""
        now = frame.loop.time()
        error = switched_off(self._off, self._label, self._clock)
        done(failed(self.name, error, now, now, upstream=self._label, rows=self._rows, attempts=0))
