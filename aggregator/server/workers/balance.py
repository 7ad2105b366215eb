"""The choice of the worker that accepts the next connection: the one with the fewest, by counts in shared memory.

The kernel wakes all that wait at one listening socket, and the one that comes first wins; beside a busy one, that is
often the same. So who has more connections than another lets it go first. Woken is not running: where processors are
short, another process has its slice of some milliseconds before. So how long one waits depends on what is at stake, and
who has shown no sign of life in that time is not waited for again until it does. Measured in docs/decisions.md.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from array import array
from collections.abc import Callable
from typing import Any

from aggregator.server.process.accepting import Admission

_PAUSE = 0.002
_ONE, _MORE = 1, 25
"""Pauses that are left to who has one connection fewer, and to who has several fewer."""
_NOBODY = -1
_ITEM = 4
_WRAP = 0x7FFFFFFF


class Balance:
    """The connections of each of *seats*, and a counter of its signs of life, in memory that processes share.

    They do when they are forked after this was made, or when they have the *descriptor* of a ``balance_file``.
    """

    def __init__(self, seats: int, descriptor: int | None = None) -> None:
        self.seats = seats
        self._memory = mmap.mmap(-1 if descriptor is None else descriptor, 2 * seats * _ITEM)
        numbers = memoryview(self._memory).cast("i")
        self._counts, self._beats = numbers[:seats], numbers[seats:]
        if descriptor is None:
            self._memory[:] = _beginning(seats)

    def tell(self, seat: int, count: int) -> None:
        """Publish that the worker of *seat* has *count* connections, and that it is alive."""
        self._counts[seat] = count
        self._beats[seat] = (self._beats[seat] + 1) & _WRAP

    def leave(self, seat: int) -> None:
        """Publish that the worker of *seat* accepts no more connections."""
        self._counts[seat] = _NOBODY

    def fewer(self, count: int) -> dict[int, int]:
        """Return how many connections each has that has fewer than *count*, by its seat."""
        return {seat: other for seat, other in enumerate(self._counts) if 0 <= other < count}

    def beat(self, seat: int) -> int:
        """Return a number that is another one after each sign of life of the worker of *seat*."""
        return self._beats[seat]


def balance_file(seats: int) -> int:
    """Return the descriptor of a file without a name that holds the balance of *seats*, none of which is taken."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("balance")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.write(descriptor, _beginning(seats))
    return descriptor


def _beginning(seats: int) -> bytes:
    return array("i", [_NOBODY] * seats + [0] * seats).tobytes()


class Turn(Admission):
    """The part that the worker at *seat* has in the balance; *busy* returns how many connections it has.

    States: silent (it does not serve yet), taking part, left (it takes its last connections, and nobody waits for it).
    """

    def __init__(self, balance: Balance, seat: int, busy: Callable[[], int]) -> None:
        self._balance = balance
        self._seat = seat
        self._busy = busy
        self._takes_part = False
        self._met: dict[int, int] = {}
        """The beats of those that had fewer when the connection that waits came."""
        self._passed: dict[int, int] = {}
        """The last beats of those that are not waited for."""

    def wait(self, pauses: int) -> float:
        """Return the seconds to wait before a connection is taken that has waited for so many *pauses* already."""
        self.changed()
        fewer = {seat: other for seat, other in self._balance.fewer(self._busy()).items() if not self._is_passed(seat)}
        if not fewer:
            return 0.0
        if pauses == 0:
            self._met = {seat: self._balance.beat(seat) for seat in fewer}
        if pauses < self._patience(fewer):
            return _PAUSE
        if pauses >= _MORE:
            self._passed.update({seat: beat for seat, beat in self._met.items() if seat in fewer})
        return 0.0

    def _patience(self, fewer: dict[int, int]) -> int:
        return _ONE if self._busy() - min(fewer.values()) == 1 else _MORE

    def _is_passed(self, seat: int) -> bool:
        if seat in self._passed and self._passed[seat] != self._balance.beat(seat):
            del self._passed[seat]
        return seat in self._passed

    def begin(self) -> None:
        """Take part in the balance from now on."""
        self._takes_part = True
        self.changed()

    def changed(self) -> None:
        """Publish the number of open connections."""
        if self._takes_part:
            self._balance.tell(self._seat, self._busy())

    def leave(self) -> None:
        """Leave the balance: others no longer wait for this worker."""
        self._takes_part = False
        self._balance.leave(self._seat)


class Connections(set[Any]):
    """The connections of a worker; *changed* is called whenever one has come or gone."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed

    def add(self, connection: Any) -> None:
        """Add *connection*, and publish the new count."""
        super().add(connection)
        self._changed()

    def discard(self, connection: Any) -> None:
        """Remove *connection*, and publish the new count."""
        super().discard(connection)
        self._changed()
