"""A part with its condition, its limit of time, its shape, and what it becomes when it is skipped or fails."""

from __future__ import annotations

from contextlib import suppress

from aggregator.errors import AggregatorError, Cause
from aggregator.exchange import State
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed, skipped
from aggregator.plan.types import RowPlan
from aggregator.policies.degrade.pressure import Pressure
from aggregator.runtime.foresight.reading import LongReads
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.parts.shape import Reshape
from aggregator.runtime.parts.wholes import Whole, shaped
from aggregator.templates import MISSING, Expression, Template
from aggregator.transport.door import Cancelable


class Guarded:
    """*inner*, if *when* holds. Its default stands for it when it is skipped, and when it fails and is optional.

    *reads* are the long values that *shape* reads, None where it reads none.
    """

    __slots__ = ("_default", "_inner", "_optional", "_pressure", "_rows", "_timeout", "_when", "name")

    def __init__(
        self, inner: Part, *, when: Expression | None = None, optional: bool = False, default: Template | None = None,
        timeout: float | None = None, shape: Reshape | None = None, rows: tuple[RowPlan, ...] | None = None,
        pressure: Pressure | None = None, reads: LongReads | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._rows = rows
        self._inner = inner if shape is None else Whole(inner, shaped(shape, rows), rows, reads=reads)
        self._when = when
        self._optional = optional
        self._pressure = pressure
        self._default = default
        self._timeout = timeout

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start it if its condition holds, and there is no pressure under which it is left out."""
        if self._pressure is not None and self._pressure.is_essential:
            left_out = skipped(self.name, frame.loop.time())
            left_out.cause = Cause.DEGRADED
            done(self._settled(frame, left_out))
            return None
        try:
            wanted = self._when is None or self._when.truth(frame.names)
        except AggregatorError as error:
            now = frame.loop.time()
            done(
                self._settled(
                    frame, failed(self.name, blame(error, frame.names), now, now, rows=self._rows, attempts=0)
                )
            )
            return None
        if not wanted:
            done(self._settled(frame, skipped(self.name, frame.loop.time())))
            return None
        return self._inner.start(frame.cut_to(self._timeout), lambda result: done(self._settled(frame, result)))

    def _settled(self, frame: Frame, result: Result) -> Result:
        if result.state is State.SKIPPED or (result.state is State.FAILED and self._optional):
            return self._replaced(frame, result)
        return result

    def _replaced(self, frame: Frame, result: Result) -> Result:
        """Return *result* with the default in the place of its body; null where there is none, or it cannot be made."""
        value = None
        if self._default is not None:
            with suppress(AggregatorError):  # what may be absent does not fail the answer after all
                value = self._default.render(frame.names, missing="null")
        if result.state is State.FAILED:
            result.state = State.DEFAULT
        result.decoder = None
        result.value = None if value is MISSING else value
        return result
