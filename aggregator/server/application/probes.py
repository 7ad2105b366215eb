"""What machines ask of the process itself: is it alive, is it ready, which configuration does it serve."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aggregator.codecs import json as json_codec
from aggregator.policies.credentials.describing import credentials_member
from aggregator.policies.hosts.table import HOSTS
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.replying import send_body
from aggregator.server.generations.running import Running
from aggregator.server.metrics.page import PATH as METRICS
from aggregator.server.metrics.page import metrics_answer
from aggregator.telemetry.logging import log_state, lost_lines

_NO_STORE = {"cache-control": "no-store"}
_TEXT = b"text/plain; charset=utf-8"


def probe_routes(running: Running) -> list[Route]:
    """Return the routes ``/livez``, ``/readyz``, ``/-/config`` and ``/metrics``; none of them calls an upstream.

    With an address of administration declared, only that tells more than whether the process is alive and ready.
    """

    async def livez(_: Request) -> Response:
        return _response(probe_answer(running, "/livez"))

    async def readyz(request: Request) -> Response:
        verbose = "verbose" in request.query_params and running.plan.server.admin is None
        return _response(probe_answer(running, "/readyz", verbose=verbose))

    async def config(_: Request) -> Response:
        if running.plan.server.admin is not None:
            raise HTTPException(404)
        return JSONResponse(describe(running), headers=_NO_STORE)

    async def metrics(request: Request) -> Response:
        if running.plan.server.admin is not None or running.metrics is None:
            raise HTTPException(404)
        return _Pieces(await metrics_answer(running, request.headers.get("accept", "")))

    return [
        Route("/livez", livez, include_in_schema=False),
        Route("/readyz", readyz, include_in_schema=False),
        Route("/-/config", config, include_in_schema=False),
        Route(METRICS, metrics, include_in_schema=False),
    ]


def _hosts(running: Running) -> dict[str, dict[str, int]]:
    """Return how many hosts of each upstream are in each state; their names are told by administration alone."""
    now = asyncio.get_running_loop().time()
    names = () if running.generation is None else running.generation.with_hosts
    tables = ((name, running.states.of(HOSTS, name)) for name in names)
    return {name: table.counts(now) for name, table in tables if table is not None}


def probe_answer(running: Running, path: str, *, verbose: bool = False) -> Answer:
    """Return the answer to a probe at *path*, ``/livez`` or ``/readyz``; *verbose* tells what ``/-/config`` tells."""
    if path == "/livez":
        return Answer(200, [(b"content-type", _TEXT)], b"ok\n")
    ready = running.generation is not None and not running.draining
    status = 200 if ready else 503
    if not verbose:
        return Answer(status, [(b"content-type", _TEXT)], b"ok\n" if ready else b"draining\n")
    told = {"ready": ready, "draining": running.draining, **describe(running)}
    return Answer(status, [(b"content-type", b"application/json")], json_codec.encode(told))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=_headers(answer))


def _headers(answer: Answer) -> dict[str, str]:
    return {**{name.decode(): value.decode() for name, value in answer.headers}, **_NO_STORE}


class _Pieces(Response):
    """An *answer* that is sent piece by piece."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(None, answer.status, headers={**_headers(answer), "content-length": str(answer.size)})
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - that of Starlette
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send_body(send, self._answer)


def describe(running: Running) -> dict[str, Any]:
    """Return which generation serves and what became of others: refused files, lost lines, shed requests, workers.

    Where tokens are judged by keys that are fetched, it says what is known of their issuers.
    """
    generation = running.generation
    if generation is None:
        return {"generation": None}
    upstreams = ((upstream.name, upstream.credentials) for upstream in generation.plan.upstreams)
    credentials = credentials_member(upstreams, running.states)
    issuers = [keys.describe() for keys in running.states.all("issuer_keys")]
    return {
        "generation": generation.number,
        "config": generation.plan.digest,
        "loaded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(generation.loaded_at)),
        "endpoints": len(generation.plan.declared),
        "in_flight": running.in_flight,
        "last_refusal": running.outcomes.refusal_shown(running.plan.secrets),
        "lost_log_lines": lost_lines(),
        **({} if (state := log_state()) is None else {"log": state}),
        "limits": {"waiting": running.load.waiting, "shed": running.load.shed, "closed": running.peers.closed},
        **({} if (store := running.stores.found(running.plan.store)) is None else {"store": store.describe()}),
        **({"hosts": hosts} if (hosts := _hosts(running)) else {}),
        **({"credentials": credentials} if credentials else {}),
        "background": {"waiting": running.queue.depth, **running.queue.counts.as_dict()},
        **({"effects": running.outbox.kept.counts} if running.outbox.is_open else {}),
        **({"issuers": issuers} if issuers else {}),
    }
