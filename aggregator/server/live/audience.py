"""Those who listen to what happens now, each with a bounded queue; requests go on while they are slow.

joined     hears of requests; what finds its queue full is counted as lost
left       hears of nothing; with the last one nothing is built for listeners any more
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.parts.events import RequestEnded, Visitors
from aggregator.server.live.tally import PartTally
from aggregator.server.live.telling import Wanted

MOST_CLIENTS, MOST_WAITING = 8, 200
"""Clients at a time, and events that wait for one of them until it is sent some, four times a second."""


class Chosen(Struct, frozen=True):
    """What somebody listens to: the requests that are *wanted*, *counts*, and the parts of the endpoint *parts_of*.

    None stands for no requests, and for no parts.
    """

    wanted: Wanted | None
    counts: bool
    parts_of: str | None = None


class Waiting:
    """What waits for one who listens, as text of events; what finds it full is counted as lost."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._lost = 0

    def lose(self, count: int = 1) -> None:
        """Count events as lost."""
        self._lost += count

    @property
    def is_full(self) -> bool:
        """Whether the next event would be lost."""
        return len(self._waiting) >= MOST_WAITING

    def put(self, name: str, data: Any) -> None:
        """Queue an event, or count it as lost."""
        if self.is_full:
            self._lost += 1
        else:
            self._waiting.append(event_text(name, data))

    def take(self) -> bytes:
        """Return what waits, and how much was lost meanwhile; empty when there is nothing."""
        text = b"".join(self._waiting)
        self._waiting.clear()
        if self._lost:
            text += event_text("lost", {"count": self._lost})
            self._lost = 0
        return text


class Client(Waiting):
    """One who listens to what is *chosen*; *told* returns a request as data."""

    def __init__(self, chosen: Chosen, told: Callable[[RequestEnded], dict[str, Any]]) -> None:
        super().__init__()
        self.wanted = chosen.wanted
        self.counts = chosen.counts
        self.parts = None if chosen.parts_of is None else PartTally(chosen.parts_of)
        self._told = told

    def hear(self, event: RequestEnded) -> None:
        """Queue the request of *event* if it is wanted."""
        if self.wanted is None or not self.wanted.takes(event):
            return
        if self.is_full:
            self.lose()
        else:
            self.put("request", self._told(event))


class Clients:
    """All who listen; *visitors* are the listeners of requests that they are among as long as they are there."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self.all: list[Client] = []

    @property
    def is_full(self) -> bool:
        """Whether nobody else may listen now."""
        return len(self.all) >= MOST_CLIENTS

    def join(self, client: Client) -> None:
        """Let *client* hear what happens from now on."""
        self.all.append(client)
        if client.wanted is not None:
            self._visitors.join(client.hear, is_content=client.wanted.is_bad)
        if client.parts is not None:
            self._visitors.join_counting(client.parts)

    def leave(self, client: Client) -> None:
        """Let *client* hear nothing any more."""
        self.all.remove(client)
        if client.wanted is not None:
            self._visitors.leave(client.hear)
        if client.parts is not None:
            self._visitors.leave(client.parts)


def event_text(name: str, data: Any) -> bytes:
    """Return one event as an event stream has it (HTML, 9.2)."""
    return b"event: " + name.encode() + b"\ndata: " + json_codec.encode(data) + b"\n\n"
