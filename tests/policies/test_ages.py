"""What is kept goes by its age, whatever it is: to the second at which its time is over, the next rule counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests.policies.conftest import Served

Serve = Callable[..., Served]
TIMES = "ttl: 10s, stale: 5s, on_error: 20s"
CONTROL = "max-age=10, stale-while-revalidate=5, stale-if-error=20"
REPLIES = "upstreams: {{up: {{url: 'http://up.test', cache: {}}}}}\nendpoints: {{GET /a: {{fan_out: {{x: up:/a}}}}}}"
CACHES = {
    "replies": REPLIES.format(f"{{{TIMES}}}"),
    "replies that say it": REPLIES.format("rfc"),
    "replies that say the first of it": REPLIES.format("{rfc: true, stale: 5s, on_error: 20s}"),
    "answers": f"""
        upstreams: {{up: {{url: "http://up.test"}}}}
        endpoints: {{GET /a: {{cache: {{{TIMES}}}, fan_out: {{x: up:/a}}}}}}
    """,
    "elements": f"""
        upstreams: {{up: {{url: "http://up.test", cache: {{{TIMES}}}}}}}
        endpoints:
          GET /a: {{fan_out: {{x: {{for_each: {{in: "{{{{ ['k'] }}}}", batch: {{key: id, size: 3}}}}, url: "up:/a?ids={{keys}}"}}}}}}
    """,
}


class Failing:
    """An upstream that gives the element `k` with *control*, until it fails."""

    def __init__(self, control: str) -> None:
        self.control = control
        self.fails = False
        self.calls = 0

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.fails:
            return httpx.Response(503)
        return httpx.Response(200, json=[{"id": "k"}], headers={"cache-control": self.control})


async def _settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("age", "status", "calls", "is_stored"),
    [(0, 200, 0, True), (9.75, 200, 0, True), (10, 200, 1, True), (14.75, 200, 1, True), (15, 200, 1, False),
     (29.75, 200, 1, False), (30, 502, 1, False)],
)  # fmt: skip
@pytest.mark.parametrize("cache", CACHES)
def test_what_an_age_means(serve: Serve, cache: str, age: float, status: int, calls: int, is_stored: bool) -> None:
    """Fresh, old while one call is made behind it, then in place of a failure, when nobody may store it, then nothing."""
    upstream = Failing(CONTROL if cache == "replies that say it" else "max-age=10")
    served = serve(CACHES[cache], upstream)
    assert served.get("/a").status_code == 200
    upstream.fails, before = True, upstream.calls
    served.now += age
    answer = served.get("/a")
    served.run(_settled())
    assert (answer.status_code, upstream.calls - before) == (status, calls)
    if status == 200:
        assert (answer.headers.get("cache-control") != "no-store") == is_stored
