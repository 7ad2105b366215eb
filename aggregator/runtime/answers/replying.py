"""Answers as ASGI messages: what every answer carries is added here, and nowhere else on that door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from aggregator.errors import place_of
from aggregator.http import HeaderList, has_body
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.request.identity import HEADER as REQUEST_ID
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.request")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE = (b"connection", b"close")
_PIECE = 256 * 1024
"""Bytes that are written at once where others are to get a turn: less than a millisecond."""
FAULT = "The server made a mistake; its log tells more."


async def send_answer(send: Send, answer: Answer, request_id: str, *, closing: bool = False) -> None:
    """Send *answer* with its length and the request id; *closing* asks the server to close the connection after it.

    An answer that cannot have a body gets no length (RFC 9110 §8.6).
    """
    body = answer.body if has_body(answer.status) else b""
    headers = full_headers(answer, request_id, len(body), closing=closing)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_slowly(send: Send, answer: Answer, request_id: str) -> None:
    """Send *answer* as ``send_answer`` does, a large body piece by piece, so that others are served in between.

    The client has taken most of a piece before the next is written.
    """
    if not has_body(answer.status) or answer.size <= _PIECE:
        await send_answer(send, answer, request_id)
        return
    headers = full_headers(answer, request_id, answer.size, closing=False)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send_body(send, answer)


async def send_body(send: Send, answer: Answer) -> None:
    """Send the body of *answer*, whose head was sent, piece by piece."""
    for piece in _pieces(answer):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)  # a client that takes all at once would have nobody else get a turn
    await send({"type": "http.response.body", "body": b""})


def _pieces(answer: Answer) -> Iterator[bytes]:
    """Yield the body of *answer* in pieces of ``_PIECE`` bytes or somewhat more, if it is not in one."""
    content, some, size = answer.content, list[bytes](), 0
    if isinstance(content, bytes):
        yield from (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))
        return
    for piece in content:
        some.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(some)
            some, size = [], 0
    yield b"".join(some)


def full_headers(answer: Answer, request_id: str, length: int, *, closing: bool) -> HeaderList:
    """Return the headers of *answer* and those that every answer gets."""
    headers = [*answer.headers]
    if has_body(answer.status) and not answer.head_only:
        headers.append((b"content-length", b"%d" % length))
    headers.append((REQUEST_ID, request_id.encode("ascii")))
    if closing and CLOSE not in headers:
        headers.append(CLOSE)
    return headers


def fault_answer(endpoint: str, error: Exception, request_id: str) -> Answer:
    """Log a fault of the program; return the answer that the client gets: 500, and no word of what it was."""
    tell_fault(endpoint, error, request_id)
    return problem(500, FAULT, request_id=request_id)


def tell_fault(endpoint: str, error: Exception, request_id: str) -> None:
    """Log a fault of the program in one line; with the level of the log at debug, where it happened too."""
    log(_log, logging.ERROR, "An endpoint failed by a fault of the program.", endpoint=endpoint, request_id=request_id,
        error=place_of(error))  # fmt: skip
    _log.debug("The fault.", exc_info=error)
