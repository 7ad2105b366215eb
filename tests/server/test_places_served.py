"""Places over real sockets: what the upstream sees at once, and streams, which have one for their life."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.server.conftest import HANG, reply_of, until

ROUTES = """
upstreams: {up: {url: "${UP}", concurrency: {limit: 1, queue: 5, wait: 5s}}}
endpoints:
  GET /x: {call: up:/x}
  GET /stream: {stream: true, call: up:/stream}
"""


@pytest.fixture
def upstream(stage):
    """Return the upstream."""
    found = stage.upstream()
    found["/x"] = reply_of(1)
    return found


@pytest.fixture
def gateway(stage, upstream):
    """Return the gateway."""
    return stage.gateway(ROUTES, env={"UP": upstream.url})


def test_a_stream_has_its_place_until_its_body_has_ended(gateway, upstream):
    """A call waits for that, although the head has come long before."""
    ready = threading.Event()
    upstream["/stream"] = [b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf", ready, b"half"]
    with gateway.wire() as stream, gateway.wire() as call:
        stream.write("GET", "/stream").until(b"half")
        call.write("GET", "/x")
        until(lambda: gateway.in_flight == 2)
        assert len(upstream.requests) == 1
        ready.set()
        assert call.reply().json == 1
    until(lambda: gateway.in_flight == 0)


@pytest.mark.parametrize("path", ["/stream", "/x"])
def test_a_client_that_hangs_up_gives_its_place_back(gateway, upstream, path):
    """In the middle of a body, and while it waits in line."""
    upstream["/stream"] = [b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf", HANG]
    upstream["/x"] = HANG
    with gateway.wire() as first:
        first.write("GET", path)
        until(lambda: upstream.requests)
        with gateway.wire() as waiting:
            waiting.write("GET", path)
            until(lambda: gateway.in_flight == 2)
        until(lambda: gateway.in_flight == 1)
    until(lambda: gateway.in_flight == 0)
    upstream["/x"] = reply_of(1)
    assert gateway.get("/x").json == 1


@pytest.mark.long
def test_fifty_callers_one_after_the_other(stage, upstream):
    """The upstream never has more than two at once, and everybody is served in the end."""
    gateway = stage.gateway(ROUTES.replace("limit: 1, queue: 5", "limit: 2, queue: 100"), env={"UP": upstream.url})
    busy, most = [0], [0]

    def answer(_):
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        asyncio.get_running_loop().call_later(0.005, done)  # the loop of the upstream, before its reply
        return [0.01, reply_of(1)]

    def done():
        busy[0] -= 1

    upstream["/x"] = answer
    statuses = []
    callers = [threading.Thread(target=lambda: statuses.append(gateway.get("/x").status)) for _ in range(50)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [200] * 50
    assert most[0] <= 2
