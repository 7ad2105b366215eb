"""Mistakes of the program itself: each ends one request with 500 and one line in the log, and nothing else."""

from __future__ import annotations

import logging
import re

import pytest
from msgspec.structs import replace

from aggregator.runtime.endpoint.endings import Endings
from aggregator.runtime.finish.leaving import Finishing, whole_maker

ROUTES = """
endpoints:
  GET /hello: {respond: {body: 1}}
  GET /other: {respond: {body: 2}}
  POST /read: {body: {type: object}, respond: {body: 3}}
  GET /call: {timeout: 2s, fan_out: {a: up:/a, b: up:/a}}
"""


class Broken:
    """Stands for a piece that raises what nobody expects."""

    is_plain = True

    def __getattr__(self, name):
        raise ZeroDivisionError(name)


@pytest.fixture(scope="module")
def gateway(shared_stage, door):
    """A server, reached by each door."""
    upstream = shared_stage.upstream()
    upstream["/a"] = shared_stage.reply({"a": 1})
    return shared_stage.gateway(ROUTES, upstream, door=door)


def _handler(gateway, path):
    return next(route.handler for route in gateway.app.running.generation.routes if route.path == path)


def _break(monkeypatch, handler, piece, broken=None):
    routine = replace(handler.routine, **{piece: broken or Broken()})
    endings = Endings(handler.plan, routine)
    monkeypatch.setattr(handler, "routine", routine)
    monkeypatch.setattr(handler, "_endings", endings)
    monkeypatch.setattr(handler, "_whole", whole_maker(routine.leaving, endings.plain))


@pytest.mark.parametrize("piece", ["inputs", "assembly", "order", "clock", "gates"])
def test_a_fault_ends_one_request(gateway, monkeypatch, piece):
    """The client gets a problem that tells nothing, the log says what it was, the connection goes on."""
    _break(monkeypatch, _handler(gateway, "/hello"), piece)
    gateway.records.clear()
    wire = gateway.wire()
    answer = wire.ask("GET", "/hello")
    assert (answer.status, answer.detail) == (500, "The server made a mistake; its log tells more.")
    said = gateway.said("An endpoint failed by a fault of the program.")
    assert [(fields["endpoint"], fields["request_id"]) for fields in said] == [("GET /hello", answer["x-request-id"])]
    assert re.fullmatch(r"\w+ in [\w.]+, \w+\.py:\d+", said[0]["error"]), "its kind and its place, not its words"
    assert wire.ask("GET", "/other").json == 2
    assert gateway.in_flight == 0


def test_a_fault_in_what_every_answer_carries(gateway, monkeypatch):
    """The answer to it goes without that."""
    _break(monkeypatch, _handler(gateway, "/hello"), "leaving", Finishing(finish=Broken()))
    gateway.records.clear()
    wire = gateway.wire()
    answer = wire.ask("GET", "/hello")
    assert (answer.status, answer.detail) == (500, "The server made a mistake; its log tells more.")
    assert {fields["endpoint"] for fields in gateway.said("An endpoint failed by a fault of the program.")} == {
        "GET /hello"
    }
    assert wire.ask("GET", "/other").json == 2
    assert gateway.in_flight == 0


def test_a_fault_on_the_way_to_an_endpoint_is_no_mistake_of_the_client(stage, door):
    """What looks for the endpoint fails: 500 and a line, never the 400 of a request that cannot be parsed."""
    gateway = stage.gateway(ROUTES, stage.upstream(), door=door)
    generation = gateway.app.running.generation
    generation.index = Broken()
    generation.sites.main = replace(generation.sites.main, index=Broken())
    answer = gateway.get("/hello")
    assert (answer.status, answer.detail) == (500, "The server made a mistake; its log tells more.")
    (said,) = gateway.said("An endpoint failed by a fault of the program.")
    assert said["endpoint"] == "GET /hello"
    assert gateway.in_flight == 0


def test_a_fault_while_parts_run_ends_them(gateway, stage, monkeypatch):
    """What was begun before the fault is given up."""
    handler = _handler(gateway, "/call")
    monkeypatch.setattr(handler, "_parts", (handler.parts[0], Broken()))
    answer = gateway.get("/call")
    assert answer.status == 500
    stage.until(lambda: gateway.in_flight == 0)
    stage.until(lambda: all(pool.active == 0 for pool in gateway.app.running.pools))


def test_a_fault_after_the_head_cuts_the_connection(gateway, stage, monkeypatch):
    """What began as an answer is not completed by another one."""
    from aggregator.runtime.endpoint import handler as module

    async def half(send, answer, request_id, *, closing=False):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        raise ZeroDivisionError

    monkeypatch.setattr(module, "send_answer", half)
    wire = gateway.wire().write("POST", "/read", "content-type: application/json", body=b"{}")
    assert wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert wire.ended
    assert gateway.get("/livez").status == 200


def test_where_it_happened_is_told_at_debug(gateway, monkeypatch):
    """The stack is for those who ask for it."""
    _break(monkeypatch, _handler(gateway, "/hello"), "inputs")
    logging.getLogger("aggregator.request").setLevel(logging.DEBUG)
    gateway.get("/hello")
    told = [record for record in gateway.records if record.levelno == logging.DEBUG and record.exc_info]
    assert isinstance(told[0].exc_info[1], ZeroDivisionError)
