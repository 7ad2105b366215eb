"""Answers of issuers, read up to a bound: who lies may also send without end."""

from __future__ import annotations

from typing import Any

import httpx

from aggregator.codecs.json import decode
from aggregator.errors import CallError

LARGEST = 512 * 1024
"""Bytes of an answer, without its content coding."""


async def fetched(client: httpx.AsyncClient, request: httpx.Request) -> tuple[int, bytes]:
    """Return status and body of the answer to *request*; redirects are not followed.

    Raises ``httpx.HTTPError``, and ``ValueError`` for an answer beyond the bound.
    """
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise ValueError("the answer is too large")
        return response.status_code, bytes(body)
    finally:
        await response.aclose()


def document_of(body: bytes) -> Any:
    """Return the value of the JSON text *body*, by the rules for all JSON; raises ``ValueError`` when it is none."""
    try:
        return decode(body)
    except CallError:
        raise ValueError("it is no JSON") from None
