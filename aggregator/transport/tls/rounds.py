"""What many connections have to do goes kind by kind: first all read, then all parse, then all send.

OpenSSL and the interpreter push each other out of the processor's caches if they take turns for every answer; that
took a tenth of the time of a fan-out over TLS. A socket without TLS gains nothing by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Round(Generic[_T]):
    """Rounds that let each added member *act* in the next turn of *loop*, in the order of adding."""

    __slots__ = ("_act", "_added", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, act: Callable[[_T], None]) -> None:
        self._loop = loop
        self._act = act
        self._added: list[_T] = []

    def add(self, member: _T) -> None:
        """Call *member* in the next round, once for each time it is added. The loop reports what it raises."""
        if not self._added:
            self._loop.call_soon(self._turn)
        self._added.append(member)

    def _turn(self) -> None:
        added, self._added = self._added, []
        act = self._act
        for member in added:
            try:
                act(member)
            except Exception as error:
                context = {"message": "a connection failed in its turn", "exception": error}
                self._loop.call_exception_handler(context)
