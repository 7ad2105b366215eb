"""The view of the last failed and slow requests, and the actions ``replay`` and ``try``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Any

from starlette.types import ASGIApp

from aggregator.http import METHODS, is_token
from aggregator.runtime.request.identity import request_id
from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.admin.reading.names import refuse_unknown
from aggregator.server.generations.running import Running
from aggregator.server.once.conversation import Conversation, Question, Reply, scope_of
from aggregator.server.recorder.record import Record
from aggregator.server.recorder.recorder import Recorder
from aggregator.server.recorder.showing import archive, is_wanted, record_shown
from aggregator.telemetry.redaction import redact_named

PATH = "/-/requests"
_ASKED = frozenset({"endpoint", "cause", "part"})
_LONGEST, _LARGEST, _AT_ONCE = 60.0, 1024 * 1024, 4
"""Seconds and bytes of an answer that is waited for, and how many are at once."""


def recorder_of(running: Running) -> Recorder:
    """Return what remembers requests. Raises ``ActionError``."""
    recorder = running.observers.recorder
    if recorder is None:
        raise ActionError(404, "No requests are kept: the file declares no `telemetry.recorder`.")
    return recorder


def requests_shown(running: Running, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the requests that are kept, the newest first. Raises ``ActionError``."""
    recorder = recorder_of(running)
    if unknown := [name for name in asked if name not in _ASKED]:
        raise ActionError(400, f"Requests are chosen by `endpoint`, `cause` and `part`, not by `{unknown[0][:50]}`.")
    found = [record.summary() for record in recorder if is_wanted(record, asked)]
    if not found:  # what is kept may be of an endpoint that a reload has removed
        refuse_unknown(asked, running.plan)
    return {"keep": recorder.plan.keep, "bytes": recorder.size, "left_out": recorder.left_out, "requests": found}


def request_shown(running: Running, name: str) -> dict[str, Any]:
    """Return the request *name*, as HAR where that ends with ``.har``. Raises ``ActionError``."""
    recorder = recorder_of(running)
    record = recorder.find(name)
    if record is not None:
        return record_shown(record)
    return archive(_found(recorder, name.removesuffix(".har")))


def _found(recorder: Recorder, identity: str) -> Record:
    record = recorder.find(identity)
    if record is None:
        raise ActionError(404, "No such request is kept; /-/requests lists them.")
    return record


class Trials:
    """Asks *app*, which serves *running*, as a client on this machine would: ``try`` and ``replay``."""

    def __init__(self, running: Running, app: ASGIApp) -> None:
        self._running = running
        self._app = app
        self._open = 0

    def actions(self) -> tuple[Action, ...]:
        """Return both actions."""
        return (
            Action("try", "Send a request to an endpoint, and show its answer and its calls.", self._try),
            Action("replay", "Send a request again that is kept; `headers` gives what is masked.", self._replay),
        )

    async def _try(self, given: Mapping[str, Any]) -> Outcome:
        if unknown := [key for key in given if key not in ("method", "target", "headers", "body")]:
            raise ActionError(400, f"A request has `method`, `target`, `headers` and `body`, and no `{unknown[0]}`.")
        method, target, body = given.get("method", "GET"), given.get("target"), given.get("body", "")
        if method not in METHODS:
            raise ActionError(400, f"`method` is one of {', '.join(sorted(METHODS))}.")
        if not isinstance(target, str) or not target.startswith("/") or not target.isascii() or " " in target:
            raise ActionError(400, "`target` is a path such as /users/1?page=2, percent-encoded.")
        if not isinstance(body, str):
            raise ActionError(400, "`body` is a text.")
        return await self._ask(Question(method, target, _headers(given), body.encode()))

    async def _replay(self, given: Mapping[str, Any]) -> Outcome:
        if unknown := [key for key in given if key not in ("id", "headers", "target", "body")]:
            raise ActionError(400, f"A replay has `id`, `headers`, `target` and `body`, and no `{unknown[0]}`.")
        record = _found(recorder_of(self._running), str(given.get("id", "")))
        more = _headers(given)
        missing = missing_places(record.masked, more, has_target="target" in given, has_body="body" in given)
        if missing:
            raise ActionError(409, f"These values are not kept, and have to be given again: {', '.join(missing)}.")
        named = {name for name, _ in more}
        kept = [pair for pair in record.headers if pair[0] not in named]
        body = given.get("body", record.body.text)
        known = {"method": record.method, "target": given.get("target", record.target), "body": body}
        return await self._try({**known, "headers": dict([*kept, *more])})

    async def _ask(self, question: Question) -> Outcome:
        if self._open >= _AT_ONCE:
            raise ActionError(429, f"{_AT_ONCE} requests are being tried already.")
        recorder, identity = self._running.observers.recorder, request_id([])
        named = [pair for pair in question.headers if pair[0] != "x-request-id"]
        asked = Question(question.method, question.target, [*named, ("x-request-id", identity)], question.body)
        recorded = nullcontext() if recorder is None else recorder.expecting(identity, self._running.visitors)
        self._open += 1
        try:
            with recorded:
                reply = await self._reply(asked)
        finally:
            self._open -= 1
        record = None if recorder is None else recorder.find(identity)
        return Outcome(_shown(reply, record), f"{question.method} {question.target.partition('?')[0]}: {reply.status}")

    async def _reply(self, question: Question) -> Reply:
        reply = Reply()
        conversation = Conversation(question, reply, most=_LARGEST)
        asking = asyncio.ensure_future(self._app(scope_of(question), conversation.receive, conversation.send))
        full = asyncio.ensure_future(conversation.full.wait())
        try:
            await asyncio.wait((asking, full), timeout=_LONGEST, return_when=asyncio.FIRST_COMPLETED)
        finally:
            full.cancel()
            if not asking.done():
                asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        if not reply.status:
            raise ActionError(504, f"No answer came within {_LONGEST:g} seconds.")
        return reply


def missing_places(
    masked: tuple[str, ...], headers: list[tuple[str, str]], *, has_target: bool = False, has_body: bool = False
) -> list[str]:
    """Return those of *masked* that neither *headers* nor another target or body gives."""
    given = {f"headers.{name}" for name, _ in headers} | ({"body"} if has_body else set())
    return [
        place for place in masked
        if place not in given and not (has_target and (place == "path" or place.startswith("query.")))
    ]  # fmt: skip


def _headers(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = given.get("headers", {})
    if not isinstance(headers, dict):
        raise ActionError(400, "`headers` is an object of names and values.")
    for name, value in headers.items():
        if not is_token(name) or not isinstance(value, str) or not value.isprintable():
            raise ActionError(400, "`headers` holds a header that cannot be sent.")
    return [(name.lower(), value) for name, value in headers.items() if name.lower() != "content-length"]


def _shown(reply: Reply, record: Record | None) -> dict[str, Any]:
    return {
        "status": reply.status,
        "headers": [{"name": name, "value": redact_named(name, value)} for name, value in reply.headers],
        "body": reply.body.decode("utf-8", "replace"),
        "cut": len(reply.body) >= _LARGEST,
        "request": None if record is None else record_shown(record),
    }
