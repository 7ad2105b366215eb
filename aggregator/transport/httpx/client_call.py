"""One request made with an `httpx.AsyncClient` as the engine would make it, up to the head of its response.

Used by `ClientPool`. Every exception of the client leaves here as CallError.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import httpx

from aggregator.errors import Cause
from aggregator.http import IDEMPOTENT
from aggregator.transport.failures import late
from aggregator.transport.httpx.client_response import LOCATION, ClientResponse
from aggregator.transport.httpx.failures import failure_of, was_answered
from aggregator.transport.httpx.stock_transport import OWN, UpstreamTransport
from aggregator.transport.settings import Origin, PoolSettings
from aggregator.transport.wire.requests import bad_target

_ANSWERED = ".receive_response_headers.complete"
_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class ClientCall:
    """A request to be made with *client*; the lean door's arguments, *settings* of its pool.

    *transport* is which of a `StockTransport` to take. *idle_timeout*, of a stream, is the longest stall in seconds.
    """

    __slots__ = (
        "_body", "_client", "_crash", "_events", "_headers", "_method", "_patience", "_settings", "_target",
        "_transport", "attempts", "idle_timeout",
    )  # fmt: skip

    def __init__(
        self,
        client: httpx.AsyncClient,
        settings: PoolSettings,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: bytes | AsyncIterable[bytes] | None,
        transport: UpstreamTransport | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._method = method
        self._target = target
        self._headers = _pairs(headers)
        self._body = body if body is None or isinstance(body, bytes) else self._watched(body)
        self._transport = transport
        self._crash: Exception | None = None
        self._patience: tuple[asyncio.Timeout, float] | None = None
        self.idle_timeout: float | None = None
        self.attempts = 1
        self._events: list[str] = []

    async def answered_within(self, seconds: float | None) -> ClientResponse:
        """Send, and return the response if its head comes within *seconds* of the end of the request.

        Raises as `send` does, and CallError (DEADLINE).
        """
        if seconds is None:
            return await self.send()
        is_whole = self._body is None or isinstance(self._body, bytes)
        try:
            async with asyncio.timeout(seconds if is_whole else None) as patience:
                self._patience = (patience, seconds)
                return await self.send()
        except TimeoutError:
            if not patience.expired():
                raise
            raise late(Cause.DEADLINE) from None
        finally:
            self._patience = None

    async def send(self) -> ClientResponse:
        """Return the response once its head is there. Raises CallError, or what the source of the body raised.

        A request that an idle connection swallowed is sent once more, if it may be.
        """
        if len(self._target.split()) != 1:
            raise bad_target()
        try:
            response = await self._send()
        except _STALE as error:
            if was_answered(error) or not self._was_swallowed():
                raise failure_of(error) from error
            response = await self._send_again()
        except Exception as error:
            raise self._crash or failure_of(error) from error
        return ClientResponse(response, self._method, self._settings.caps, reused=self._is_reused())

    async def _send_again(self) -> httpx.Response:
        self.attempts = 2
        try:
            return await self._send()
        except Exception as error:
            raise failure_of(error) from error

    async def _send(self) -> httpx.Response:
        limits = self._settings.timeouts
        read = limits.read if self._patience is None else None  # the wait for the answer has a limit of its own
        write = limits.write or self.idle_timeout
        timeout = {"connect": limits.connect, "read": read, "write": write, "pool": None}
        extensions: dict[str, Any] = {"timeout": timeout, "trace": self._trace, LOCATION: True}
        url = _url(self._settings.origin, self._target)
        if url.raw_path != self._target:  # httpx has its own mind; and a proxy wants no target of ours
            extensions["target"] = self._target
        if self._transport is not None:
            extensions[OWN] = self._transport
        if self._settings.tls.server_name is not None:
            extensions["sni_hostname"] = self._settings.tls.server_name
        self._events.clear()
        method = self._method.decode("ascii")
        request = httpx.Request(method, url, headers=self._headers, content=self._body, extensions=extensions)
        return await self._client.send(request, stream=True, follow_redirects=False)

    async def _trace(self, event: str, _info: dict[str, Any]) -> None:
        """Note what httpcore says that it does; other transports say nothing."""
        self._events.append(event)

    def _is_reused(self) -> bool:
        return bool(self._events) and not any(".connect_" in event for event in self._events)

    def _was_swallowed(self) -> bool:
        if self._method not in IDEMPOTENT or not (self._body is None or isinstance(self._body, bytes)):
            return False
        return self._is_reused() and not any(event.endswith(_ANSWERED) for event in self._events)

    async def _watched(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in body:
                yield piece
            if self._patience is not None:
                patience, seconds = self._patience
                patience.reschedule(asyncio.get_running_loop().time() + seconds)
        except Exception as error:
            self._crash = error
            raise


def _url(origin: Origin, target: bytes) -> httpx.URL:
    base = httpx.URL(f"{origin.scheme}://{origin.authority.decode('ascii')}")
    return base.copy_with(raw_path=target)


def _pairs(block: bytes) -> list[tuple[bytes, bytes]]:
    """Return the fields of a serialised header block."""
    pairs = (line.partition(b":") for line in block.split(b"\r\n") if line)
    return [(name, value.strip()) for name, _, value in pairs]
