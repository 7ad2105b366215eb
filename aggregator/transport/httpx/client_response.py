"""A response that an httpx client has given, held to the rules of the engine."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx

from aggregator.errors import CallError, Cause
from aggregator.http import UNFRAMED
from aggregator.transport.httpx.failures import failure_of
from aggregator.transport.settings import Caps
from aggregator.transport.wire.decoding import decoded_headers, decoder_for
from aggregator.transport.wire.framing import binds_connection

LOCATION = "aggregator.location"
"""The extension, of a request and of its response, that keeps `Location` from httpx."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search
_WAY = ("_stream", "_httpcore_stream", "_connection")  # from a response of httpx to the connection that brought it


class ClientResponse:
    """*status*, *headers* (names in lower case) and the body, whole or in pieces as they were sent.

    Raises CallError when the head is not acceptable; `aclose` must follow in any case.
    """

    __slots__ = ("_caps", "_pieces", "_response", "codings", "headers", "reused", "status")

    def __init__(self, response: httpx.Response, method: bytes, caps: Caps, *, reused: bool) -> None:
        self._response = response
        self._caps = caps
        self._pieces: AsyncIterator[bytes] | None = None
        self.reused = reused
        self.status = response.status_code
        fields = (*response.headers.raw, *response.extensions.get(LOCATION, ()))
        self.headers = [(name.lower(), value) for name, value in fields]
        self.codings: list[bytes] = []
        if method != b"HEAD" and self.status not in UNFRAMED:
            self.codings = [value for name, value in self.headers if name == b"content-encoding"]

    def judge(self) -> None:
        """Raise CallError unless the head is one that the engine would accept."""
        if not 200 <= self.status <= 599:
            raise CallError(Cause.PROTOCOL, "The upstream answered with a status that has no meaning here.")
        if len(self.headers) > self._caps.headers:
            raise CallError(Cause.PROTOCOL, "The upstream sent too many headers.")
        if sum(len(name) + len(value) + 4 for name, value in self.headers) > self._caps.head:
            raise CallError(Cause.PROTOCOL, "The upstream sent a head that is too large.")
        names = [name for name, _ in self.headers]
        if b"transfer-encoding" in names and b"content-length" in names:  # RFC 9112 §6.3: a sign of smuggling
            fault = "Content-Length can't be present with Transfer-Encoding"
            raise CallError(Cause.PROTOCOL, "The upstream did not answer in valid HTTP.", fault=fault)
        if any(_CONTROL(value) for _, value in self.headers):  # RFC 9110 §5.5: nobody could pass it on
            fault = "Invalid header value char"
            raise CallError(Cause.PROTOCOL, "The upstream did not answer in valid HTTP.", fault=fault)

    async def body(self) -> bytes:
        """Return the whole body, decoded; *headers* then no longer tell of a coding that was undone."""
        pieces, size = [], 0
        while (piece := await self.next_piece()) is not None:
            size += len(piece)
            if size > self._caps.body:
                raise CallError(Cause.TOO_LARGE, "The body is larger than allowed.")
            pieces.append(piece)
        body = b"".join(pieces)
        decoder = decoder_for(self.codings, self._caps.decoded)
        if decoder is not None:
            body = b"".join(decoder.feed(body))
            decoder.finish()
            self.headers = decoded_headers(self.headers)
        return body

    async def next_piece(self) -> bytes | None:
        """Return what came next of the body as it was sent, None at its end."""
        if self._pieces is None:
            # not aiter_raw(), which refuses the responses of mock transports, read when they were made
            self._pieces = aiter(self._response.stream)  # type: ignore[arg-type]
        try:
            return await anext(self._pieces, None)
        except Exception as error:
            raise failure_of(error) from error

    def _is_bound(self) -> bool:
        if self._response.extensions.get("http_version") not in (b"HTTP/1.0", b"HTTP/1.1"):
            return False
        challenges = (value for name, value in self.headers if name == b"www-authenticate")
        return "network_stream" in self._response.extensions and any(map(binds_connection, challenges))

    async def aclose(self) -> None:
        """Release the connection, also when this is cancelled."""
        try:
            async with AsyncExitStack() as closing:
                closing.push_async_callback(self._response.aclose)
                if (close_pieces := getattr(self._pieces, "aclose", None)) is not None:
                    closing.push_async_callback(close_pieces)
                if _has_surplus(self._response) or self._is_bound():
                    await self._response.extensions["network_stream"].aclose()
        except Exception as error:
            raise failure_of(error) from error


async def keep_location(response: httpx.Response) -> None:
    """Hide `Location` of *response* from httpx, and keep it for `ClientResponse`; an event hook of the client.

    httpx makes a request of it even when redirects are not followed, and fails when it cannot.
    """
    if LOCATION in response.request.extensions and "location" in response.headers:
        fields = response.headers.raw
        response.extensions[LOCATION] = [field for field in fields if field[0].lower() == b"location"]
        del response.headers["location"]


def _has_surplus(response: httpx.Response) -> bool:
    """Return whether more has come than *response*, which httpcore would take for the answer to its next request."""
    thing: Any = response.stream
    while thing is not None and not hasattr(thing, "_h11_state"):
        names = (name for name in _WAY if hasattr(thing, name))
        thing = getattr(thing, next(names, ""), None)
    return thing is not None and bool(thing._h11_state.trailing_data[0])
