"""``GET /-/events`` over all workers: each is listened to, requests as they come, and counts added up once a second.

joined     every worker that answers has been told to `Listen`, those that come later as they come
left       all of them have been told to `Quit`
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any
from urllib.parse import urlencode

from starlette.types import Receive, Send

from aggregator.codecs import json as json_codec
from aggregator.server.admin.actions import ActionError
from aggregator.server.live.audience import MOST_CLIENTS, Waiting
from aggregator.server.live.choosing import chosen
from aggregator.server.live.serving import ALIVE, COUNTED, END, HEADERS, PAUSE, gone_of
from aggregator.server.workers.administering.gathering import added
from aggregator.server.workers.messages import Heard, Listen, Quit
from aggregator.server.workers.supervising.member import Member


class Listener(Waiting):
    """A client of the event stream: its bounded queue, and the counts of workers since the last ``counts`` event."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.heard: set[Member] = set()
        """Who was told to let it listen."""
        self._counts: list[dict[str, Any]] = []
        self._parts: list[dict[str, Any]] = []
        self._in_flight: dict[Member, int] = {}

    def hear(self, member: Member, text: bytes) -> None:
        """Queue the events in *text*, which *member* has sent."""
        for name, data in events_in(text):
            if name == "request":
                self.put(name, {**data, "worker": member.pid})
            elif name == "lost":
                self.lose(data["count"])
            elif name == "counts":
                self._in_flight[member] = data.pop("in_flight")
                del data["at"]
                self._counts.append(data)
            elif name == "parts":
                self._parts.append(data["parts"])

    def count(self, now: float) -> None:
        """Queue one ``counts`` event: what workers have counted since the last one, at the Unix time *now*."""
        if self._counts:
            there = sum(number for member, number in self._in_flight.items() if not member.ended.done())
            self.put("counts", {"at": round(now, 3), "in_flight": there, **added(self._counts)})
            self._counts.clear()
        if self._parts:
            self.put("parts", {"at": round(now, 3), "parts": added(self._parts)})
            self._parts.clear()


class Events:
    """The clients of the event stream, fed by the workers that *members* returns, until *is_over*.

    *serving* returns what is served and what was refused.
    """

    def __init__(
        self, members: Callable[[], Iterable[Member]], serving: Callable[[], dict[str, Any]],
        is_over: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._members = members
        self._serving = serving
        self._numbers = count(1)
        self._listeners: dict[int, Listener] = {}
        self._is_over = is_over

    def hear(self, member: Member, heard: Heard) -> None:
        """Hand the events of *heard* to the client that it is for."""
        if (listener := self._listeners.get(heard.number)) is not None:
            listener.hear(member, heard.text)

    async def serve(self, asked: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Send the events that were *asked* for until the client leaves or the workers stop.

        Raises ``ActionError`` before anything is sent, when too many clients listen.
        """
        chosen(asked)
        if len(self._listeners) >= MOST_CLIENTS:
            raise ActionError(429, f"{len(self._listeners)} clients listen already.")
        listener = Listener(next(self._numbers))
        self._listeners[listener.number] = listener
        gone = asyncio.ensure_future(gone_of(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await self._send(listener, urlencode(asked), gone, send)
        finally:
            gone.cancel()
            del self._listeners[listener.number]
            for member in listener.heard:
                member.channel.send(Quit(listener.number))

    async def _send(self, listener: Listener, query: str, gone: asyncio.Future[None], send: Send) -> None:
        loop = asyncio.get_running_loop()
        looks, last = 0, loop.time()
        known: dict[str, Any] = {}
        while not gone.done() and not self._is_over():
            for member in set(self._members()) - listener.heard:
                listener.heard.add(member)
                member.channel.send(Listen(listener.number, query))
            if (serving := self._serving()) != known:
                listener.put("config", serving)
                known = serving
            if loop.time() - last >= COUNTED:
                last = loop.time()
                listener.count(time.time())
            text = listener.take() or (b": alive\n\n" if looks % ALIVE == 0 else b"")
            if text:
                await send({"type": "http.response.body", "body": text, "more_body": True})
            looks += 1
            await asyncio.wait((gone,), timeout=PAUSE)
        if not gone.done():
            await send({"type": "http.response.body", "body": END})


def events_in(text: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the events of *text*, name and data; comments are none."""
    for block in text.split(b"\n\n"):
        name, separator, data = block.partition(b"\ndata: ")
        if separator:
            yield name.removeprefix(b"event: ").decode(), json_codec.decode(data)
