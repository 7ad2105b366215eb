"""A streamed call is told like any other: through, refused, or broken off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from aggregator.causes import Cause, State
from aggregator.parts.events import CallEnded, Listeners
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles

TEXT = """\
version: 1
upstreams: {files: {url: "http://files.test"}}
endpoints:
  GET /file: {stream: true, call: "files:/file"}
"""


class Body(httpx.AsyncByteStream):
    """Two pieces, and then maybe a broken connection."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces."""
        yield b"abc"
        yield b"de"
        if self._error is not None:
            raise self._error


def told_of(path: Path, answer) -> list[CallEnded]:
    """Return what is told of one request to an upstream that answers by *answer*."""
    (path / "routes.yaml").write_text(TEXT)
    told: list[CallEnded] = []
    app = application(PlanFiles(path / "routes.yaml"), httpx.MockTransport(answer), Listeners(calls=(told.append,)))

    async def main() -> None:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                with suppress(AssertionError):  # of the client of tests, for an answer that was cut off
                    await client.get("/file")

    asyncio.run(main())
    return told


@pytest.mark.parametrize(
    ("error", "state", "cause"),
    [(None, State.OK, None), (httpx.ReadError("gone"), State.FAILED, Cause.RESET)],
)
def test_a_stream_is_told_with_the_bytes_that_went(tmp_path, error, state, cause):
    """At its end, not at its head, whether it came through or broke off."""
    (event,) = told_of(tmp_path, lambda request: httpx.Response(200, stream=Body(error)))
    assert (event.part, event.state, event.cause, event.status, event.size) == ("call", state, cause, 200, 5)
    assert event.started <= event.ended


def test_a_stream_that_never_began_is_told(tmp_path):
    """A status that is no success is the failure of the call."""
    (event,) = told_of(tmp_path, lambda request: httpx.Response(500))
    assert (event.state, event.cause, event.status) == (State.FAILED, Cause.STATUS, 500)
