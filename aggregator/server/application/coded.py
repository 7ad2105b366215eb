"""The document and its page in a content coding, as answers of endpoints are."""

from __future__ import annotations

from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from aggregator.edge.coding import Compression, compress
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.compressing import Compressing, coded_headers
from aggregator.server.routing.dispatch import exchange_of

_KEPT = 8
"""Bodies that are kept as they were coded: the files of the page never change, the document with each reload."""


async def code(request: Request, response: Response, settings: Compression) -> None:
    """Put *response* into the coding that the client of *request* takes, by *settings*; large bodies in a thread."""
    answer = Answer(response.status_code, response.raw_headers, bytes(response.body))
    coding = Compressing(settings).choose(exchange_of(request.scope, ""), answer, len(answer.body))
    if coding is not None:
        response.body = await run_in_threadpool(_coded, answer.body, coding)
        length = (b"content-length", b"%d" % len(response.body))
        answer.headers = [*coded_headers(answer.headers, coding), length]
    response.raw_headers = answer.headers


@lru_cache(maxsize=_KEPT)
def _coded(body: bytes, coding: str) -> bytes:
    return compress(body, coding)
