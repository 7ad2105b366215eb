"""Floods, bounded in number and time, each beside a normal client that goes on asking and is answered all along."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from tiers import other_cell

from aggregator.server.connection.guard import MAX_AHEAD, MAX_AT_ONCE

ROUTES = """
server: {header_timeout: 120s}
endpoints:
  GET /hello: {respond: {body: {hello: world}}}
  GET /call: {call: up:/ok}
  POST /read: {body: {type: object}, respond: {body: {read: true}}}
"""
FLOODERS = 8
HELLO = b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n"
CALL = b"GET /call HTTP/1.1\r\nhost: a\r\n\r\n"
CHUNKED = b"POST /read HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(params=["direct", other_cell("tls"), other_cell("proxied+tls")])
def gateway(stage, request):
    """A server over an upstream that answers at once."""
    upstream = stage.upstream()
    upstream["/ok"] = stage.reply({"ok": True})
    return stage.gateway(ROUTES, upstream, door=request.param)


def beside(gateway, flood: Callable[[int], None]) -> list[float]:
    """Run *flood* in several threads; return how long each answer to a normal client took until they had ended."""
    threads = [threading.Thread(target=flood, args=(number,)) for number in range(FLOODERS)]
    for thread in threads:
        thread.start()
    took: list[float] = []
    with gateway.wire() as wire:
        while any(thread.is_alive() for thread in threads) or len(took) < 3:
            started = time.monotonic()
            assert wire.ask("GET", "/call").status == 200
            took.append(time.monotonic() - started)
    for thread in threads:
        thread.join()
    print(f"worst of {len(took)} answers beside the flood: {max(took) * 1000:.0f} ms")
    return took


@pytest.mark.parametrize("start", [b"GET /hello HTTP/1.1\r\nx: ", b"GET /hello HTTP/1.1\r\n", CHUNKED + b"0\r\nx: "])
def test_fields_without_end(gateway, stage, start):
    """A value, a name, a trailer that never end are cut at their limit: a small part of each flood is taken."""
    statuses: list[int] = []

    def flood(_: int) -> None:
        wire = gateway.wire().send(start)
        with suppress(ConnectionError, TimeoutError):
            for _ in range(256):
                wire.send(b"a" * 16_384)
        with suppress(ConnectionError, stage.Incomplete):
            statuses.append(wire.reply().status)
        wire.close()

    beside(gateway, flood)
    assert set(statuses) <= {431}
    stage.until(lambda: not gateway.connections)


def test_requests_that_nobody_reads_the_answers_of(gateway, stage):
    """Thousands of requests on a connection are parsed as their answers are taken: what is not, holds them back."""
    served = gateway.service.server.server_state
    wires = []

    def flood(_: int) -> None:
        wire = gateway.wire(receive_buffer=4096)
        wires.append(wire)
        wire.socket.settimeout(0.5)
        with suppress(TimeoutError):
            wire.send(HELLO * 100_000)

    before = served.total_requests
    took = beside(gateway, flood)
    answered = served.total_requests - before - len(took)
    assert answered < FLOODERS * 100_000 / 2
    assert all(one._intake.waiting <= MAX_AHEAD + 512 * 1024 for one in gateway.connections)
    for wire in wires:
        wire.close()
    stage.until(lambda: not gateway.connections)


def test_one_connection_has_its_share_of_a_turn(gateway, stage):
    """Of requests that are there at once a connection gets some begun in a turn of the loop, and then others do."""
    begun: list[int] = []
    loop = gateway.service.loop
    state = gateway.service.server.server_state

    def look(last: int) -> None:
        begun.append(state.total_requests - last)
        if len(begun) < 500:
            loop.call_soon(look, state.total_requests)

    wire = gateway.wire()
    assert wire.ask("GET", "/hello").status == 200
    loop.call_soon_threadsafe(look, state.total_requests)
    wire.send(HELLO * 1000)
    assert [wire.reply().status for _ in range(1000)] == [200] * 1000
    stage.until(lambda: len(begun) == 500 or loop.call_soon_threadsafe(lambda: None))
    assert max(begun) <= MAX_AT_ONCE


@pytest.mark.long
def test_hundreds_of_new_connections(gateway, stage):
    """Each of them is answered, and so is who was there before."""
    statuses: list[int] = []

    def flood(_: int) -> None:
        wires = [gateway.wire() for _ in range(40)]
        for wire in wires:
            statuses.append(wire.ask("GET", "/hello").status)
        for wire in wires:
            wire.close()

    beside(gateway, flood)
    assert statuses == [200] * (40 * FLOODERS)
    stage.until(lambda: not gateway.connections)
