"""What processes announce to each other: messages of a channel, numbered one after another, the last of them kept.

Who has heard all up to a number asks for what came behind it, so that a message which was lost on its way is heard all
the same. The first number is a time: one that was given before the store lost everything is not known afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

MOST_KEPT = 1000
"""Messages of a channel that are kept; who has missed more of them has missed what nobody can tell."""
LARGEST = 16 * 2**10
"""Bytes that one message may have."""
LIFETIME = 3600.0
"""Seconds for which they are kept when nobody asks for them any more."""


class Announced(NamedTuple):
    """The number of the *last* message, and the *messages* up to it; None when some of them are not known."""

    last: int
    messages: Sequence[bytes] | None


class Numbered(NamedTuple):
    """A *message* as it goes over a channel, behind its number and that of the one before."""

    number: int
    before: int
    message: bytes

    def packed(self) -> bytes:
        """Return it as bytes."""
        return b"%d %d %b" % self

    @classmethod
    def unpacked(cls, frame: bytes) -> Numbered:
        """Return what was packed; raise ``ValueError`` for what nobody packed."""
        number, before, message = frame.split(b" ", 2)
        return cls(int(number), int(before), message)


class Announcements:
    """The messages of channels in the memory of one process; *wall* gives the seconds since 1970."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._channels: dict[bytes, tuple[int, deque[bytes]]] = {}

    def add(self, channel: bytes, message: bytes) -> Numbered:
        """Keep *message*; return it with its number."""
        last, kept = self._of(channel)
        kept.append(message)
        self._channels[channel] = (last + 1, kept)
        return Numbered(last + 1, last, message)

    def since(self, channel: bytes, number: int) -> Announced:
        """Return what came behind *number*."""
        last, kept = self._of(channel)
        missed = last - number
        return Announced(last, list(kept)[len(kept) - missed :] if 0 <= missed <= len(kept) else None)

    def _of(self, channel: bytes) -> tuple[int, deque[bytes]]:
        """Return the last number of *channel*, and what is kept of it."""
        return self._channels.setdefault(channel, (int(self._wall() * 1e6), deque(maxlen=MOST_KEPT)))
