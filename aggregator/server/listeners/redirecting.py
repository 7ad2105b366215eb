"""The ASGI application of an address that sends on to TLS."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import send_answer
from aggregator.runtime.request.identity import request_id
from aggregator.server.application.probes import probe_answer
from aggregator.server.generations.running import Running
from aggregator.server.routing.dispatch import origin_in

_HTTPS = 443


class RedirectApplication:
    """Answers probes, and everything else by 308 to the same by https, at *port*.

    The host is that of `request.host`: behind a trusted proxy the one that it names.
    """

    def __init__(self, running: Running, port: int) -> None:
        self._running = running
        self._port = "" if port == _HTTPS else f":{port}"

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer a request."""
        identity = request_id(scope["headers"])
        if scope["path"] in ("/livez", "/readyz"):
            answer = self._probed(scope, identity)
        else:
            answer = self._sent_on(scope, identity)
        await send_answer(send, answer, identity)

    def _probed(self, scope: Scope, identity: str) -> Answer:
        if scope["method"] in ("GET", "HEAD"):
            return probe_answer(self._running, scope["path"])
        allow = [(b"allow", b"GET, HEAD")]
        return problem(405, "This path answers to GET, HEAD.", request_id=identity, headers=allow)

    def _sent_on(self, scope: Scope, identity: str) -> Answer:
        origin = origin_in(scope, self._running.plan.server.trusted_proxies)
        if not origin.host:
            return problem(400, "The request names no host to send it on to.", request_id=identity)
        if origin.is_forwarded and origin.scheme == "https":  # or it would be sent here again, and again
            return problem(400, "The request came by https already, and is not for this address.", request_id=identity)
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        location = f"https://{origin.host}{self._port}".encode("latin-1") + scope["raw_path"] + query
        return Answer(308, [(b"location", location)], b"")
