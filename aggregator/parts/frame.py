"""What a part needs to run: the request, the names it may use, and when it must have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.transport.door import Cancelable

Wanted = Mapping[str, "Wanted | None"]
"""The names of the parts that somebody needs, each with those inside it, None for all of them."""
Done = Callable[[Result], None]
"""Takes the result of a part; called exactly once unless the part was cancelled, maybe before ``start`` returns."""


class Written(Struct, eq=False):
    """A request that may be sent more than once: ``request`` is what was rendered first, None before.

    ``tried`` are the hosts of its upstream that it was sent to.
    """

    request: Any = None
    tried: tuple[Any, ...] = ()


class Frame(Struct, eq=False):
    """The surroundings of a running part; *deadline* is loop time.

    *wanted* are the parts inside a group that somebody needs, None for all of them. *conditions* are header lines that
    make a call a conditional one. All attempts at a call send what is *written*, which is None for a call of which
    there is but one.
    """

    exchange: Exchange
    names: Names
    deadline: float
    loop: asyncio.AbstractEventLoop
    wanted: Wanted | None = None
    conditions: bytes = b""
    written: Written | None = None

    def __repr__(self) -> str:  # what its fields hold stays out of logs
        return f"<Frame {self.exchange.id}>"

    def for_group(self, wanted: Wanted | None) -> Frame:
        """Return the same surroundings for a group of which *wanted* is needed."""
        return Frame(self.exchange, self.names, self.deadline, self.loop, wanted)

    def with_names(self, names: Names) -> Frame:
        """Return the same surroundings with other names."""
        return Frame(self.exchange, names, self.deadline, self.loop)

    def cut_to(self, seconds: float | None) -> Frame:
        """Return the same surroundings with a deadline no later than *seconds* from now."""
        if seconds is None:
            return self
        return self.until(min(self.deadline, self.loop.time() + seconds), self.written)

    def until(self, deadline: float, written: Written | None) -> Frame:
        """Return the same surroundings with another *deadline*, for an attempt that sends what is *written*."""
        return Frame(self.exchange, self.names, deadline, self.loop, self.wanted, self.conditions, written)


class Part(Protocol):
    """A runnable piece of an answer."""

    @property
    def name(self) -> str:
        """The name by which others refer to its result."""

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Begin; *done* gets the result. Gives what cancels it, or None when nothing is under way."""
