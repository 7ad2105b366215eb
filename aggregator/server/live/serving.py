"""``GET /-/events``: what happens now, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Send

from aggregator.durations import duration_of
from aggregator.parts.events import RequestEnded
from aggregator.server.admin.actions import ActionError
from aggregator.server.generations.running import Running
from aggregator.server.live.audience import Chosen, Client, Clients
from aggregator.server.live.tally import Tally
from aggregator.server.live.telling import Wanted, told
from aggregator.telemetry.redaction import Masker, redact_text

PATH = "/-/events"
PAUSE, COUNTED, ALIVE = 0.25, 0.95, 60
"""Seconds between two looks for what waits, and between counts, and after how many looks a sign of life is sent."""
END = b"event: end\ndata: {}\n\n"
_KEYS = frozenset({"show", "endpoint", "part", "cause", "slower_than"})
_SHOWN = frozenset({"requests", "failures", "counts", "parts"})
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
        wanted = any(client.counts for client in self._clients.all)
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
        now = asyncio.get_running_loop().time()
        if now - self._counted < COUNTED:
            return
        self._counted, at = now, round(self._running.now(), 3)
        if self._tally is not None:
            data = {"at": at, "in_flight": self._running.in_flight, **self._tally.take()}
            for client in self._clients.all:
                if client.counts:
                    client.put("counts", data)
        for client in self._clients.all:
            if client.parts is not None:
                client.put("parts", {"at": at, "parts": client.parts.take()})

    def _client(self, asked: Mapping[str, str]) -> Client:
        """Return a client of what is *asked* for. Raises ``ActionError``."""
        return Client(chosen(asked), self._told)

    def _told(self, event: RequestEnded) -> dict[str, Any]:
        return told(event, self._running.plan.server.log.hidden, self._clean, self._running.now())

    def _clean(self, text: str) -> str:
        return self._masker(redact_text(text))


def chosen(asked: Mapping[str, str]) -> Chosen:
    """Return what is *asked* for. Raises ``ActionError``."""
    if unknown := [name for name in asked if name not in _KEYS]:
        raise ActionError(400, f"Events are chosen by {', '.join(sorted(_KEYS))}, not by `{unknown[0][:50]}`.")
    shown = set(asked.get("show", "requests,counts").split(","))
    if not shown <= _SHOWN:
        raise ActionError(400, f"`show` is one or more of {', '.join(sorted(_SHOWN))}, with commas.")
    if "parts" in shown and not asked.get("endpoint"):
        raise ActionError(400, "`show=parts` needs the `endpoint` whose parts are counted.")
    slower = duration_of(asked["slower_than"]) if "slower_than" in asked else 0.0
    if slower is None:
        raise ActionError(400, "`slower_than` is a duration such as 500ms.")
    is_bad = "requests" not in shown
    wanted = Wanted(asked.get("endpoint", ""), asked.get("part", ""), asked.get("cause", ""), slower, is_bad)
    has_requests = not shown.isdisjoint(("requests", "failures"))
    return Chosen(wanted if has_requests else None, "counts" in shown, asked["endpoint"] if "parts" in shown else None)


async def gone_of(receive: Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
