"""Turns in which long answers are written: many that are ready at once, as those of a shared reply, block nobody.

free    a long answer is written at once, and the turn of the loop is taken
taken   others wait; each turn of the loop writes the next of them, ``AT_ONCE`` bytes or one, until none is left
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

LONG: Final = 256 * 1024
"""Bytes of an answer beyond which it has its turn: what the system takes of a longer one takes milliseconds."""
AT_ONCE: Final = 1024 * 1024
"""Bytes that are written in one turn of the loop, if more than one answer is."""


class Turns:
    """The long answers of one process that wait to be written, in the order in which they were ready.

    They are as many as there are requests in flight. Each *write* has to see for itself whether its client is there.
    """

    __slots__ = ("_is_taken", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Callable[[], bool]]] = deque()
        self._is_taken = False

    def take(self, loop: asyncio.AbstractEventLoop, size: int, write: Callable[[], bool]) -> None:
        """Call *write*, which writes *size* bytes, now or in a later turn of *loop*; it returns whether it did."""
        if self._is_taken:
            self._waiting.append((size, write))
            return
        self._is_taken = True
        loop.call_soon(self._turn, loop)
        write()

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._waiting:
            self._is_taken = False
            return
        loop.call_soon(self._turn, loop)
        written = 0
        while self._waiting and (not written or written + self._waiting[0][0] <= AT_ONCE):
            size, write = self._waiting.popleft()
            if write():  # one whose client has left costs no time
                written += size
