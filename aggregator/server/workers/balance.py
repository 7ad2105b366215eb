"""Who takes the next connection: the worker that has the fewest, as far as all know of each other.

The kernel wakes all that wait at one listening socket, and the one that comes first wins; beside a busy one, that is
often the same. So who has more connections than another lets two milliseconds pass before it takes one, once a
connection: the other may be stopped, and nobody must wait for it. Measured in docs/decisions.md.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

_WAIT = 0.002
_NOBODY = -1
_ITEM = 4


class Balance:
    """The connections of each of *seats* in memory that processes share when they are forked after this was made."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self._memory = mmap.mmap(-1, seats * _ITEM)
        self._counts = memoryview(self._memory).cast("i")
        for seat in range(seats):
            self._counts[seat] = _NOBODY

    def tell(self, seat: int, count: int) -> None:
        """Let all know that the worker of *seat* has *count* connections."""
        self._counts[seat] = count

    def leave(self, seat: int) -> None:
        """Let nobody count on the worker of *seat* any more."""
        self._counts[seat] = _NOBODY

    def has_more(self, count: int) -> bool:
        """Return whether somebody has fewer connections than *count*."""
        return any(0 <= other < count for other in self._counts)


class Turn:
    """The admission of one worker at *seat*; *busy* returns how many connections it has.

    States: fresh (the next connection has not been waited for), waited (it may be taken whoever has fewer).
    """

    def __init__(self, balance: Balance, seat: int, busy: Callable[[], int]) -> None:
        self._balance = balance
        self._seat = seat
        self._busy = busy
        self._has_waited = False

    def __call__(self) -> float:
        """Return the seconds to wait before the next connection is taken."""
        count = self._busy()
        self._balance.tell(self._seat, count)
        if self._has_waited or not self._balance.has_more(count):
            self._has_waited = False
            return 0.0
        self._has_waited = True
        return _WAIT


class Connections(set[Any]):
    """The connections of a worker; *told* hears how many there are whenever one comes or goes."""

    def __init__(self, told: Callable[[int], None]) -> None:
        super().__init__()
        self._told = told
        told(0)

    def add(self, connection: Any) -> None:
        """Take up *connection*."""
        super().add(connection)
        self._told(len(self))

    def discard(self, connection: Any) -> None:
        """Let *connection* go."""
        super().discard(connection)
        self._told(len(self))
