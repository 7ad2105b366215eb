"""Stock httpx as the transport of the shared client, for HTTP/2 and proxies: connections apart for each upstream.

`runtime/client.py` makes it and opens a transport in it for each `ClientPool`, whose calls name it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import cast

import httpx

from aggregator.transport.httpx.stock_network import Network
from aggregator.transport.httpx.transport import origin_key, origin_of
from aggregator.transport.settings import Origin, PoolSettings
from aggregator.transport.tls.contexts import build_context

OWN = "aggregator.transport"
"""The request extension that names the `UpstreamTransport` to take."""


class StockTransport(httpx.AsyncBaseTransport):
    """Sends each request by the transport that it names, by the one of its origin, or by one made on demand.

    *settings* makes the settings of the last kind. TLS and Unix sockets are as the settings say; a *proxy*
    is for all but Unix sockets.
    """

    def __init__(
        self,
        settings: Callable[[Origin], PoolSettings] = PoolSettings,
        *,
        http2: bool = False,
        proxy: str | None = None,
    ) -> None:
        self._settings = settings
        self._http2 = http2
        self._proxy = proxy
        self._by_origin: dict[tuple[str, str, int], UpstreamTransport] = {}
        self._own: list[UpstreamTransport] = []

    def open(self, settings: PoolSettings, *, proxied: bool = True) -> UpstreamTransport:
        """Return a transport to the origin of *settings*, which the caller closes. Raises StartupError, as `Pool`.

        Unless *proxied*, it leads there directly.
        """
        transport = UpstreamTransport(settings, http2=self._http2, proxy=self._proxy if proxied else None)
        self._by_origin[origin_key(settings.origin)] = transport
        return transport

    def forget(self, transport: httpx.AsyncBaseTransport) -> None:
        """Use *transport* no more for what only names its origin."""
        self._by_origin = {key: kept for key, kept in self._by_origin.items() if kept is not transport}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return the response once its head is there."""
        own = cast("UpstreamTransport | None", request.extensions.get(OWN))
        return await (own or self._of_origin(request.url)).handle_async_request(request)

    async def aclose(self) -> None:
        """Close the transports that were made on demand."""
        own, self._own = self._own, []
        self._by_origin.clear()
        for transport in own:
            await transport.aclose()

    def _of_origin(self, url: httpx.URL) -> UpstreamTransport:
        origin = origin_of(url)
        transport = self._by_origin.get(origin_key(origin))
        if transport is None:
            transport = self.open(self._settings(origin))
            self._own.append(transport)
        return transport


class _Line:
    """Connections that came into being together; *calls* are on them."""

    __slots__ = ("calls", "transport")

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.calls = 0

    def has_lost(self) -> bool:
        """Return whether a connection is taken that no call is on."""
        connections = self.transport._pool.connections
        return sum(not (one.is_idle() or one.is_closed()) for one in connections) > self.calls


class UpstreamTransport(httpx.AsyncBaseTransport):
    """The connections to one upstream.

    httpcore loses connections whose call was cancelled and tunnels in which TLS failed: they keep their places. And
    it goes on using an HTTP/2 connection on which a call was cut short, though nobody takes from it what is still to
    come. So such a call retires all connections: later calls get new ones, and the old are closed when the last call
    on them has ended.
    """

    def __init__(self, settings: PoolSettings, *, http2: bool, proxy: str | None) -> None:
        self._http2 = http2
        origin = settings.origin
        context = build_context(settings.tls) if origin.secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        proxy = proxy if origin.unix_socket is None else None
        self._make = partial(_make, settings, context, http2=http2, proxy=proxy)
        self._line = _Line(self._make())
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return the response once its head is there."""
        line = self._line
        line.calls += 1
        try:
            response = await line.transport.handle_async_request(request)
        except BaseException as error:
            await self._leave(line, cut=not isinstance(error, httpx.RemoteProtocolError))
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        is_shared = response.extensions.get("http_version") == b"HTTP/2"
        response.stream = _Body(stream, lambda whole: self._leave(line, cut=is_shared and not whole))
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._line.transport.aclose()

    async def _leave(self, line: _Line, *, cut: bool) -> None:
        line.calls -= 1
        if line is self._line and ((cut and self._http2) or line.has_lost()):
            self._line = _Line(self._make())
        if line is not self._line and not line.calls:
            task = asyncio.create_task(line.transport.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            await asyncio.shield(task)  # who gives the call up meanwhile does not keep the connections open


class _Body(httpx.AsyncByteStream):
    """The body in *stream*; *closed* is told whether it was read to its end and closed in peace."""

    def __init__(self, stream: httpx.AsyncByteStream, closed: Callable[[bool], Awaitable[None]]) -> None:
        self._stream = stream
        self._closed: Callable[[bool], Awaitable[None]] | None = closed
        self._whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece
        self._whole = True

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        if closed is not None:
            whole = False
            try:
                await self._stream.aclose()
                whole = self._whole
            finally:
                await closed(whole)


def _make(
    settings: PoolSettings, context: ssl.SSLContext, *, http2: bool, proxy: str | None
) -> httpx.AsyncHTTPTransport:
    limits = settings.limits
    transport = httpx.AsyncHTTPTransport(
        verify=context,
        http2=http2,
        uds=settings.origin.unix_socket,
        proxy=proxy,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=limits.max_connections + limits.max_streams,  # the gates of both are before it
            max_keepalive_connections=limits.max_keepalive,
            keepalive_expiry=limits.keepalive_expiry,
        ),
    )
    # httpx has no argument for it (https://github.com/encode/httpx/discussions/3180).
    transport._pool._network_backend = Network(settings)
    return transport
