"""Requests that a mock does not answer: passed on to the real upstream, and written down with its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

import httpx

from aggregator.demo.messages import Request, Response, json_response
from aggregator.http import FRAMING, NEVER_FORWARDED
from aggregator.policies.mock.plan import MockRoutePlan
from aggregator.server.mocking.recording.kept import MOST_BODY, Answer, NotKeptError, kept, key_of
from aggregator.server.mocking.recording.proofs import cleaner
from aggregator.server.mocking.recording.tape import NotAppendableError, Tape
from aggregator.telemetry.hiding import Hidden

_CONDITIONS = frozenset({"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"})
"""Fields that ask for less than the whole answer."""
_OWN = FRAMING | {"content-encoding", "date", "server"}
"""Fields that the answer to the client has of its own."""
_SECONDS = 60.0


class Recorder:
    """Passes requests on by *client*, whose base URL is that of the upstream, and writes answers on *tape*.

    *say* gets what the operator is told, *add* each route that is new.
    """

    def __init__(self, tape: Tape, client: httpx.AsyncClient, hidden: Hidden, say: Callable[[str], None]) -> None:
        self._tape = tape
        self._client = client
        self._hidden = hidden
        self._say = say
        self._known: set[str] = set()
        self._turn = asyncio.Lock()
        self.add: Callable[[MockRoutePlan], None] = lambda _route: None

    def key(self, request: Request) -> str:
        """Return the key that *request* is written under."""
        return key_of(request, self._hidden)

    async def answer(self, request: Request) -> Response:
        """Return the upstream's answer to *request*; it is written down when its end has come."""
        sent = self._client.build_request(
            request.method, self._url(request.target), headers=_asked(request.headers), content=request.body or None
        )
        try:
            answer = await self._client.send(sent, stream=True)
        except httpx.HTTPError as error:
            key = cleaner(request, self._hidden)(self.key(request))
            self._say(f"{key}: the upstream did not answer: {type(error).__name__}")
            return json_response({"error": "The upstream that is recorded did not answer."}, 502)
        fields = [(name.lower(), value) for name, value in answer.headers.multi_items()]
        passed = tuple(field for field in fields if field[0] not in _OWN)
        return Response(answer.status_code, self._body(request, answer), headers=passed)

    def _url(self, target: str) -> httpx.URL:
        base = self._client.base_url
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + target.encode("latin-1"))

    async def _body(self, request: Request, answer: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Yield the body, decoded, and write it down when it has come to its end."""
        body = bytearray()
        try:
            async for piece in answer.aiter_bytes():
                body += piece[: MOST_BODY + 1 - len(body)]
                yield piece
        except httpx.HTTPError as error:
            raise ConnectionResetError from error
        finally:
            await answer.aclose()
        fields = list(answer.headers.items())
        await self._keep(request, Answer(answer.status_code, fields, bytes(body)))

    async def _keep(self, request: Request, answer: Answer) -> None:
        key = self.key(request)
        async with self._turn:
            if key in self._known or request.method == "HEAD":
                return
            try:
                route = await asyncio.to_thread(self._tape.write, key, kept(request, answer, self._hidden))
            except (NotKeptError, NotAppendableError, OSError) as error:
                self._say(f"{cleaner(request, self._hidden)(key)} is not recorded: {error}")
                return
            self._known.add(key)
        self.add(route)
        self._say(f"{key} is recorded: {answer.status}")


def _asked(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name not in NEVER_FORWARDED | _CONDITIONS]


def client_of(url: str) -> httpx.AsyncClient:
    """Return a client of the upstream at *url*; the environment plays no part, redirects are answers like others."""
    return httpx.AsyncClient(base_url=url, trust_env=False, follow_redirects=False, timeout=_SECONDS)
