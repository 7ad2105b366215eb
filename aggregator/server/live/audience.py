"""The clients of live events, each with a bounded queue; requests go on while a client is slow.

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
from aggregator.server.live.telling import Wanted

MOST_CLIENTS, MOST_WAITING = 8, 200
"""Clients at a time, and events that wait for one of them until it is sent some, four times a second."""


class Chosen(Struct, frozen=True):
    """The subscription of a client: *wanted* requests, *counts*, and the parts of the endpoint *parts_of*.

    None stands for no requests, and for no parts.
    """

    wanted: Wanted | None
    counts: bool
    parts_of: str | None = None


class Waiting:
    """The queue of a client, as text of events; events that find it full are counted as lost."""

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
    """A client that listens to what is *chosen*; *told* returns a request as data."""

    def __init__(self, chosen: Chosen, told: Callable[[RequestEnded], dict[str, Any]]) -> None:
        super().__init__()
        self.wanted = chosen.wanted
        self.counts = chosen.counts
        self.parts_of = chosen.parts_of
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
    """All clients; each is among *visitors*, the listeners to requests, while it is connected."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self.all: list[Client] = []

    @property
    def is_full(self) -> bool:
        """Whether there are ``MOST_CLIENTS``, so that no other may listen."""
        return len(self.all) >= MOST_CLIENTS

    def join(self, client: Client) -> None:
        """Send *client* events from now on."""
        self.all.append(client)
        if client.wanted is not None:
            self._visitors.join(client.hear, is_content=client.wanted.is_bad)

    def leave(self, client: Client) -> None:
        """Send *client* no more events."""
        self.all.remove(client)
        if client.wanted is not None:
            self._visitors.leave(client.hear)


def event_text(name: str, data: Any) -> bytes:
    """Return one event as an event stream has it (HTML, 9.2)."""
    return b"event: " + name.encode() + b"\ndata: " + json_codec.encode(data) + b"\n\n"
