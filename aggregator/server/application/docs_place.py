"""Where the documentation is, by the plan that serves now, and who may read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette._utils import get_route_path
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from aggregator.plan.serving import DocsPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.endpoint.handler import TLS_CLIENT
from aggregator.runtime.request.gates import admitted
from aggregator.runtime.request.identity import HEADER as REQUEST_ID
from aggregator.runtime.request.identity import request_id
from aggregator.server.generations.generation import Generation
from aggregator.server.routing.dispatch import exchange_of

Place = Callable[[], DocsPlan | None]


class DocsRoute(Route):
    """A route of the documentation under its usual *path*, which answers where *place* has put it."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], place: Place) -> None:
        super().__init__(path, endpoint, include_in_schema=False)
        self._place = place

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether *scope* asks for what this route serves."""
        docs = self._place()
        usual = None if docs is None or scope["type"] != "http" else _usual(docs, get_route_path(scope))
        return (Match.NONE, {}) if usual is None else super().matches({**scope, "path": usual, "root_path": ""})


def _usual(docs: DocsPlan, path: str) -> str | None:
    """Return the usual path of what is at *path* when the documentation is where *docs* say."""
    if path == docs.document:
        return "/openapi.json"
    if path == docs.path or path.startswith(f"{docs.path}/assets/"):
        return "/docs" + path.removeprefix(docs.path)
    return None


async def refused(scope: Scope, generation: Generation | None) -> Response | None:
    """Return the answer to a caller who may not read the documentation of *generation*, None to one who may."""
    gates = () if generation is None else generation.docs_gates
    if generation is None or not gates:
        return None
    identity = request_id(scope["headers"])
    exchange = exchange_of(scope, identity, generation.plan.server.trusted_proxies)
    exchange.tls_client = scope.get(TLS_CLIENT)
    answer = await admitted(gates, exchange)
    return None if answer is None else _response(answer, identity)


def _response(answer: Answer, identity: str) -> Any:
    response = Response(answer.body, answer.status)
    length = (b"content-length", b"%d" % len(answer.body))
    response.raw_headers = [*answer.headers, length, (REQUEST_ID, identity.encode())]
    return response
