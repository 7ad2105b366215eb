"""What is old stands in for a call that failed by no fault of the client: for which failures, and which of two."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import pytest

from tests.policies.conftest import Served

Serve = Callable[..., Served]
FAILURES: dict[str, Any] = {
    "network": httpx.ConnectError("no route"),
    "reset": httpx.ReadError("reset"),
    "timeout": httpx.ReadTimeout("late"),
    "connect-timeout": httpx.ConnectTimeout("late"),
    "500": 500,
    "503": 503,
}
CACHES = pytest.mark.parametrize("cache", ["ttl: 10s", "rfc: true"])


class Failing:
    """An upstream that counts its replies, which are fresh for ten seconds, or fails by *fault*: a status or an error."""

    def __init__(self) -> None:
        self.counts = count(1)
        self.fault: Any = None

    def __call__(self, _: httpx.Request) -> httpx.Response:
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault is not None:
            return httpx.Response(self.fault, json={})
        return httpx.Response(200, json={"n": next(self.counts)}, headers={"cache-control": "max-age=10"})


@CACHES
@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES)
def test_a_failure_of_the_upstream_is_stood_in_for(serve: Serve, cache: str, fault: Any) -> None:
    """By the network, by time and by a 5xx; the answer lasts as long as `on_error` says."""
    served = serve(f"""
        upstreams: {{up: {{url: "http://up.test", cache: {{{cache}, on_error: 1h}}}}}}
        endpoints: {{GET /: {{fan_out: {{x: up:/x}}}}}}
    """, upstream := Failing())  # fmt: skip
    assert served.get("/").json()["x"]["n"] == 1
    upstream.fault = fault
    served.now += 100
    answer = served.get("/")
    assert answer.json()["x"]["n"] == 1
    assert "x;state=stale;status=200;" in answer.headers["aggregator-parts"]
    served.now += 3600
    assert served.get("/").status_code >= 500


@CACHES
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429])
def test_a_4xx_is_never_stood_in_for(serve: Serve, cache: str, status: int) -> None:
    """What is gone, or forbidden, is not shown, be it of a call or a whole answer."""
    served = serve(f"""
        upstreams: {{up: {{url: "http://up.test"}}}}
        endpoints:
          GET /part: {{fan_out: {{x: {{url: up:/x, cache: {{{cache}, on_error: 1h}}, last_good: 1h}}}}}}
          GET /whole: {{fan_out: {{x: up:/y}}, cache: {{ttl: 10s, on_error: 1h}}}}
    """, upstream := Failing())  # fmt: skip
    assert served.get("/part").status_code == served.get("/whole").status_code == 200
    upstream.fault = status
    served.now += 100
    assert served.get("/part").status_code >= 400
    assert served.get("/whole").status_code >= 400


@CACHES
@pytest.mark.parametrize("refusing", ["rate_limit: 1/h", "breaker: {failures: 1, pause: 1h..1h}"])
def test_a_call_that_we_refuse_is_stood_in_for(serve: Serve, cache: str, refusing: str) -> None:
    """One beyond the rate of its upstream, and one behind an open breaker, is not made, and the old reply is given."""
    served = serve(f"""
        upstreams: {{up: {{url: "http://up.test", cache: {{{cache}, on_error: 1h}}, {refusing}}}}}
        endpoints: {{GET /: {{fan_out: {{x: up:/x}}}}, GET /open: {{call: up:/open}}}}
    """, upstream := Failing())  # fmt: skip
    assert served.get("/").json()["x"]["n"] == 1
    upstream.fault = 503
    served.get("/open")
    calls = len(served.lines)
    upstream.fault = None
    served.now += 11
    answer = served.get("/")
    assert answer.json()["x"]["n"] == 1
    assert "x;state=stale;" in answer.headers["aggregator-parts"]
    assert len(served.lines) == calls


def test_the_nearer_one_counts(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A reply within `on_error` is no failure of the part; after that its last good value is, and the log says so."""
    served = serve("""
        upstreams: {up: {url: "http://up.test"}}
        endpoints:
          GET /: {fan_out: {x: {url: up:/x, cache: {ttl: 10s, on_error: 1m}, last_good: 1h}}}
          GET /other: {call: {url: up:/x, cache: {ttl: 10s}}}
    """, upstream := Failing())  # fmt: skip
    assert served.get("/").json()["x"]["n"] == 1
    served.now += 20
    assert served.get("/other").json()["n"] == 2
    upstream.fault = 503
    served.now += 20
    answer = served.get("/")
    assert (answer.json()["x"]["n"], "age=20" in answer.headers["aggregator-parts"]) == (2, True)
    served.now += 60
    caplog.clear()
    answer = served.get("/")
    assert (answer.json()["x"]["n"], "age=100" in answer.headers["aggregator-parts"]) == (1, True)
    (told,) = [one for one in caplog.records if one.name == "aggregator.request"]
    assert "stale" in str(vars(told))
