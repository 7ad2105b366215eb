"""The network under stock httpx: anyio's, but TLS that does not come about leaves no connection behind.

Used by `StockTransport`. httpcore closes a connection whose TLS fails, and not one whose TLS is given up
(https://github.com/encode/httpcore/issues/1023); in a proxy's tunnel it knows one name, that of the URL.
"""

# ruff: noqa: ASYNC109 - the signatures are httpcore's

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

from httpcore import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from aggregator.transport.settings import PoolSettings


class Network(AsyncNetworkBackend):
    """Opens connections for the upstream of *settings*."""

    def __init__(self, settings: PoolSettings) -> None:
        self._backend = AnyIOBackend()
        self._host = settings.origin.host
        self._address = settings.origin.address
        self._server_name = settings.tls.server_name

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Open a TCP connection; the upstream is where its address is, and not where its name leads."""
        there = self._address if self._address is not None and host == self._host else host
        stream = await self._backend.connect_tcp(there, port, timeout, local_address, socket_options)
        return _Stream(stream, self)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SOCKET_OPTION] | None = None
    ) -> AsyncNetworkStream:
        """Open a connection to a Unix socket."""
        return _Stream(await self._backend.connect_unix_socket(path, timeout, socket_options), self)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._backend.sleep(seconds)

    async def start_tls(
        self, stream: AsyncNetworkStream, context: ssl.SSLContext, name: str | None, timeout: float | None
    ) -> AsyncNetworkStream:
        """Return *stream* under TLS; the upstream is called by the name that is set for it, through a proxy, too."""
        if name == self._host:
            name = self._server_name or name
        try:
            return _Stream(await stream.start_tls(context, name, timeout), self)
        except BaseException:
            await stream.aclose()
            raise


class _Stream(AsyncNetworkStream):
    def __init__(self, stream: AsyncNetworkStream, network: Network) -> None:
        self._network = network
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        return await self._network.start_tls(self._stream, ssl_context, server_hostname, timeout)
