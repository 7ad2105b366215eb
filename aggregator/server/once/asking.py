"""One request, answered in this process without a socket: the whole application, its lifespan, and a trace.

``aggregator get`` asks; what comes back is what a client would get, and what the calls behind it did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from aggregator.errors import AggregatorError
from aggregator.parts.events import CallEnded, Listeners, RequestEnded
from aggregator.plan.explaining.finding import find_endpoint
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.runtime.background.shadows import ShadowQueue
from aggregator.runtime.bars import bars_of
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.once.conversation import Begin, Conversation, Question, Reply, scope_of
from aggregator.server.once.credentials import credential_hint
from aggregator.server.process.event_loop import run_in_loop
from aggregator.server.routing.routes import EndpointRoute


def ask(
    path: str,
    question: Question,
    begin: Begin | None = None,
    *,
    env: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Reply:
    """Serve *path* for one request and return the reply, once background calls are through as well.

    Raises ``ConfigError`` and ``StartupError``.
    """
    return run_in_loop(partial(_ask, path, question, begin, env, transport))


async def _ask(
    path: str,
    question: Question,
    begin: Begin | None,
    env: Mapping[str, str] | None,
    transport: httpx.AsyncBaseTransport | None,
) -> Reply:
    calls: list[CallEnded] = []
    requests: list[RequestEnded] = []
    listeners = Listeners(calls=(calls.append,), requests=(requests.append,))
    app = application(PlanFiles(Path(path), env), transport, listeners, keeps_state="nothing")
    reply = Reply(secrets=app.running.plan.secrets)
    scope = scope_of(question)
    loop = asyncio.get_running_loop()
    async with app.router.lifespan_context(app):
        conversation = Conversation(question, reply, begin)
        started = loop.time()
        await app(scope, conversation.receive, conversation.send)
        reply.seconds = loop.time() - started
        trace = [result for request in requests for result in request.parts]
        await app.running.shadows.settled()
        reply.shadows = _shadows(app.running.shadows)
        reply.bars = bars_of(trace, started, _plan_of(scope) if trace else None, calls)
    reply.background = app.running.queue.counts.as_dict()
    endpoint = _plan_of(scope)
    if reply.status in (404, 405) and endpoint is None:
        reply.hint = _nearest(app.running.plan, question)
    elif reply.status == 401 and endpoint is not None:
        reply.hint = credential_hint(app.running.plan, endpoint)
    return reply


def _shadows(queue: ShadowQueue) -> dict[str, int]:
    counts = queue.counts
    found = {"sent": counts.done, "failed": counts.failed, "dropped": counts.dropped, **queue.not_made}
    return {name: number for name, number in found.items() if number}


def _nearest(plan: Plan, question: Question) -> str | None:
    """Return what is declared near the path of *question*, None where that path has an endpoint after all."""
    try:
        host = next((value for name, value in question.headers if name.lower() == "host"), "")
        named = host if host in plan.virtual_hosts else ""
        find_endpoint(plan, f"{question.method} {named}{question.target.partition('?')[0]}")
    except AggregatorError as error:
        return str(error)
    return None


def _plan_of(scope: Mapping[str, Any]) -> EndpointPlan | None:
    route = scope.get("route")
    return route.plan if isinstance(route, EndpointRoute) else None
