"""The ASGI application of the address of administration: probes, what can be read, and actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.http import header_map, replaced
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import fault_answer, send_answer
from aggregator.runtime.request.identity import request_id
from aggregator.server.admin.actions import Action, ActionError, Actions, Asked
from aggregator.server.admin.breakers import breakers_shown
from aggregator.server.admin.door import AdminDoor, Denied
from aggregator.server.admin.effects.acting import PATH as EFFECTS
from aggregator.server.admin.effects.acting import effects_shown
from aggregator.server.admin.hosts import hosts_shown
from aggregator.server.admin.quotas import quotas_shown
from aggregator.server.admin.requests import PATH, request_shown, requests_shown
from aggregator.server.admin.switches import switches_shown
from aggregator.server.application.probes import describe, probe_answer
from aggregator.server.generations.running import Running
from aggregator.server.live.serving import PATH as EVENTS
from aggregator.server.live.serving import Audience
from aggregator.server.metrics.page import PATH as METRICS
from aggregator.server.metrics.page import metrics_answer
from aggregator.server.page.endpoints import endpoints_shown
from aggregator.server.page.files import PAGE, page_answer
from aggregator.server.routing.dispatch import tell_refused

_LARGEST = 64 * 1024
_LONGEST_REASON = 200
_BELOW = "/-/"


class AdminApplication:
    """Serves one address by the rules of *door*."""

    def __init__(self, running: Running, actions: Actions, door: AdminDoor) -> None:
        self._running = running
        self._actions = actions
        self._door = door
        self._audience = Audience(running)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        identity = request_id(scope["headers"])
        try:
            if scope["path"] == EVENTS:
                await self._follow(scope, receive, send)
                return
            answer = await self._answer(scope, receive)
        except Denied as denied:
            headers = [(b"www-authenticate", b"Bearer")] if denied.status == 401 else []
            answer = problem(denied.status, denied.detail, request_id=identity, headers=headers)
        except ActionError as refusal:
            answer = problem(refusal.status, str(refusal), request_id=identity)
        except Exception as error:
            answer = fault_answer(f"{scope['method']} {scope['path']}", error, identity)
        if answer.status >= 400:
            tell_refused(self._running.generation, scope, answer.status, scope["path"], identity)
        answer.headers = replaced(answer.headers, b"cache-control", b"no-store")
        await send_answer(send, answer, identity)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        method, path, plan = scope["method"], scope["path"], self._running.plan.server.admin
        is_verbose = path == "/readyz" and b"verbose" in scope["query_string"]
        if path in ("/livez", "/readyz") and not is_verbose:
            return probe_answer(self._running, path)
        if plan is None:
            raise Denied(404, "The file declares no `server.admin` any more.")
        if path in PAGE:
            _read_only(method)
            self._door.let_near(plan, header_map(scope["headers"]))
            return page_answer(path)
        identity = path.removeprefix(f"{PATH}/") if path.startswith(f"{PATH}/") else ""
        replayed = identity.removesuffix("/replay") if identity.endswith("/replay") else ""
        name = "replay" if replayed else path.removeprefix(_BELOW)
        action = self._actions.get(name) if path.startswith(_BELOW) else None
        self._door.let_in(plan, header_map(scope["headers"]), writes=action is not None)
        if action is not None:
            return await self._act(action, method, scope, receive, {"id": replayed} if replayed else {})
        if identity:
            _read_only(method)
            return _json(request_shown(self._running, identity))
        if path == EFFECTS:
            _read_only(method)
            return _json(await effects_shown(self._running, _asked(scope["query_string"])))
        if path in SHOWN:
            return self._show(method, path, scope["query_string"])
        return await self._read(method, path, header_map(scope["headers"]).get("accept", ""))

    async def _follow(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events for as long as the client stays."""
        _read_only(scope["method"])
        plan = self._running.plan.server.admin
        if plan is None:
            raise Denied(404, "The file declares no `server.admin` any more.")
        self._door.let_in(plan, header_map(scope["headers"]), writes=False)
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        await self._audience.serve(asked, receive, send)

    def _show(self, method: str, path: str, query: bytes) -> Answer:
        _read_only(method)
        return _json(SHOWN[path](self._running, _asked(query)))

    async def _read(self, method: str, path: str, accept: str) -> Answer:
        if path not in ("/-/actions", "/readyz", METRICS):
            raise Denied(404, "Nothing is served at this path; /-/config, /-/actions and /metrics are.")
        _read_only(method)
        if path == "/readyz":
            return probe_answer(self._running, path, verbose=True)
        if path == METRICS:
            return await metrics_answer(self._running, accept)
        return _json([{"action": one.name, "summary": one.summary} for one in self._actions])

    async def _act(
        self, action: Action, method: str, scope: Scope, receive: Receive, named: Mapping[str, Any]
    ) -> Answer:
        if method != "POST":
            raise Denied(405, "An action is asked for by POST.")
        given = {**await _given(receive), **named}
        reason = str(given.pop("reason", ""))[:_LONGEST_REASON]
        client = scope.get("client")
        outcome = await self._actions.run(action, Asked(client[0] if client else "", reason), given)
        return _json(outcome.data, outcome.status)


SHOWN: dict[str, Callable[[Running, Mapping[str, str]], Any]] = {
    "/-/breakers": lambda running, _: breakers_shown(running),
    "/-/config": lambda running, _: describe(running),
    "/-/endpoints": endpoints_shown,
    "/-/hosts": lambda running, _: hosts_shown(running),
    "/-/quotas": quotas_shown,
    PATH: requests_shown,
    "/-/switches": lambda running, _: switches_shown(running),
}
"""What is shown of the running process, by path; the query may narrow it."""


def _asked(query: bytes) -> dict[str, str]:
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _read_only(method: str) -> None:
    if method not in ("GET", "HEAD"):
        raise Denied(405, "This path answers to GET, HEAD.")


async def _given(receive: Receive) -> dict[str, Any]:
    """Return the object that the request carries, an empty one without a body."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LARGEST:
            raise Denied(413, f"The body is larger than {_LARGEST} bytes.")
        if not message.get("more_body", False):
            break
    try:
        given = json_codec.decode(body) if body else {}
    except AggregatorError:
        raise Denied(400, "The body is no JSON.") from None
    if not isinstance(given, dict):
        raise Denied(400, "The body is no JSON object.")
    return given


def _json(data: Any, status: int = 200) -> Answer:
    return Answer(status, [(b"content-type", b"application/json")], json_codec.encode(data))
