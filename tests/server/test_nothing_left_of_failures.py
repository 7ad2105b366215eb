"""A request that fails leaves nothing for the collector of cycles, whatever it failed by and whoever waited for it.

A body that has been read is hundreds of thousands of objects. Left to the collector they are looked through and freed
all at once, in the loop, while everybody waits.
"""

from __future__ import annotations

import gc
from collections import Counter
from types import FrameType, FunctionType

import pytest

from aggregator.runtime.request import hangup

ROUTES = """
plugins: [probe]
upstreams:
  up: {url: "${UP}"}
  slow: {url: "${UP}", timeout: 20ms}
endpoints:
  GET /good: {call: up:/long, response: {body: "{{ call }}"}}
  GET /malformed: {call: up:/malformed, response: {body: "{{ call }}"}}
  GET /read-by-another: {fan_out: {a: up:/malformed, b: "up:/long?id={a.id}"}}
  GET /table: {call: up:/broken-table, response: {body: "{{ call }}"}}
  GET /unwritable: {call: up:/table, response: {body: "{{ call }}", formats: [json, xml]}}
  GET /expression: {call: up:/long, response: {body: "{{ call.a.b + call | length }}"}}
  GET /short-expression: {call: up:/short, response: {body: "{{ call.b | required }}"}}
  GET /joined: {fan_out: {a: up:/ones, b: up:/twos}, response: {target: a, join: [{left: "a[].id", right: "b[].id", into: c, missing: error}]}}
  GET /guarded: {require: [{that: "{{ headers.x == 'a' }}", status: 403}], call: up:/short}
  GET /views: {call: up:/short, response: {body: "{{ calls.call.status }}"}}
  GET /grouped: {fan_out: {a: {fan_out: {b: up:/malformed, c: up:/short}}, d: up:/short}, response: {body: "{{ a }}"}}
  GET /late: {call: slow:/held}
  GET /raises: {call: {url: up:/long, transform: "probe:raises"}}
  GET /kept: {cache: {ttl: 60s}, call: up:/malformed, response: {body: "{{ call }}"}}
  GET /shared: {call: {url: up:/malformed, coalesce: true}, response: {body: "{{ call }}"}}
  POST /declared: {body: {type: array, items: {type: integer}}, call: up:/short}
  POST /once: {idempotency: {}, call: "POST up:/malformed", response: {body: "{{ call }}"}}
"""
FAILING = {
    "/good": 200, "/views": 200, "/grouped": 502, "/malformed": 502, "/read-by-another": 502, "/table": 502, "/unwritable": 502, "/expression": 502,
    "/short-expression": 502, "/joined": 502, "/guarded": 403, "/late": 504, "/raises": 500, "/kept": 502, "/shared": 502,
    "/declared": 422, "/once": 502,
}  # fmt: skip
LONG = b"[" + b'{"id":1},' * 9000
JSON, CSV = {"content-type": "application/json"}, {"content-type": "text/csv"}


@pytest.fixture(scope="module", params=["direct", "asgi"])
def gateway(request, shared_stage):
    """The server, by either way, and an upstream with long bodies."""
    upstream, reply = shared_stage.upstream(), shared_stage.reply
    upstream.answers = {
        "/long": reply(body=LONG + b"{}]", **JSON),
        "/malformed": reply(body=LONG + b";", **JSON),
        "/table": reply(body=b"a b,c\n" + b"1234567,2\n" * 7000, **CSV),
        "/broken-table": reply(body=b"a,b\n" + b'123456,"2' * 7000, **CSV),
        "/short": reply({"a": 1}),
        "/ones": reply([{"id": 1}]),
        "/twos": reply([{"id": 2}]),
        "/held": [shared_stage.HANG],
    }
    (shared_stage.folder / "probe.py").write_text("def raises(value):\n    raise ValueError(value[:1])\n")
    return shared_stage.gateway(ROUTES, upstream, door=request.param)


@pytest.fixture(autouse=True)
def watched(monkeypatch):
    """Each request is watched from the start on, as those are that take their time."""
    monkeypatch.setattr(hangup, "PATIENCE", 0.0)


def _ask(stage, gateway, path, number):
    with gateway.wire() as wire:
        if path in ("/declared", "/once"):
            reply = wire.ask(
                "POST", path, "content-type: application/json", f'idempotency-key: "{number}"', body=LONG + b"{}]"
            )
        else:
            reply = wire.ask("GET", path, *(["accept: application/xml"] if path == "/unwritable" else []))
    stage.until(lambda: not gateway.service.server.server_state.connections and not gateway.in_flight)
    return reply.status


def _module(thing):
    match thing:
        case FrameType():
            return thing.f_globals["__name__"]
        case FunctionType():
            return thing.__module__
    return type(thing).__module__


@pytest.mark.parametrize("path", FAILING)
def test_no_cycle_is_left(shared_stage, gateway, path):
    """No object of ours, no frame and no function is in a cycle once the answer is written."""
    assert _ask(shared_stage, gateway, path, "first") == FAILING[path]
    gc.freeze()  # what is there already is not looked at
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for number in range(2):
            _ask(shared_stage, gateway, path, number)
        gc.collect()
        names = [(_module(thing), type(thing).__name__) for thing in gc.garbage]
        assert Counter(name for module, name in names if module.partition(".")[0] in ("aggregator", "uvicorn")) == {}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
