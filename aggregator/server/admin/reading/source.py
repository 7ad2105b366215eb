"""The sources of the admin address: one process, or a supervisor that asks its workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from aggregator.codecs import json as json_codec
from aggregator.http import HeaderList
from aggregator.plan.incoming.listening import AdminPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.server.admin.reading.names import refuse_unknown
from aggregator.server.admin.reading.views import shown
from aggregator.server.application.probes import probe_answer
from aggregator.server.generations.running import Running
from aggregator.server.live.serving import Audience
from aggregator.server.metrics.page import metrics_answer
from aggregator.server.routing.dispatch import tell_refused


class Source(Protocol):
    """The contract between ``AdminApplication`` and the process, or supervisor, whose data it serves."""

    @property
    def plan(self) -> AdminPlan | None:
        """The admin settings of the newest plan; None when the file no longer has any."""

    async def probe(self, path: str, *, verbose: bool = False) -> Answer:
        """Return the answer to a probe at *path*, ``/livez`` or ``/readyz``."""

    async def view(self, path: str, asked: Mapping[str, str]) -> Answer:
        """Return what is shown at *path*, narrowed by what is *asked* for. Raises ``ActionError``."""

    async def metrics(self, accept: str) -> Answer:
        """Return the answer to a scraper with this ``Accept``."""

    async def follow(self, asked: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Send the events *asked* for until the client leaves. Raises ``ActionError`` before anything is sent."""

    def refused(self, scope: Scope, status: int, reason: str, identity: str) -> None:
        """Report a refused request to the log."""


class ProcessSource:
    """The data of *running*, the application in this process."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._audience = Audience(running)

    @property
    def plan(self) -> AdminPlan | None:
        """The admin settings of the served plan."""
        return self._running.plan.server.admin

    async def probe(self, path: str, *, verbose: bool = False) -> Answer:
        """Return the answer to a probe at *path*."""
        return probe_answer(self._running, path, verbose=verbose)

    async def view(self, path: str, asked: Mapping[str, str]) -> Answer:
        """Return what is shown at *path*. Raises ``ActionError``."""
        return json_answer(await shown(self._running, path, asked))

    async def metrics(self, accept: str) -> Answer:
        """Return all metrics."""
        return await metrics_answer(self._running, accept)

    async def follow(self, asked: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Send the events *asked* for until the client leaves. Raises ``ActionError`` before anything is sent."""
        refuse_unknown(asked, self._running.plan)
        await self._audience.serve(asked, receive, send)

    def refused(self, scope: Scope, status: int, reason: str, identity: str) -> None:
        """Log that a request was refused."""
        tell_refused(self._running.generation, scope, status, reason, identity)


def json_answer(data: Any, status: int = 200, headers: HeaderList | None = None) -> Answer:
    """Return *data* as JSON."""
    return Answer(status, [(b"content-type", b"application/json"), *(headers or [])], json_codec.encode(data))
