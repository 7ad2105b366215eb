"""A connection that has ended leaves nothing for the collector of cycles, whichever way it ended."""

from __future__ import annotations

import gc
from collections import Counter

import pytest

ROUTES = """
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /x: {call: up:/x}
  GET /stream: {stream: true, call: up:/x}
  POST /x: {forward: {body: true}, call: "POST up:/x"}
  POST /held: {forward: {body: true}, call: "POST up:/held"}
  GET /dead: {call: "http://127.0.0.1:9/"}
"""
JSON = "content-type: application/json"


@pytest.fixture
def upstream(stage):
    """An upstream that answers, and one path that never does."""
    upstream = stage.upstream()
    upstream.answers = {"/x": stage.reply({"a": 1}), "/held": [stage.HANG]}
    return upstream


@pytest.fixture
def gateway(stage, upstream, door):
    """The server, by either way."""
    return stage.gateway(ROUTES, upstream, door=door)


def _settled(stage, gateway):
    stage.until(lambda: not gateway.service.server.server_state.connections and not gateway.in_flight)


def _answered(stage, gateway, upstream):
    with gateway.wire() as wire:
        wire.ask("GET", "/x")
        wire.ask("POST", "/x", JSON, body=b"{}")
        wire.ask("GET", "/stream")


def _closed_by_us(stage, gateway, upstream):
    with gateway.wire() as wire:
        wire.ask("POST", "/x", JSON, "connection: close", body=b"{}")


def _failed(stage, gateway, upstream):
    with gateway.wire() as wire:
        wire.ask("GET", "/dead")
        wire.ask("POST", "/x", JSON, body=b"{")
        wire.ask("GET", "/livez")


def _gone_during_the_call(stage, gateway, upstream):
    with gateway.wire() as wire:
        before = len(upstream.requests)
        wire.write("POST", "/held", JSON, body=b"{}")
        stage.until(lambda: len(upstream.requests) > before)


def _gone_in_the_body(stage, gateway, upstream):
    with gateway.wire() as wire:
        wire.write("POST", "/x", JSON, "content-length: 100", body=b"{")
        stage.until(lambda: gateway.service.server.server_state.connections)


def _ours(things):
    """Count *things* by type, without those of the upstream that stands beside the server in this process."""
    kinds = [type(thing) for thing in things]
    return Counter(kind.__name__ for kind in kinds if kind.__module__.partition(".")[0] in ("aggregator", "uvicorn"))


@pytest.mark.parametrize("end", [_answered, _closed_by_us, _failed, _gone_during_the_call, _gone_in_the_body])
def test_no_cycle_is_left(stage, gateway, upstream, end):
    """What is left costs memory until the collector runs, which under load is long, and then a pause for everybody."""
    end(stage, gateway, upstream)
    _settled(stage, gateway)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(5):
            end(stage, gateway, upstream)
        _settled(stage, gateway)
        gc.collect()
        assert _ours(gc.garbage) == {}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
