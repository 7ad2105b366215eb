"""The request body of the client, read up to its cap and its time limit, or handed on as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.runtime.inputs import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientGone(AggregatorError):
    """The client hung up before its answer was there."""


def check_length(exchange: Exchange, cap: int) -> None:
    """Refuse (413) a body that is announced to be larger than *cap* bytes, before any of it is read."""
    for name, value in exchange.header_list:
        if name == b"content-length" and value.isdigit() and int(value) > cap:
            raise Refusal(413, f"The request body is larger than {cap} bytes.")


async def read_body(receive: Receive, exchange: Exchange, *, cap: int, seconds: float) -> bytes:
    """Give the whole request body; raises ``Refusal`` (413 over *cap* bytes, 408 after *seconds*) or ``ClientGone``."""
    check_length(exchange, cap)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, cap)
    except TimeoutError:
        raise Refusal(408, "The request body took too long to arrive.") from None


async def _collect(receive: Receive, cap: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in body_stream(receive, cap):
        size += len(chunk)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def body_stream(receive: Receive, cap: int) -> AsyncIterator[bytes]:
    """Give the request body piece by piece; raises ``Refusal`` (413) over *cap* bytes, ``ClientGone`` on a hang-up."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The client hung up while it sent its body.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > cap:
            raise Refusal(413, f"The request body is larger than {cap} bytes.")
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return
