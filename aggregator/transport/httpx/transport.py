"""The engine as a transport of httpx: the public door, for plug-ins, auth flows and tests.

Gives whole `httpx.AsyncClient` semantics on the same pools; what fails raises httpx exceptions alone.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import cast

import httpx

from aggregator.errors import CallError, Cause
from aggregator.http import is_token_bytes
from aggregator.transport.engine.pool import Pool
from aggregator.transport.replies import StreamReply
from aggregator.transport.settings import Origin, PoolSettings, Timeouts

_EXCEPTIONS: dict[Cause, type[httpx.RequestError]] = {
    Cause.DEADLINE: httpx.ReadTimeout,
    Cause.CONNECT_TIMEOUT: httpx.ConnectTimeout,
    Cause.READ_TIMEOUT: httpx.ReadTimeout,
    Cause.WRITE_TIMEOUT: httpx.WriteTimeout,
    Cause.QUEUE_FULL: httpx.PoolTimeout,
    Cause.QUEUE_TIMEOUT: httpx.PoolTimeout,
    Cause.REFUSED: httpx.ConnectError,
    Cause.DNS: httpx.ConnectError,
    Cause.TLS: httpx.ConnectError,
    Cause.UNREACHABLE: httpx.ConnectError,
    Cause.RESET: httpx.ReadError,
    Cause.INCOMPLETE: httpx.RemoteProtocolError,
    Cause.PROTOCOL: httpx.RemoteProtocolError,
}
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class EngineTransport(httpx.AsyncBaseTransport):
    """Sends the requests of a client through pools: registered ones, others made by origin on demand.

    *settings* makes the settings of a pool on demand (``PoolSettings`` itself when left out). The limits of
    the pool on connections hold; those on time come with each request, as httpx has them.
    """

    def __init__(self, settings: Callable[[Origin], PoolSettings] = PoolSettings) -> None:
        self._settings = settings
        self._pools: dict[tuple[str, str, int], Pool] = {}
        self._own: list[Pool] = []

    def register(self, pool: Pool) -> None:
        """Use *pool* for every request to its origin; it stays the caller's to close."""
        self._pools[origin_key(pool.settings.origin)] = pool

    def forget(self, pool: Pool) -> None:
        """Use *pool* no more; the next request to its origin makes a pool of its own."""
        key = origin_key(pool.settings.origin)
        if self._pools.get(key) is pool:
            del self._pools[key]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return the response once its head is there; the body is read from its stream."""
        method, target = request.method.encode(), request.extensions.get("target", request.url.raw_path)
        if is_token_bytes(method) is None:
            raise httpx.LocalProtocolError("The request method is not valid.", request=request)
        body = _body(request)
        headers = _header_block(request, framed=body is None or isinstance(body, bytes))
        limits = Timeouts(**{"connect": None, **request.extensions.get("timeout", {})})
        try:
            pool = self._pool(request.url)
            reply = await pool.stream(method, target, headers, body, deadline=None, timeouts=limits, among_calls=True)
        except CallError as error:
            raise _translated(error, request) from error
        return httpx.Response(
            reply.status,
            headers=reply.headers,
            stream=_ReplyStream(reply, request),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Close the pools that were made on demand."""
        own, self._own = self._own, []
        self._pools.clear()
        for pool in own:
            await pool.aclose()

    def _pool(self, url: httpx.URL) -> Pool:
        origin = origin_of(url)
        pool = self._pools.get(origin_key(origin))
        if pool is None:
            pool = self._pools[origin_key(origin)] = Pool(self._settings(origin))
            self._own.append(pool)
        return pool


class _ReplyStream(httpx.AsyncByteStream):
    """The body of a response, with its failures in httpx's words."""

    def __init__(self, reply: StreamReply, request: httpx.Request) -> None:
        self._reply = reply
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._reply:
                yield piece
        except CallError as error:
            raise _translated(error, self._request) from error

    async def aclose(self) -> None:
        await self._reply.aclose()


def origin_of(url: httpx.URL) -> Origin:
    """Return the origin of *url*. Raises httpx.UnsupportedProtocol."""
    if url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"The engine speaks http and https, not '{url.scheme}'.")
    port = url.port or (443 if url.scheme == "https" else 80)
    return Origin(url.scheme, url.raw_host.decode("ascii").strip("[]"), port)


def origin_key(origin: Origin) -> tuple[str, str, int]:
    """Return what a URL tells of *origin*."""
    return origin.scheme, origin.host, origin.port


def _translated(error: CallError, request: httpx.Request) -> httpx.RequestError:
    return _EXCEPTIONS.get(error.cause, httpx.ReadError)(error.message, request=request)


def _body(request: httpx.Request) -> bytes | AsyncIterable[bytes] | None:
    """Return the body as bytes when httpx has it, else as the stream that it is; None when there is none."""
    try:
        return request.content or None
    except httpx.RequestNotRead:
        return cast("AsyncIterable[bytes]", request.stream)


def _header_block(request: httpx.Request, *, framed: bool) -> bytes:
    """Return the headers in one block; *framed* when the engine itself knows the length of the body."""
    lines = []
    for name, value in request.headers.raw:
        if is_token_bytes(name) is None or _BAD_VALUE.search(value) is not None:
            raise httpx.LocalProtocolError("A request header is not valid.", request=request)
        lowered = name.lower()
        if lowered != b"transfer-encoding" and not (framed and lowered in _FRAMING):
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)
