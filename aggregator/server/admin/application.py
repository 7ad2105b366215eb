"""The ASGI application of the address of administration: probes, what can be read, and actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from aggregator.codecs import json as json_codec
from aggregator.diagnostics import did_you_mean
from aggregator.errors import AggregatorError
from aggregator.http import header_map, phrase, replaced
from aggregator.plan.incoming.listening import AdminPlan
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import fault_answer, send_slowly
from aggregator.runtime.request.identity import request_id
from aggregator.server.admin.actions import Action, ActionError, Actions, Asked
from aggregator.server.admin.door import AdminDoor, Denied
from aggregator.server.admin.reading.source import Source, json_answer
from aggregator.server.admin.reading.views import VIEWS, is_view
from aggregator.server.admin.requests import PATH
from aggregator.server.live.serving import PATH as EVENTS
from aggregator.server.metrics.page import PATH as METRICS
from aggregator.server.page.files import PAGE, page_answer

_LARGEST = 64 * 1024
_LONGEST_REASON, _LONGEST_NAME = 200, 100
_BELOW = "/-/"


class AdminApplication:
    """Serves one address by the rules of *door*: what *source* knows, and *actions*."""

    def __init__(self, source: Source, actions: Actions, door: AdminDoor) -> None:
        self._source = source
        self._actions = actions
        self._door = door

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
            headers += [(b"allow", denied.allow)] if denied.allow else []
            answer = problem(denied.status, denied.detail, request_id=identity, headers=headers)
        except ActionError as refusal:
            answer = problem(refusal.status, str(refusal), request_id=identity)
        except Exception as error:
            answer = fault_answer(f"{scope['method']} {scope['path']}", error, identity)
        if answer.status >= 400:
            said = answer.problem
            reason = phrase(answer.status) if said is None else said.detail
            self._source.refused(scope, answer.status, reason, identity)
        answer.headers = replaced(answer.headers, b"cache-control", b"no-store")
        await send_slowly(send, answer, identity)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        method, path, plan = scope["method"], scope["path"], self._source.plan
        is_verbose = path == "/readyz" and b"verbose" in scope["query_string"]
        if path in ("/livez", "/readyz") and not is_verbose:
            _read_only(method)
            return await self._source.probe(path)
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
        if is_view(path):
            _read_only(method)
            return await self._source.view(path, _asked(scope["query_string"]))
        return await self._read(plan, method, path, header_map(scope["headers"]).get("accept", ""))

    async def _follow(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events for as long as the client stays."""
        _read_only(scope["method"])
        plan = self._source.plan
        if plan is None:
            raise Denied(404, "The file declares no `server.admin` any more.")
        self._door.let_in(plan, header_map(scope["headers"]), writes=False)
        await self._source.follow(_asked(scope["query_string"]), receive, send)

    async def _read(self, plan: AdminPlan, method: str, path: str, accept: str) -> Answer:
        if path not in ("/-/actions", "/readyz", METRICS):
            known = (*VIEWS, "/-/actions", METRICS, *(f"{_BELOW}{one.name}" for one in self._actions))
            near = did_you_mean(path, known) or "/-/config, /-/actions and /metrics are."
            raise Denied(404, f"Nothing is served at this path; {near}")
        _read_only(method)
        if path == "/readyz":
            return await self._source.probe(path, verbose=True)
        if path == METRICS:
            return await self._source.metrics(accept)
        why = self._door.why_nothing(plan)
        more = {"secret": self._door.needs_secret(plan)} if why is None else {"secret": False, "refused": why}
        return json_answer([{"action": one.name, "summary": one.summary, **more} for one in self._actions])

    async def _act(
        self, action: Action, method: str, scope: Scope, receive: Receive, named: Mapping[str, Any]
    ) -> Answer:
        if method != "POST":
            raise Denied(405, "An action is asked for by POST.", b"POST")
        given = {**await _given(receive), **named}
        reason = str(given.pop("reason", "") or given.get("why", ""))[:_LONGEST_REASON]
        client, who = scope.get("client"), str(given.get("by", ""))[:_LONGEST_NAME]
        outcome = await self._actions.run(action, Asked(client[0] if client else "", reason, who), given)
        return json_answer(outcome.data, outcome.status)


def _asked(query: bytes) -> dict[str, str]:
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _read_only(method: str) -> None:
    if method not in ("GET", "HEAD"):
        raise Denied(405, "This path answers to GET, HEAD.", b"GET, HEAD")


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
