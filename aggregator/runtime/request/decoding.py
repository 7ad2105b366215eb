"""Request bodies that came in a content coding (RFC 9110 §8.4), undone within what the endpoint takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.runtime.coding import LARGE, aside
from aggregator.runtime.request.inputs import Refusal
from aggregator.transport import Decoder, accept_encoding, decoder_for

_MUCH = 1024 * 1024


_Value = TypeVar("_Value")


async def aside_or_refused(work: Callable[[], _Value], exchange: Exchange) -> _Value:
    """Return what *work* on the body of *exchange* gives in a thread; raises ``Refusal`` (503) when too much waits."""
    try:
        return await aside(work, exchange.deadline or math.inf, under_way=False)
    except CallError as error:
        if error.cause is not Cause.QUEUE_FULL:
            raise
        raise Refusal(503, "Too many bodies wait to be read.", headers=((b"retry-after", b"1"),)) from None


async def content_of(exchange: Exchange, cap: int) -> bytes:
    """Return the body of *exchange* without its content coding; what it came as stays for calls that pass it on.

    Raises ``Refusal``: 415 for a coding that is not known here, 400 for a body that is not in it, 413 when more than
    *cap* bytes come out.
    """
    codings = [value for name, value in exchange.header_list if name == b"content-encoding"]
    if not codings or not exchange.body:
        return exchange.body
    try:
        decoder = decoder_for(codings, cap)
    except CallError:
        known = accept_encoding()
        detail = f"Request bodies may have one content coding, of {known.decode()}."
        raise Refusal(415, detail, headers=((b"accept-encoding", known),)) from None
    if decoder is None:
        return exchange.body
    try:
        if len(exchange.body) < LARGE and cap <= _MUCH:
            return _decode(decoder, exchange.body)
        return await aside_or_refused(partial(_decode, decoder, exchange.body), exchange)
    except CallError as error:
        if error.cause is Cause.TOO_LARGE:
            raise Refusal(413, f"The request body is larger than {cap} bytes when decoded.") from None
        raise Refusal(400, "The request body is not in the content coding that it claims.") from None


def _decode(decoder: Decoder, body: bytes) -> bytes:
    content = b"".join(decoder.feed(body))
    decoder.finish()
    return content
