"""How much clients may have at once: what waits, what is shed, and what is not counted; through the whole server."""

from __future__ import annotations

import asyncio

import pytest

from aggregator import load_config
from aggregator.edge.networks import NO_NETWORKS
from aggregator.errors import ConfigError
from aggregator.plan.serving import ClientLimitsPlan
from aggregator.server.limiting.load import Load, Place
from aggregator.server.limiting.peers import Peers

ENDPOINTS = """
endpoints:
  GET /slow: {call: up:/slow}
  GET /quick: {respond: {body: 1}}
  GET /stream: {stream: true, call: up:/stream}
  POST /body: {body: {type: object}, call: up:/slow}
"""


def limited(limits, more=""):
    """Return a file whose server has *limits*."""
    return f"server: {{limits: {{{limits}}}{more}}}\n{ENDPOINTS}"


def hold(stage, gateway, target="/slow", *lines):
    """Begin a request that the upstream does not answer, and wait until it is under way."""
    before = gateway.in_flight
    wire = gateway.wire()
    wire.write("GET", target, *lines)
    stage.until(lambda: gateway.in_flight > before)
    return wire


@pytest.fixture
def slow(stage):
    """An upstream that answers when the event in it is set."""
    upstream = stage.upstream()
    upstream.gate = stage.gate()
    upstream["/slow"] = [upstream.gate, stage.reply({"ok": True})]
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"
    upstream["/stream"] = [head, upstream.gate, b"b"]
    return upstream


def test_one_too_many_is_shed_and_probes_are_not(stage, slow, door):
    """Beyond `in_flight` a request gets 503 and `Retry-After` at once; probes answer, and room is room again."""
    gateway = stage.gateway(limited("in_flight: 1"), slow, door=door)
    held = hold(stage, gateway)
    refused = gateway.get("/quick")
    assert (refused.status, refused["retry-after"]) == (503, "1")
    assert refused.detail == "The server has as many requests under way as it takes."
    assert [gateway.get(path).status for path in ("/livez", "/readyz", "/-/config")] == [200, 200, 200]
    assert gateway.get("/-/config").json["limits"] == {"waiting": 0, "shed": 1, "closed": 0}
    slow.gate.set()
    assert held.reply().status == 200
    assert gateway.get("/quick").status == 200
    (told,) = gateway.said("Answered with a failure.")
    assert (told["endpoint"], told["status"]) == ("GET /quick", 503)


def test_a_request_waits_for_its_turn(stage, slow, door):
    """As many as `queue` wait, in order, and begin when there is room; one more is shed meanwhile."""
    gateway = stage.gateway(limited("in_flight: 1, queue: 1, wait: 30s"), slow, door=door)
    held = hold(stage, gateway)
    waiting = gateway.wire()
    waiting.write("GET", "/quick")
    stage.until(lambda: gateway.app.running.load.waiting == 1)
    assert gateway.get("/quick").status == 503
    slow.gate.set()
    assert held.reply().status == 200
    reply = waiting.reply()
    assert reply.status == 200, reply


def test_nobody_waits_longer_than_said(stage, slow, door):
    """After `wait` in the queue it is 503, as without a queue."""
    gateway = stage.gateway(limited("in_flight: 1, queue: 5, wait: 20ms"), slow, door=door)
    hold(stage, gateway)
    refused = gateway.get("/quick")
    assert (refused.status, refused["retry-after"]) == (503, "1")
    slow.gate.set()


def test_a_body_is_not_read_for_a_refusal(stage, slow):
    """A request is shed by its head: what it would upload is not waited for."""
    gateway = stage.gateway(limited("in_flight: 1"), slow)
    hold(stage, gateway)
    wire = gateway.wire()
    wire.send(stage.request("POST", "/body", "content-type: application/json", "content-length: 1000"))
    assert wire.reply().status == 503
    slow.gate.set()


def test_a_stream_counts_while_it_lasts(stage, slow):
    """The place of a stream is free when its last byte has left."""
    gateway = stage.gateway(limited("in_flight: 1"), slow)
    wire = gateway.wire()
    wire.write("GET", "/stream")
    wire.until(b"\r\n\r\na")
    assert gateway.get("/quick").status == 503
    slow.gate.set()
    wire.until(b"b")
    stage.until(lambda: gateway.app.running.load.under_way == 0)
    assert gateway.get("/quick").status == 200


def test_a_client_that_hangs_up_makes_room(stage, slow, door):
    """Whoever leaves, while it waits or while it is served, gives its place back."""
    gateway = stage.gateway(limited("in_flight: 1, queue: 1, wait: 30s"), slow, door=door)
    held = hold(stage, gateway)
    held.close()
    stage.until(lambda: gateway.app.running.load.under_way == 0)
    assert gateway.get("/quick").status == 200


def test_one_client_does_not_take_all(stage, slow, door):
    """`in_flight_per_address` refuses with 429 who has too many, and counts those behind a trusted proxy each."""
    more = ", trusted_proxies: [127.0.0.1]"
    gateway = stage.gateway(limited("in_flight_per_address: 1", more), slow, door=door)
    hold(stage, gateway, "/slow", "x-forwarded-for: 2001:db8::1")
    refused = gateway.get("/quick", "x-forwarded-for: 2001:db8::2")
    assert (refused.status, refused["retry-after"]) == (429, "1")
    assert gateway.get("/quick", "x-forwarded-for: 2001:db8:0:1::1").status == 200
    slow.gate.set()


def test_connections_of_an_address(stage):
    """One connection too many is closed, and another is taken when one has ended; those of proxies are not counted."""
    gateway = stage.gateway(limited("connections_per_address: 2"))
    first, second = gateway.wire(), gateway.wire()
    assert [first.ask("GET", "/quick").status, second.ask("GET", "/quick").status] == [200, 200]
    assert gateway.wire().ended
    (told,) = gateway.said("A connection was closed: its address has too many.")
    assert (told["client"], told["connections"]) == ("127.0.0.1", 2)
    first.close()
    stage.until(lambda: len(gateway.connections) == 1)
    third = gateway.wire()
    assert third.ask("GET", "/quick").status == 200
    gateway.reload(limited("connections_per_address: 2", ", trusted_proxies: [127.0.0.1]"))
    assert gateway.get("/quick").status == 200


def test_a_reload_changes_the_limits(stage, slow):
    """Other numbers hold from the reload on; a limit that is taken away lets all in that wait."""
    gateway = stage.gateway(limited("in_flight: 1, queue: 5, wait: 30s"), slow)
    hold(stage, gateway)
    waiting = gateway.wire()
    waiting.write("GET", "/quick")
    stage.until(lambda: gateway.app.running.load.waiting == 1)
    gateway.reload(limited("in_flight: 10"))
    assert waiting.reply().status == 200
    slow.gate.set()


@pytest.mark.long
def test_many_that_wait_are_let_in_without_depth():
    """A queue of requests that are answered at once is emptied by a loop, not by a call within a call."""

    async def run():
        load, loop = Load(ClientLimitsPlan(in_flight=1, queue=5000, wait=60.0)), asyncio.get_running_loop()
        first, served, places = load.enter("", loop, lambda: None, lambda _: None), [], {}
        for number in range(5000):

            def begin(number=number):
                served.append(number)
                places[number].leave()

            places[number] = load.enter("", loop, begin, lambda _: None)
        assert isinstance(first, Place)
        first.leave()
        return served, load.under_way, load.waiting

    served, under_way, waiting = asyncio.run(run())
    assert (served, under_way, waiting) == (list(range(5000)), 0, 0)


def test_peers_are_forgotten():
    """Nothing is kept of an address without connections, and a Unix socket has none to count."""
    peers = Peers()
    peers.configure(1, NO_NETWORKS)
    key = peers.enter("192.0.2.1")
    assert key == "192.0.2.1"
    peers.leave(key)
    assert (peers.counts, peers.enter("")) == ({}, "")


@pytest.mark.parametrize(
    ("limits", "hint"),
    [("queue: 5", "in_flight: 2000"), ("in_flight: 5, wait: 1s", "queue: 200")],
)
def test_a_key_without_effect_is_told(limits, hint, tmp_path):
    """A queue of no limit, and a wait in no queue, are problems of the file."""
    path = tmp_path / "routes.yaml"
    path.write_text(f"version: 1\nserver: {{limits: {{{limits}}}}}\nendpoints: {{GET /a: {{respond: {{body: 1}}}}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (found,) = caught.value.diagnostics
    assert found.code == "no-effect"
    assert hint in found.hint
