"""The request body of the client, read up to its cap and its time limit, or handed on as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.replying import Receive
from aggregator.runtime.coding import LARGE
from aggregator.runtime.request.decoding import aside_or_refused, content_of
from aggregator.runtime.request.inputs import Inputs, Refusal
from aggregator.schemas.problems import Violation

_LONGEST_NUMBER = 18


class ClientGone(AggregatorError):  # noqa: N818 - said of the client, not failed on
    """The client hung up before its answer was there."""


def check_length(exchange: Exchange, cap: int) -> None:
    """Refuse (413) a body that is announced to be larger than *cap* bytes, before any of it is read."""
    for name, value in exchange.header_list:
        if name == b"content-length" and value.isdigit() and (len(value) > _LONGEST_NUMBER or int(value) > cap):
            raise _too_large(cap)


def intake_of(receive: Receive, plan: EndpointPlan) -> Callable[[Exchange], Awaitable[None]] | None:
    """Return what reads the body into an exchange, None where *plan* does not want it, or wants it as a stream.

    It raises ``ClientGone``, or ``Refusal``: 413 over the cap, 408 when it takes too long.
    """
    return partial(_take, receive, plan) if plan.inputs.read_body in ("bytes", "json") else None


async def _take(receive: Receive, plan: EndpointPlan, exchange: Exchange) -> None:
    """Read the body.

    A deadline that the file names holds for the body too. One that is the time of the slowest call begins after it.
    """
    wanted = plan.inputs
    loop = asyncio.get_running_loop()
    is_named = plan.names_deadline
    latest = loop.time() + wanted.body_timeout
    exchange.body = await read_body(
        receive, exchange, cap=wanted.max_body, latest=min(latest, exchange.deadline) if is_named else latest
    )
    exchange.intake = None
    if not is_named:
        exchange.deadline = loop.time() + plan.timeout


async def take_body(exchange: Exchange, inputs: Inputs, plan: EndpointPlan) -> list[Violation] | None:
    """Put the body into *exchange*, unless it is there, and decode it as far as *plan* wants it.

    Returns the violations of a large one, which is decoded and judged in a thread; None when it has to be judged yet.
    Raises ``ClientGone``, or ``Refusal``: 413 over the cap, 408 when it takes too long, 415 and 400 for no JSON or
    for a coding that it is not in.
    """
    if exchange.intake is not None:
        await exchange.intake(exchange)
    if plan.inputs.read_body == "json":
        content = await content_of(exchange, plan.inputs.max_body)
        if len(content) > LARGE and inputs.takes_body(exchange, content):
            exchange.body_value, violations = await aside_or_refused(partial(inputs.read_and_judge, content), exchange)
            return violations
        inputs.decode_body(exchange, content)
    return None


async def read_body(receive: Receive, exchange: Exchange, *, cap: int, latest: float) -> bytes:
    """Return the whole request body.

    Raises ``Refusal`` (413 over *cap* bytes, 408 at *latest*, in loop time) or ``ClientGone``.
    """
    check_length(exchange, cap)
    try:
        async with asyncio.timeout_at(latest):
            return await _collect(receive, cap)
    except TimeoutError:
        raise Refusal(408, "The request body took too long to arrive.") from None


async def _collect(receive: Receive, cap: int) -> bytes:
    chunks = [chunk async for chunk in body_stream(receive, cap)]
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def body_stream(receive: Receive, cap: int) -> AsyncIterator[bytes]:
    """Yield the request body piece by piece; raises ``Refusal`` (413) over *cap* bytes, ``ClientGone`` on a hang-up."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The client hung up while it sent its body.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > cap:
            raise _too_large(cap)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def _too_large(cap: int) -> Refusal:
    return Refusal(413, f"The request body is larger than {cap} bytes.")
