"""How a server stops: it says so, lets everybody finish, and waits for nobody longer than it was told."""

from __future__ import annotations

import threading
import time

import pytest
from tiers import other_cell

from aggregator.server.connection import timeouts

ROUTES = """
server: {{shutdown_grace: {grace}, drain_delay: {delay}}}
endpoints:
  GET /n: {{respond: {{body: 1}}}}
  GET /held: {{timeout: 20s, call: up:/held}}
  GET /streamed: {{stream: true, timeout: 20s, call: up:/streamed}}
"""
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n"


@pytest.fixture
def upstream(stage):
    """An upstream that answers when its gate is opened."""
    upstream = stage.upstream()
    upstream.gate = threading.Event()
    upstream["/held"] = [upstream.gate, stage.reply({"done": True})]
    upstream["/streamed"] = [CHUNKED, upstream.gate, b"0\r\n\r\n"]
    return upstream


@pytest.mark.long
@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_readiness_goes_first(stage, upstream, door):
    """For `drain_delay` new connections are served, /readyz says 503, and every answer closes its connection."""

    def is_seen():
        gateway = stage.gateway(ROUTES.format(grace="60s", delay="400ms"), upstream, door=door)
        assert gateway.get("/readyz").status == 200
        wire = gateway.wire()
        assert wire.ask("GET", "/n")["connection"] is None
        stopped = time.monotonic()
        gateway.service.stop()
        try:
            stage.until(lambda: gateway.get("/readyz").status == 503)
            is_draining, answer = gateway.get("/readyz?verbose").json["draining"], wire.ask("GET", "/n")
        except (OSError, stage.Incomplete):  # the delay is over, which is long for none but a machine that stands still
            assert time.monotonic() - stopped > 0.4
            return False
        assert is_draining is True
        assert (answer.status, answer["connection"]) == (200, "close")
        assert wire.ended
        gateway.thread.join(30)
        assert gateway.codes == [0]
        return True

    stage.until(is_seen)


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_clients_in_a_loop_lose_nothing(stage, upstream, door, monkeypatch):
    """Clients that ask again and again over kept connections see no reset: their last answer says close."""
    monkeypatch.setattr(timeouts, "LINGER", 120.0)  # nobody is idle, however late a client comes to ask again
    gateway = stage.gateway(ROUTES.format(grace="60s", delay="0s"), upstream, door=door)
    last, problems, begun = [], [], []

    def client():
        wire = gateway.wire()
        while True:
            try:
                answer = wire.ask("GET", "/n")
            except (OSError, stage.Incomplete) as error:
                problems.append(error)
                return
            if answer["connection"] == "close":
                last.append(answer.status)
                return
            begun.append(wire)

    threads = [threading.Thread(target=client) for _ in range(20)]
    for thread in threads:
        thread.start()
    stage.until(lambda: len(set(begun)) == 20)
    assert gateway.stop() == 0
    for thread in threads:
        thread.join()
    assert (problems, last) == ([], [200] * 20)


def test_streams_may_finish(stage, upstream):
    """A stream that ends within the grace ends well."""
    gateway = stage.gateway(ROUTES.format(grace="60s", delay="0s"), upstream)
    wire = gateway.wire().write("GET", "/streamed")
    wire.until(b"one")
    gateway.service.stop()
    stage.until(lambda: gateway.said("The server stops."))
    upstream.gate.set()
    assert wire.rest() == b"\r\n0\r\n\r\n"
    gateway.thread.join(30)
    assert gateway.codes == [0]


@pytest.mark.long
@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_after_the_grace_nobody_is_waited_for(stage, upstream, door):
    """A request that takes longer gets a problem, the connection closes, the process ends with 0 and no traceback."""
    gateway = stage.gateway(ROUTES.format(grace="300ms", delay="0s"), upstream, door=door)
    wire = gateway.wire().write("GET", "/held")
    streamed = gateway.wire().write("GET", "/streamed")
    streamed.until(b"one")
    stage.until(lambda: len(upstream.requests) == 2)
    started = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - started < 20
    answer = wire.reply()
    assert (answer.status, answer["content-type"]) == (503, "application/problem+json")
    assert not streamed.rest().endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_who_insists_is_obeyed(stage, upstream, door):
    """A second stop ends everything at once."""
    gateway = stage.gateway(ROUTES.format(grace="60s", delay="60s"), upstream, door=door)
    gateway.wire().write("GET", "/held")
    stage.until(lambda: upstream.requests)
    gateway.service.stop()
    gateway.service.stop()
    started = time.monotonic()
    gateway.thread.join(30)
    assert gateway.codes == [0]
    assert time.monotonic() - started < 20


def test_probes_tell_life_and_readiness(stage, upstream):
    """/livez, /readyz and /-/config answer GET and HEAD, are never cached and are no part of the documented API."""
    gateway = stage.gateway(ROUTES.format(grace="1s", delay="0s"), upstream)
    for path in ("/livez", "/readyz", "/readyz?verbose", "/-/config"):
        answer = gateway.get(path)
        assert (answer.status, answer["cache-control"]) == (200, "no-store")
        assert gateway.ask("HEAD", path).status == 200
        assert path.partition("?")[0] not in gateway.get("/openapi.json").json["paths"]
    assert gateway.ask("POST", "/livez").status == 405


def test_the_log_tells_of_a_stop(stage, upstream):
    """When it begins, and who is waited for; when it is over."""
    gateway = stage.gateway(ROUTES.format(grace="60s", delay="0s"), upstream)
    wire = gateway.wire().write("GET", "/held")
    stage.until(lambda: upstream.requests)
    gateway.service.stop()
    stage.until(lambda: gateway.said("The server stops."))
    assert gateway.said("The server stops.") == [{"in_flight": 1}]
    assert not gateway.said("The server has stopped.")
    upstream.gate.set()
    assert wire.reply().json == {"done": True}
    gateway.thread.join(30)
    assert len(gateway.said("The server has stopped.")) == 1


def test_who_stops_what_has_ended_hears_nothing(stage, upstream):
    """A server that has stopped meanwhile is stopped once more: that is no fault."""
    gateway = stage.gateway(ROUTES.format(grace="1s", delay="0s"), upstream)
    assert gateway.stop() == 0
    assert gateway.stop() == 0
