"""``GET /-/events``: what happens now, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Send

from aggregator.parts.events import RequestEnded
from aggregator.server.admin.actions import ActionError
from aggregator.server.generations.running import Running
from aggregator.server.live.audience import Client, Clients
from aggregator.server.live.choosing import chosen
from aggregator.server.live.tally import Tally
from aggregator.server.live.telling import told
from aggregator.telemetry.redaction import Masker, redact_text

PATH = "/-/events"
PAUSE, COUNTED, ALIVE = 0.25, 0.95, 60
"""Seconds between two looks for what waits, and between counts, and after how many looks a sign of life is sent."""
END = b"event: end\ndata: {}\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"),
]  # fmt: skip


class Audience:
    """The clients that listen to *running*."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._clients = Clients(running.visitors)
        self._tally: Tally | None = None
        self._counted = 0.0
        self._masker = Masker()

    async def serve(self, asked: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Send the events *asked* for until the client leaves or the server stops. Raises ``ActionError`` before."""
        client = self._client(asked)
        if self._clients.is_full:
            raise ActionError(429, f"{len(self._clients.all)} clients listen already.")
        self._masker.learn(self._running.plan.secrets)
        self._clients.join(client)
        self._count()
        gone = asyncio.ensure_future(gone_of(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await self._send(client, gone, send)
        finally:
            gone.cancel()
            self._clients.leave(client)
            self._count()

    async def _send(self, client: Client, gone: asyncio.Future[None], send: Send) -> None:
        looks = 0
        known: dict[str, Any] = {}
        while not gone.done() and not self._running.draining:
            serving = self._serving()
            if serving != known:
                client.put("config", serving)
                known = serving
            self._tell_counts()
            text = client.take() or (b": alive\n\n" if looks % ALIVE == 0 else b"")
            if text:
                await send({"type": "http.response.body", "body": text, "more_body": True})
            looks += 1
            await asyncio.wait((gone,), timeout=PAUSE)
        if not gone.done():
            await send({"type": "http.response.body", "body": END})

    def _serving(self) -> dict[str, Any]:
        generation, secrets = self._running.generation, self._running.plan.secrets
        self._masker.learn(secrets)
        return {
            "generation": None if generation is None else generation.number,
            "refused": self._running.outcomes.refusal_shown(secrets),
        }

    def _count(self) -> None:
        """Start or stop counting requests, as clients want counts or not."""
        wanted = any(client.counts or client.parts_of is not None for client in self._clients.all)
        if wanted and self._tally is None:
            self._tally, self._counted = Tally(), asyncio.get_running_loop().time()
            self._running.visitors.join_counting(self._tally)
        elif not wanted and self._tally is not None:
            self._running.visitors.leave(self._tally)
            self._tally = None

    def _tell_counts(self) -> None:
        """Send the counts of the last second to all clients that want them.

        The first client to wake up does it for all.
        """
        now, tally = asyncio.get_running_loop().time(), self._tally
        if tally is None or now - self._counted < COUNTED:
            return
        self._counted, at, clients = now, round(self._running.now(), 3), self._clients.all
        parts = [(one, tally.parts(one.parts_of)) for one in clients if one.parts_of is not None]
        data = {"at": at, "in_flight": self._running.in_flight, **tally.take()}
        for client in clients:
            if client.counts:
                client.put("counts", data)
        for client, found in parts:
            client.put("parts", {"at": at, "parts": found})

    def _client(self, asked: Mapping[str, str]) -> Client:
        """Return a client of what is *asked* for. Raises ``ActionError``."""
        return Client(chosen(asked), self._told)

    def _told(self, event: RequestEnded) -> dict[str, Any]:
        return told(event, self._running.plan.server.log.hidden, self._clean, self._running.now())

    def _clean(self, text: str) -> str:
        return self._masker(redact_text(text))


async def gone_of(receive: Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
