"""One fetch over processes: of those that lack the same value one holds a lease of it, the others wait for that.

Who waits does so for one lease, once, and then fetches itself: when the lease is over without a value, be it since its
holder was killed, or at the latest after half of the time that is left. Of what leaves no value, such as a failure or
a reply that may not be kept, nobody has a lease for a while, so that nobody waits for what will not be theirs.

States of a ``Held``: held (by those who joined), over (its value was handed over, it was given up, or all have left).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

_LONGEST: Final = 5.0
"""Seconds that a lease may last: for so long others wait in vain for a process that was killed."""
PAUSE: Final = 5.0
"""Seconds for which nobody has a lease of what left no value."""
_FIRST, _SHARE, _RAREST = 0.005, 0.25, 0.25
"""Who waits looks again after so many seconds, and then after a share of the time waited, or so many at most."""


class Wish(NamedTuple):
    """How a lookup would go on without a value: by a fetch of at most *seconds*, until *deadline* (loop time).

    *is_met* returns whether what this process has by now will do.
    """

    is_met: Callable[[], bool]
    seconds: float
    deadline: float

    @property
    def life(self) -> float:
        """The duration of the lease, in seconds."""
        return min(_LONGEST, self.seconds / 2)

    def patience(self, now: float) -> float:
        """Return for how many seconds from *now* it waits for others; half of what is left is for its own fetch."""
        return max(0.0, min(self.life, (self.deadline - now) / 2))


class Held:
    """A lease of this process, by its *token*, taken after so many purges.

    *end* is called once, with the seconds for which nobody has another, None where its value is written.
    """

    __slots__ = ("_end", "_joined", "is_over", "number", "token")

    def __init__(self, token: bytes, number: int, end: Callable[[float | None], None]) -> None:
        self.token = token
        self.number = number
        self.is_over = False
        self._joined = 0
        self._end = end

    def join(self) -> None:
        """Count one more fetch that uses the lease."""
        self._joined += 1

    def leave(self) -> None:
        """Count one fetch less; the last one gives up the lease."""
        self._joined -= 1
        if not self._joined:
            self.give_up(0.0)

    def give_up(self, pause: float = PAUSE) -> None:
        """End the lease without a value; for *pause* seconds nobody gets another one."""
        if not self.is_over:
            self.is_over = True
            self._end(pause)

    def hand_over(self) -> bytes:
        """Return its token, to end with the value that is written now; empty when it is over."""
        if self.is_over:
            return b""
        self.is_over = True
        self._end(None)
        return self.token


class Begun(NamedTuple):
    """What was known when a fetch began: the *number* of the last purge in the store, and the lease *held*.

    The number is None where that is not known.
    """

    number: int | None = None
    held: Held | None = None

    def ended(self, *, is_joined: bool = False) -> None:
        """End the fetch.

        Without a value, others stop waiting for the lease, unless this fetch had only joined another.
        """
        if self.held is not None:
            self.held.give_up(0.0 if is_joined else PAUSE)


ALONE: Final = Begun()


def pause_after(waited: float) -> float:
    """Return after how many seconds whoever has *waited* so many looks again."""
    return min(_RAREST, max(_FIRST, waited * _SHARE))
