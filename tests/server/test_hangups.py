"""A client that goes away takes its work along: upstream calls end at once, and nothing counts as in flight."""

from __future__ import annotations

import threading

import pytest

ROUTES = """
endpoints:
  GET /one: {timeout: 120s, call: up:/held}
  GET /many: {timeout: 120s, fan_out: {a: up:/held?a, b: up:/held?b, c: {url: up:/held?c, optional: true}}}
  GET /next: {timeout: 120s, fan_out: {first: up:/held, then: "up:/ok/{first.id}"}}
  POST /sent: {timeout: 120s, body: {}, call: {url: "POST up:/held", json: "{{ body }}"}}
  GET /raced: {timeout: 120s, fan_out: {x: {race: [up:/held, up:/held]}}}
  GET /each: {timeout: 120s, fan_out: {x: {for_each: "{{ [1, 2] }}", url: "up:/held?i={item}"}}}
  GET /streamed: {timeout: 120s, stream: true, call: up:/held}
  GET /delayed: {respond: {delay: 120s}}
  GET /hello: {respond: {body: 1}}
"""
CALLS = {"one": 1, "many": 3, "next": 1, "sent": 1, "raced": 2, "each": 2, "streamed": 1}


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream that answers nothing under /held."""
    upstream = shared_stage.upstream()
    upstream["/held"] = [shared_stage.HANG]
    return upstream


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    """The server, reached by each door."""
    return shared_stage.gateway(ROUTES, upstream, door=door)


def _asked(gateway, upstream, stage, name):
    before, hung_up = len(upstream.requests), upstream.hung_up
    wire = gateway.wire()
    if name == "sent":
        wire.write("POST", "/sent", "content-type: application/json", body=b"{}")
    else:
        wire.write("GET", f"/{name}")
    stage.until(lambda: len(upstream.requests) - before == CALLS[name])
    assert gateway.in_flight == 1
    return wire, hung_up


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("name", CALLS)
def test_calls_end_with_their_client(gateway, upstream, stage, name, how):
    """Upstream connections of a client that hung up are closed long before their deadline; no part is started any more."""
    wire, hung_up = _asked(gateway, upstream, stage, name)
    requests = len(upstream.requests)
    getattr(wire, how)()
    stage.until(lambda: upstream.hung_up - hung_up == CALLS[name])
    stage.until(lambda: gateway.in_flight == 0)
    assert len(upstream.requests) == requests
    assert all(pool.active == 0 for pool in gateway.app.running.pools)


def test_a_hang_up_is_logged_as_such(gateway, upstream, stage):
    """One line tells of it, with the status that proxies use."""
    wire, _ = _asked(gateway, upstream, stage, "one")
    gateway.records.clear()
    wire.close()
    stage.until(lambda: gateway.said("The client hung up."))
    assert [(said["endpoint"], said["status"]) for said in gateway.said("The client hung up.")] == [("GET /one", 499)]


def test_a_hang_up_during_a_delay_ends_it(gateway, stage):
    """A static answer that waits does not wait for nobody."""
    wire = gateway.wire().write("GET", "/delayed")
    stage.until(lambda: gateway.in_flight == 1)
    wire.close()
    stage.until(lambda: gateway.in_flight == 0)


def test_the_request_being_answered_ends_too_when_others_wait_behind_it(gateway, upstream, stage):
    """With requests pipelined behind it, the one under way hears of the hang-up; those behind are never begun."""
    wire, hung_up = _asked(gateway, upstream, stage, "one")
    wire.write("GET", "/one").write("GET", "/one")
    requests = len(upstream.requests)
    wire.close()
    stage.until(lambda: upstream.hung_up > hung_up)
    stage.until(lambda: gateway.in_flight == 0)
    assert len(upstream.requests) == requests


def test_two_hundred_hang_ups_leave_nothing(gateway, upstream, stage):
    """Two hundred clients go in the middle of their calls; the next one is served as if nothing had been."""
    hung_up, before = upstream.hung_up, len(upstream.requests)
    wires = [gateway.wire().write("GET", "/one") for _ in range(40)]
    stage.until(lambda: len(upstream.requests) - before == 40)
    for wire in wires:
        wire.reset()
    for _ in range(160):
        gateway.wire().write("GET", "/one").reset()
    stage.until(lambda: gateway.in_flight == 0 and upstream.hung_up - hung_up >= 40)
    assert gateway.get("/hello").status == 200
    stage.until(lambda: all((pool.active, pool.waiting) == (0, 0) for pool in gateway.app.running.pools))


def test_clients_that_wait_for_a_connection_leave_the_queue(stage):
    """A call that waits for a free connection is given up with its client, and does not take the connection later."""
    upstream = stage.upstream()
    gate = threading.Event()
    upstream["/gated"] = [gate, stage.reply({"ok": 1})]
    gateway = stage.gateway(
        "client: {limits: {max_connections: 1}}\nendpoints: {GET /x: {timeout: 120s, call: up:/gated}}", upstream
    )
    first = gateway.wire().write("GET", "/x")
    stage.until(lambda: len(upstream.requests) == 1)
    waiting = gateway.wire().write("GET", "/x")
    stage.until(lambda: gateway.app.running.pools[0].waiting == 1)
    waiting.close()
    stage.until(lambda: gateway.app.running.pools[0].waiting == 0)
    gate.set()
    assert first.reply().status == 200
    assert len(upstream.requests) == 1


def test_half_a_request_is_no_request(gateway, upstream, stage):
    """A client that goes in the middle of its body starts no call."""
    requests = len(upstream.requests)
    lines = ["content-type: application/json", "content-length: 100"]
    wire = gateway.wire().write("POST", "/sent", *lines).send(b"{")
    stage.until(lambda: gateway.in_flight == 1)
    wire.close()
    stage.until(lambda: gateway.in_flight == 0)
    assert len(upstream.requests) == requests
