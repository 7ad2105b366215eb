"""Long replies that several get, or that are kept: each judges them anew, and a loop that does holds everybody up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.runtime.calls import judging
from tests.policies.conftest import Served

XML = b"<a>" + b"<b>1</b>" * 2000 + b"</a>"
TEXT = """
    upstreams: {{up: {{url: "http://up.test", cache: {cache}}}}}
    endpoints:
      GET /x: {{fan_out: {{x: {{url: up:/x, format: xml}}}}}}
"""


@pytest.mark.parametrize(
    ("cache", "headers"),
    [("{ttl: 60s, on_error: 1h}", {}), ("rfc", {"cache-control": "max-age=60, stale-if-error=3600"})],
)
def test_a_kept_reply_is_read_in_a_thread(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, cache: str, headers: dict[str, str]
) -> None:
    """For who called, who waited for the same call, who finds it kept, and who gets it in place of a failure."""
    read: list[int] = []

    def counted(*given: Any) -> Any:
        read.append(threading.get_ident())
        return read_body(*given)

    read_body = judging.read_body
    monkeypatch.setattr(judging, "read_body", counted)
    gate, statuses = asyncio.Event(), [200, 503]

    async def respond(_: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(statuses.pop(0), content=XML, headers={"content-type": "application/xml", **headers})

    served = serve(TEXT.format(cache=cache), respond)

    async def both() -> list[httpx.Response]:
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    answers = [*served.run(both()), served.get("/x")]
    served.now += 61
    answers.append(served.get("/x"))
    assert {len(one.json()["x"]["a"]["b"]) for one in answers} == {2000}
    assert not statuses
    assert len(read) == 4
    assert threading.get_ident() not in read
