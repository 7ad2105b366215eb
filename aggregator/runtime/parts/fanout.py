"""Parts run as parallel as their references allow: a part starts the moment its last input is there.

One ``Run`` a request (or nested group). Nothing here awaits: parts report by callback, so that a fan-out of
plain calls needs no task at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from msgspec import Struct

from aggregator.errors import CallError, Cause
from aggregator.exchange import State
from aggregator.parts.frame import Frame, Part, Wanted
from aggregator.parts.result import Result, failed, skipped
from aggregator.transport.door import Cancelable

_log = logging.getLogger("aggregator.request")
_FAILED = State.FAILED


class Order(Struct, frozen=True, eq=False):
    """In which order parts go: *names* and their *places*, for how many each *waits*, which of them are *roots*."""

    names: tuple[str, ...]
    places: dict[str, int]
    waits: tuple[int, ...]
    dependents: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]


@lru_cache(maxsize=1024)  # thousands of endpoints have few orders, and one that is shared stays in the caches
def order_of(
    names: tuple[str, ...], waits: tuple[tuple[int, ...], ...], dependents: tuple[tuple[int, ...], ...]
) -> Order:
    """Return the order of parts called *names*; *waits* and *dependents* hold the places of others for each."""
    counts = tuple(len(wait) for wait in waits)
    places = {name: number for number, name in enumerate(names)}
    return Order(names, places, counts, dependents, tuple(number for number, count in enumerate(counts) if count == 0))


class FanOut(NamedTuple):
    """The parts of a fan-out and their order, built once a generation."""

    order: Order
    parts: tuple[Part, ...]


def fan_out(parts: Sequence[Part], waits: Sequence[tuple[int, ...]], dependents: Sequence[tuple[int, ...]]) -> FanOut:
    """Return the fan-out of *parts*; *waits* and *dependents* hold the places of others for each."""
    names = tuple(part.name for part in parts)
    return FanOut(order_of(names, tuple(waits), tuple(dependents)), tuple(parts))


class Run:
    """One execution of a fan-out. *ended* is called once, with the results in declared order.

    A required part that fails ends the run at once and becomes its *failure*; what is still under way is
    cancelled and keeps no result.
    """

    __slots__ = (
        "_ended", "_left", "_open", "failure", "frame", "order", "over", "parts", "results", "tickets", "wanted",
    )  # fmt: skip

    def __init__(self, order: Order, parts: tuple[Part, ...], frame: Frame, ended: Callable[[Run], None]) -> None:
        self.order = order
        self.parts = parts
        self.frame = frame
        self.results: list[Result | None] = [None] * len(parts)
        self.tickets: list[Cancelable | None] = [None] * len(parts)
        self.over = False
        self.wanted: Wanted | None = None
        self.failure: Result | None = None
        self._open: list[int] | None = None
        self._left = len(parts)
        self._ended = ended
        frame.names.see(order.places, self.results)

    def begin(self, wanted: Wanted | None = None) -> None:
        """Start every part that waits for nothing; parts outside *wanted* count as skipped."""
        if not self.parts:
            self._finish()
            return
        if wanted is not None:
            self.wanted = wanted
            for number, name in enumerate(self.order.names):
                if name not in wanted:
                    self.tickets[number] = _NOTHING
        for number in self.order.roots:
            if self.over:
                return
            self._launch(number)

    def _launch(self, number: int) -> None:
        part = self.parts[number]
        if self.tickets[number] is _NOTHING:
            self._settle(number, skipped(part.name, self.frame.loop.time()))
            return
        try:
            frame = self.frame if self.wanted is None else self.frame.for_group(self.wanted[part.name])
            ticket = part.start(frame, partial(self._settle, number))
        except Exception as error:
            self._fail_by_fault(number, error)
            return
        if self.results[number] is None:
            if self.over and ticket is not None:
                ticket.cancel()
            else:
                self.tickets[number] = ticket

    def _settle(self, number: int, result: Result) -> None:
        if self.over:
            return
        try:
            self._take(number, result)
        except Exception as error:
            self._fail_by_fault(number, error)

    def _fail_by_fault(self, number: int, error: Exception) -> None:
        """Fail the run, unless it has ended: a fault of ours must not leave a request hanging."""
        _log.error("A part could not be run by a fault of the program: %r", error, exc_info=error)
        if not self.over:
            fault = CallError(Cause.FAULT, "The server made a mistake; its log tells more.")
            now = self.frame.loop.time()
            self.failure = failed(self.order.names[number], fault, now, now)
            self._finish()

    def _take(self, number: int, result: Result) -> None:
        self.results[number] = result
        self.tickets[number] = None
        self._left -= 1
        if result.state is _FAILED:
            self.failure = result
            self._finish()
            return
        if self._left == 0:
            self._finish()
            return
        if result.is_there:
            self.frame.exchange.under_way = self.frame.exchange.is_awaited
        if dependents := self.order.dependents[number]:
            self._launch_due(dependents)

    def _launch_due(self, dependents: tuple[int, ...]) -> None:
        """Start those of *dependents* that waited for nothing but the part that has just ended."""
        waits = self._open
        if waits is None:
            waits = self._open = list(self.order.waits)
        for dependent in dependents:
            waits[dependent] -= 1
            if waits[dependent] == 0 and not self.over:
                self._launch(dependent)

    def _finish(self) -> None:
        self.over = True
        ended, self._ended = self._ended, _tell_nobody  # who is told may hold this run
        if self._left:
            self.cancel()
        ended(self)

    def cancel(self) -> None:
        """Cancel all parts under way."""
        self.over = True
        self._ended = _tell_nobody
        for number, ticket in enumerate(self.tickets):
            if ticket is not None:
                self.tickets[number] = None
                ticket.cancel()

    def ended_results(self) -> tuple[Result, ...]:
        """Return the results of the parts that ended, in declared order."""
        results: Any = self.results
        return tuple(results) if self._left == 0 else tuple(filter(None, results))  # as most have all of them


def _tell_nobody(run: Run) -> None:
    """Stand for the waiter of a run that was told, or has left."""


class _Nothing:
    """Stands for a part that nobody wants."""

    __slots__ = ()

    def cancel(self) -> None:
        """Nothing is under way."""


_NOTHING = _Nothing()
