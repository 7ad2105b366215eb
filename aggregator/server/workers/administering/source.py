"""The data that the admin address serves, gathered from all workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from aggregator.http import HeaderList
from aggregator.plan.incoming.listening import AdminPlan
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.server.admin.actions import ActionError
from aggregator.server.admin.quotas import shown_of
from aggregator.server.admin.reading.changes import PATH as CHANGES
from aggregator.server.admin.reading.lately import PATH as LATELY
from aggregator.server.admin.reading.lately import lately_shown
from aggregator.server.admin.reading.names import refuse_unknown
from aggregator.server.admin.reading.source import json_answer
from aggregator.server.admin.reading.views import CONFIG, QUOTAS
from aggregator.server.metrics.page import PATH as METRICS
from aggregator.server.sharing.quotas import SharedQuotas
from aggregator.server.workers.administering.asking import Asking
from aggregator.server.workers.administering.events import Events
from aggregator.server.workers.administering.gathering import lately_together, together, whole_config, workers_shown
from aggregator.server.workers.administering.metrics import Totals
from aggregator.server.workers.messages import TO_COUNT, Counted, Heard, Opened
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.member import Member
from aggregator.server.workers.supervising.reloading import Reloading
from aggregator.telemetry.logging import log
from aggregator.telemetry.metrics.exposition import PLAIN_TYPE

_log = logging.getLogger("aggregator.admin")
_TEXT = b"text/plain; charset=utf-8"


class WorkersSource:
    """Asks the workers of *crew*, which *reloading* reloads; one that does not answer in time is ``missing``.

    What they count together of *quotas* is known here.
    """

    def __init__(self, crew: Crew, reloading: Reloading, quotas: SharedQuotas) -> None:
        self._crew = crew
        self._reloading = reloading
        self._quotas = quotas
        self._totals = Totals()
        self._scraping = asyncio.Lock()
        self.asking = Asking(lambda: [one for one in crew if one.is_open and not one.told.done()])
        self._counting = Asking(lambda: [one for one in crew if one.is_open])
        self._events = Events(lambda: crew.serving, self._serving, lambda: crew.is_stopping)

    @property
    def plan(self) -> AdminPlan | None:
        """The admin settings of the newest plan; None when the file no longer has any."""
        return self._reloading.plan.server.admin

    def hear(self, member: Member, message: Opened | Heard | Counted) -> None:
        """Handle an unsolicited *message* of *member*: events for clients, or its metrics."""
        if isinstance(message, Heard):
            self._events.hear(member, message)
        elif isinstance(message, Counted):
            self._totals.hear(member, message)

    async def probe(self, path: str, *, verbose: bool = False) -> Answer:
        """Return whether the supervisor is alive, or any worker serves and goes on with it."""
        if path == "/livez":
            return Answer(200, [(b"content-type", _TEXT)], b"ok\n")
        ready = bool(self._crew.serving) and not self._crew.is_stopping
        status = 200 if ready else 503
        if not verbose:
            return Answer(status, [(b"content-type", _TEXT)], b"ok\n" if ready else b"draining\n")
        told = {"ready": ready, "draining": self._crew.is_stopping, **await self._config()}
        return json_answer(told, status)

    async def view(self, path: str, asked: Mapping[str, str]) -> Answer:
        """Return what all show at *path* together. Raises ``ActionError``."""
        if path == CONFIG:
            return json_answer(await self._config())
        if path == QUOTAS and not self._reloading.plan.store.is_remote:
            return json_answer(shown_of(self._reloading.plan, self._quotas.used, asked))
        if path == CHANGES:
            known = self._reloading
            secrets = known.plan.secrets | known.outcomes.refused_secrets
            shown = partial(known.changes.shown, known.outcomes.last_refusal, secrets)
            return json_answer(await asyncio.to_thread(shown))
        answers = await self.asking.all(self.asking.view(path, asked))
        if path == LATELY:
            own = lately_shown(self._reloading.plan.secrets, self._reloading.outcomes)
            return json_answer(lately_together(answers.data(), own), headers=_missing(answers.missing))
        return json_answer(together(path, answers.data()), headers=_missing(answers.missing))

    async def _config(self) -> dict[str, Any]:
        answers = await self.asking.all(self.asking.view(CONFIG, {}))
        reloading = self._reloading
        return {
            **(whole_config(answers.data()) if any(told.status < 400 for _, told in answers.told) else {}),
            "generation": self._crew.generation,
            "config": reloading.plan.digest,
            "last_refusal": reloading.outcomes.refusal_shown(reloading.plan.secrets),
            "workers": workers_shown(self._crew),
            "missing": list(answers.missing),
        }

    async def metrics(self, accept: str) -> Answer:  # noqa: ARG002 - texts are added up in one format
        """Return what all count together; who does not answer counts by what it has told last."""
        if self._reloading.plan.metrics is None:
            return problem(404, "The file declares no `telemetry.metrics`.")
        async with self._scraping:
            ask = self._counting.view(METRICS, {})
            answers = await self._counting.all(ask, TO_COUNT)
            unread = [member.pid for member, _ in answers.told if not self._totals.knows(member, ask.number)]
            outcomes = self._reloading.outcomes
            pieces = await self._totals.pieces((outcomes.applied, outcomes.refused))
        missing = _missing(answers.missing + tuple(unread))
        return Answer(200, [(b"content-type", PLAIN_TYPE.encode()), *missing], pieces)

    async def follow(self, asked: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Send the events of all workers.

        Raises ``ActionError`` before anything is sent, when the workers are stopping, or what is asked for is unknown.
        """
        if self._crew.is_stopping:
            raise ActionError(503, "The workers stop.")
        refuse_unknown(asked, self._reloading.plan)
        await self._events.serve(asked, receive, send)

    def _serving(self) -> dict[str, Any]:
        refused = self._reloading.outcomes.refusal_shown(self._reloading.plan.secrets)
        return {"generation": self._crew.generation, "refused": refused}

    def refused(self, scope: Scope, status: int, reason: str, identity: str) -> None:
        """Log a request that the admin address has refused with *status*."""
        client = scope.get("client")
        log(_log, logging.INFO, "A request to the address of administration was refused.", status=status,
            path=scope["path"], reason=reason, by=client[0] if client else "unix", request_id=identity)  # fmt: skip


def _missing(pids: tuple[int, ...]) -> HeaderList:
    """Return the header that names the processes which have not answered."""
    return [(b"x-workers-missing", ", ".join(map(str, pids)).encode())] if pids else []
