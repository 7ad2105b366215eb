"""Retries over real sockets: what the upstream sees, streams, clients that hang up, reloads in the middle."""

from __future__ import annotations

import threading

import pytest

from tests.server.conftest import HANG, RESET, reply_of, until

ROUTES = """
upstreams:
  up: {url: "${UP}", retry: {attempts: 3, backoff: 1ms..2ms, budget: {share: 20%, floor: 100/s}}}
  slow: {url: "${UP}", retry: {attempts: 2, on: [503], backoff: 30s}, timeout: 60s}
endpoints:
  GET /x: {call: up:/x}
  GET /limited: {timeout: 5s, call: {url: up:/hanging, retry: {attempts: 2, on: [timeout], per_try: 100ms}}}
  GET /stream: {stream: true, call: up:/stream}
  POST /upload: {stream: true, forward: {body: true}, call: {method: POST, url: up:/x, idempotent: true}}
  GET /waits: {timeout: 60s, call: slow:/waits}
  GET /waits-streaming: {stream: true, call: slow:/waits}
"""


@pytest.fixture
def upstream(stage):
    """Return the upstream."""
    return stage.upstream()


@pytest.fixture
def gateway(stage, upstream):
    """Return the gateway."""
    return stage.gateway(ROUTES, env={"UP": upstream.url})


def after(times: int, first, then):
    """Return an answer that is *first* so many *times*, and *then* after that."""
    count = iter(range(10**6))
    return lambda _: first if next(count) < times else then


@pytest.mark.parametrize("broken", [RESET, [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", RESET]])
def test_a_connection_that_breaks(gateway, upstream, broken):
    """A reset before the answer, or in its middle, is followed by another attempt."""
    upstream["/x"] = after(1, broken, reply_of({"n": 1}))
    answer = gateway.get("/x")
    assert (answer.status, answer.json, len(upstream.requests)) == (200, {"n": 1}, 2)
    assert ";attempts=2;" in answer["aggregator-parts"]


def test_an_attempt_that_hangs_is_given_up(gateway, upstream):
    """The upstream sees the connection of the first attempt closed before the second one comes."""
    upstream["/hanging"] = after(1, HANG, reply_of(1))
    assert gateway.get("/limited").json == 1
    until(lambda: upstream.hung_up == 1)


def test_a_stream_begins_anew_before_its_first_byte(gateway, upstream):
    """What is handed on is the reply that was a success, and its header tells of the others."""
    upstream["/stream"] = after(2, reply_of("no", 503), reply_of("yes"))
    answer = gateway.get("/stream")
    assert (answer.status, answer.json) == (200, "yes")
    assert answer["aggregator-parts"].endswith('attempts=3;met="503 503 200"')


def test_a_stream_that_fails_each_time_is_a_failure(gateway, upstream):
    """As a call: mapped, and with what each attempt met."""
    upstream["/stream"] = reply_of("no", 503)
    answer = gateway.get("/stream")
    assert (answer.status, len(upstream.requests)) == (502, 3)
    assert answer["aggregator-parts"].endswith('attempts=3;met="503 503 503"')


def test_nothing_is_sent_again_after_bytes_reached_the_client(gateway, upstream):
    """A stream that breaks in its middle is cut off."""
    upstream["/stream"] = [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", RESET]
    with gateway.wire() as wire:
        wire.write("GET", "/stream")
        assert b"half" in wire.rest()
    assert len(upstream.requests) == 1


def test_a_body_that_passes_through_is_sent_once(gateway, upstream):
    """Nobody has kept it."""
    upstream["/x"] = reply_of("no", 503)
    assert gateway.ask("POST", "/upload", "content-length: 3", body=b"abc").status == 502
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("path", ["/waits", "/waits-streaming"])
def test_a_client_that_hangs_up_in_the_pause(gateway, upstream, path):
    """Nothing waits on its behalf any more."""
    upstream["/waits"] = reply_of("no", 503)
    with gateway.wire() as wire:
        wire.write("GET", path)
        until(lambda: upstream.requests)
    until(lambda: gateway.in_flight == 0)
    assert len(upstream.requests) == 1


def test_a_reload_in_the_pause(gateway, upstream):
    """The request ends as it began, with the retries of its own generation."""
    ready = threading.Event()
    upstream["/x"] = after(1, [ready, reply_of("no", 503)], reply_of("yes"))
    with gateway.wire() as wire:
        wire.write("GET", "/x")
        until(lambda: upstream.requests)
        assert gateway.reload(ROUTES.replace("attempts: 3", "attempts: 2") + "  GET /new: {respond: {body: 1}}\n")
        ready.set()
        assert wire.reply().json == "yes"
    assert gateway.get("/new").json == 1


HOSTS = """
upstreams:
  up: {{hosts: {hosts}, limits: {{max_connections: {most}}}, retry: {{attempts: 2, on: [503], backoff: 1ms..2ms}}}}
endpoints:
  GET /x: {{timeout: 60s, call: {{url: up:/x, timeout: 60s}}}}
"""


def test_a_retry_of_an_old_generation_leaves_no_pool(stage, upstream):
    """It goes to a host that a reload has brought, is not cut off when the next one takes that away, and gives back."""
    other, failing, answering = stage.upstream(), threading.Event(), threading.Event()
    upstream["/x"] = [failing, reply_of("no", 503)]
    other["/x"] = [answering, reply_of("yes")]
    gateway = stage.gateway(HOSTS.format(hosts=[upstream.url], most=7))
    running = gateway.app.running

    def limits() -> list[int]:
        return sorted(pool.settings.limits.max_connections for pool in running.pools)

    with gateway.wire() as wire:
        wire.write("GET", "/x")
        until(lambda: upstream.requests)
        gateway.reload(HOSTS.format(hosts=[upstream.url, other.url], most=8))
        failing.set()
        until(lambda: other.requests)
        gateway.reload(HOSTS.format(hosts=[upstream.url], most=9))
        until(lambda: limits() in ([7, 9], [7, 8, 9]))
        answering.set()
        assert wire.reply().json == "yes"
    until(lambda: upstream.open == other.open == 0)
    assert set(limits()) == {9}


@pytest.mark.long
def test_many_callers_at_once(gateway, upstream):
    """With everything failing, 200 callers cost the upstream a fifth more and the floor, and each gets its answer."""
    gateway.reload(ROUTES.replace("floor: 100/s", "floor: 1/s"))
    upstream["/x"] = reply_of("no", 503)
    statuses = []
    callers = [threading.Thread(target=lambda: statuses.append(gateway.get("/x").status)) for _ in range(200)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [502] * 200
    assert 200 < len(upstream.requests) <= 200 * 1.2 + 10
