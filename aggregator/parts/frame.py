"""What a part needs to run: the request, the names it may use, and when it must have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.transport.door import Cancelable

Wanted = Mapping[str, "Wanted | None"]
"""The names of the parts that somebody needs, each with those inside it, None for all of them."""
Done = Callable[[Result], None]
"""Takes the result of a part; called exactly once unless the part was cancelled, maybe before ``start`` returns."""


class Frame:
    """The surroundings of a running part; *deadline* is loop time.

    *wanted* are the parts inside a group that somebody needs, None for all of them. *conditions* are header lines that
    make a call a conditional one.
    """

    __slots__ = ("conditions", "deadline", "exchange", "loop", "names", "wanted")

    def __init__(self, exchange: Exchange, names: Names, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        self.exchange = exchange
        self.names = names
        self.deadline = deadline
        self.loop = loop
        self.wanted: Wanted | None = None
        self.conditions = b""

    def for_group(self, wanted: Wanted | None) -> Frame:
        """Return the same surroundings for a group of which *wanted* is needed."""
        frame = Frame(self.exchange, self.names, self.deadline, self.loop)
        frame.wanted = wanted
        return frame

    def with_names(self, names: Names) -> Frame:
        """Return the same surroundings with other names."""
        return Frame(self.exchange, names, self.deadline, self.loop)

    def cut_to(self, seconds: float | None) -> Frame:
        """Return the same surroundings with a deadline no later than *seconds* from now."""
        if seconds is None:
            return self
        frame = Frame(self.exchange, self.names, min(self.deadline, self.loop.time() + seconds), self.loop)
        frame.wanted, frame.conditions = self.wanted, self.conditions
        return frame


class Written:
    """A request that may be sent more than once: ``request`` is what was rendered first, None before.

    ``tried`` are the hosts of its upstream that it was sent to.
    """

    __slots__ = ("request", "tried")

    def __init__(self) -> None:
        self.request: Any = None
        self.tried: tuple[Any, ...] = ()


class AttemptFrame(Frame):
    """The surroundings of one attempt at a call, of which there may be more; all of them send what is *written*."""

    __slots__ = ("written",)

    def __init__(self, frame: Frame, deadline: float, written: Written) -> None:
        super().__init__(frame.exchange, frame.names, deadline, frame.loop)
        self.wanted, self.conditions = frame.wanted, frame.conditions
        self.written = written

    def cut_to(self, seconds: float | None) -> Frame:
        """Return the same surroundings with a deadline no later than *seconds* from now."""
        if seconds is None:
            return self
        return AttemptFrame(self, min(self.deadline, self.loop.time() + seconds), self.written)


class Part(Protocol):
    """A runnable piece of an answer."""

    @property
    def name(self) -> str:
        """The name by which others refer to its result."""

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Begin; *done* gets the result. Gives what cancels it, or None when nothing is under way."""
