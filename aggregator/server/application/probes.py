"""What machines ask of the process itself: is it alive, is it ready, which configuration does it serve."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from aggregator.server.generations.running import Running
from aggregator.telemetry.logging import lost_lines

_NO_STORE = {"cache-control": "no-store"}


def probe_routes(running: Running) -> list[Route]:
    """Give the routes ``/livez``, ``/readyz`` and ``/-/config``; none of them calls an upstream."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_NO_STORE)

    async def readyz(request: Request) -> Response:
        ready = running.generation is not None and not running.draining
        status = 200 if ready else 503
        if "verbose" not in request.query_params:
            return PlainTextResponse("ok\n" if ready else "draining\n", status, headers=_NO_STORE)
        return JSONResponse(
            {"ready": ready, "draining": running.draining, **describe(running)}, status, headers=_NO_STORE
        )

    async def config(_: Request) -> Response:
        return JSONResponse(describe(running), headers=_NO_STORE)

    return [
        Route("/livez", livez, include_in_schema=False),
        Route("/readyz", readyz, include_in_schema=False),
        Route("/-/config", config, include_in_schema=False),
    ]


def describe(running: Running) -> dict[str, Any]:
    """Return which generation serves, the last refusal, how many log lines were lost, and the state of workers."""
    generation = running.generation
    if generation is None:
        return {"generation": None}
    refusal = running.last_refusal
    return {
        "generation": generation.number,
        "config": generation.plan.digest,
        "loaded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(generation.loaded_at)),
        "endpoints": len(generation.routes),
        "in_flight": running.in_flight,
        "last_refusal": None if refusal is None else refusal.as_dict(),
        "lost_log_lines": lost_lines(),
        "background": {"waiting": running.queue.depth, **running.queue.counts.as_dict()},
    }
