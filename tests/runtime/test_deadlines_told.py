"""Upstreams learn how long they are waited for, and a trusted caller may say how long it waits for us."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.policies.conftest import Served

ROUTES = """
server: {deadline_header: x-request-deadline, trusted_proxies: [192.0.2.0/24]}
defaults: {forward: {deadline: x-request-deadline, headers: all}}
upstreams:
  up: {url: "http://up.test", cache: 60s}
  slow: {url: "http://slow.test", timeout: 60s}
endpoints:
  GET /kept: {call: up:/kept}
  GET /two: {call: {url: "slow:/two", retry: {attempts: 2, backoff: 100ms..200ms, on: [503]}}}
  GET /own: {call: {url: "slow:/own", headers: {x-request-deadline: mine}}}
  GET /ends: {timeout: 40s, call: slow:/ends}
  GET /stream: {stream: true, call: slow:/stream}
  GET /parts: {fan_out: {one: slow:/one, two: {url: "slow:/two", headers: {x-a: "{{ query.a }}"}}}}
"""


@pytest.fixture
def serve(tmp_path):
    """Serves until the test ends."""
    started = []

    def start(respond=None):
        started.append(Served(tmp_path, ROUTES, respond))
        return started[-1]

    yield start
    for one in started:
        one.close()


def told(api) -> list[int]:
    """Return the milliseconds that upstreams were told."""
    return [int(request.headers["x-request-deadline"]) for request in api.requests]


def test_the_time_of_the_call_is_told(serve):
    """In whole milliseconds; what a client says of its own in that header goes no further."""
    api = serve()
    mine = {"x-request-deadline": "5"}
    assert api.run(api.ask("GET", "/parts", address="198.51.100.1", headers=mine)).status_code == 200
    assert api.get("/ends").status_code == 200
    left = told(api)
    assert all(0 < one <= 60_000 for one in left[:2])
    assert 0 < left[2] <= 40_000
    assert [len(request.headers.get_list("x-request-deadline")) for request in api.requests] == [1, 1, 1]


def test_a_second_attempt_has_less(serve):
    """It is written anew for each attempt."""
    answers = iter([503, 200])

    async def respond(_):
        await asyncio.sleep(0.02)
        return httpx.Response(next(answers), json=1)

    api = serve(respond)
    assert api.get("/two").status_code == 200
    first, second = told(api)
    assert second + 15 <= first <= 60_000


def test_a_call_that_says_it_itself_has_said_it(serve):
    """Its own header stands."""
    api = serve()
    api.get("/own")
    assert api.requests[0].headers.get_list("x-request-deadline") == ["mine"]


def test_it_is_no_part_of_what_is_kept_or_shared(serve):
    """Two requests with other times left are one call."""
    api = serve()
    for left in ("50000", "40000"):
        assert api.get("/kept", headers={"x-request-deadline": left}).status_code == 200
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("address", "left", "shortened"),
    [("192.0.2.1", "30000", True), ("198.51.100.1", "30000", False), ("192.0.2.1", "99999", False),
     ("192.0.2.1", "-1", False), ("192.0.2.1", "1e2", False), ("192.0.2.1", "9" * 30, False), ("192.0.2.1", "", False)],
)  # fmt: skip
def test_a_trusted_caller_shortens_the_deadline(serve, address, left, shortened):
    """Others do not, nobody makes it longer, and what is no number says nothing."""
    api = serve()
    assert api.run(api.ask("GET", "/parts", address=address, headers={"x-request-deadline": left})).status_code == 200
    assert (max(told(api)) <= 30_000) is shortened


def test_a_caller_that_waits_no_longer_is_answered_at_once(serve):
    """504, like any deadline."""

    async def respond(_):
        await asyncio.Event().wait()

    api = serve(respond)
    answer = api.get("/parts", headers={"x-request-deadline": "0"})
    assert (answer.status_code, answer.json()["cause"]) == (504, "deadline")


def test_a_stream_tells_it_too(serve):
    """How long its head is waited for, by us and by a caller that is believed."""
    api = serve()
    assert api.get("/stream").status_code == 200
    assert api.run(api.ask("GET", "/stream", headers={"x-request-deadline": "30000"})).status_code == 200
    first, second = told(api)
    assert 30_000 < first <= 60_000
    assert 0 <= second <= 30_000
