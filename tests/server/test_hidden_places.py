"""Places that the file hides are shown nowhere: each is a canary that is looked for in all that is told."""

from __future__ import annotations

import io

import pytest

from aggregator.telemetry.hiding import hidden_places, without_values
from aggregator.telemetry.logging import configure_logging

from .conftest import reply_of

CANARIES = ("card-canary", "query-canary", "header-canary", "agent-canary", "body-canary")
ROUTES = """
telemetry:
  hide: [params.card, query.pin, headers.x-secret, headers.user-agent, body.user.password]
  log:
    access: all
    FORMAT
  traces: {otlp: "${COLLECTOR}", sample: 100%, service: shop}
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /cards/{card}: {call: "up:/cards/{card}"}
  POST /login: {body: {type: object}, call: {method: POST, url: "up:/login", json: "{{ body }}"}}
"""
FIELDS = """format: json
    fields: {a: "{{ headers['x-secret'] }}", b: "{{ query.pin }}", c: "{{ query }}", d: "{{ request.path }}",
             e: "{{ headers['x-seen'] }}"}"""


@pytest.mark.parametrize("form", ["json", "text", "combined"])
def test_hidden_places_are_in_no_line_and_no_span(stage, form):
    """In fields, in paths, in queries, in what the combined format shows; what is beside them is there."""
    upstream, collector, stream = stage.upstream(), stage.upstream(), io.StringIO()
    upstream["/cards/card-canary"] = upstream["/login"] = reply_of({})
    collector["/v1/traces"] = reply_of({})
    text = ROUTES.replace("FORMAT", "format: combined" if form == "combined" else FIELDS)
    gateway = stage.gateway(text, upstream, env={"COLLECTOR": collector.url})
    configure_logging(form, stream=stream)
    gateway.get("/cards/card-canary?pin=query-canary&page=seen-2", "x-secret: header-canary", "x-seen: seen-1",
                "user-agent: agent-canary", "referer: seen-1")  # fmt: skip
    gateway.ask("POST", "/login", "content-type: application/json", body=b'{"user": {"password": "body-canary"}}')
    stage.until(lambda: stream.getvalue().count("\n") >= 2)
    gateway.stop()
    told = stream.getvalue() + "".join(str(request.body) for request in collector.requests)
    assert collector.requests
    assert [canary for canary in CANARIES if canary in told] == []
    assert "/cards/********" in told
    assert "seen-1" in told


def test_what_an_expression_may_show():
    """Neither a hidden place, nor what is below it, nor what holds it."""
    hidden = hidden_places(["headers.X-A", "query.q", "params.card", "body.user.password"])
    shown = {
        ("headers", "x-a"): False, ("headers", "x-b"): True, ("headers",): False, ("query", "q"): False,
        ("query",): False, ("params", "card"): False, ("card",): False, ("params", "id"): True, ("body",): False,
        ("body", "user"): False, ("body", "user", "password", "old"): False, ("body", "user", "name"): True,
        ("request", "path"): False, ("request",): False, ("request", "id"): True, ("cookies",): True,
    }  # fmt: skip
    assert {reference: not hidden.hides(reference) for reference in shown} == shown


def test_bodies_are_masked_where_they_are_hidden():
    """At the place alone, in each item of a list, and in a copy."""
    hidden = hidden_places(["body.user.password"])
    body = {"user": [{"password": "a", "name": "b"}, 1], "x": 1}
    assert hidden.body_value(body) == {"user": [{"password": "********", "name": "b"}, 1], "x": 1}
    assert body["user"][0]["password"] == "a"
    assert hidden.body_value({"other": 1}) == {"other": 1}


def test_parameters_are_masked_in_paths():
    """As they are and percent-encoded, and whole segments only; one that takes the rest of a path, too."""
    hidden = hidden_places(["params.card", "params.rest"])
    values = hidden.values("GET /c/{card}/{rest:path}", (b"a%20b", b"x/y"))
    assert without_values("/c/a b/x/y", values) == "/c/********/********"
    assert without_values("/v1/a%20b?x", values) == "/v1/a%20b?x"
    assert without_values("/v1/a%20b", values) == "/v1/********"
    assert without_values("/c/1", ("",)) == "/c/1"


def test_a_query_keeps_what_is_not_hidden():
    """Order and spelling of the rest stay."""
    hidden = hidden_places(["query.pin"])
    assert hidden.query_text("a=1&pin=2&b&p%69n=3") == "a=1&pin=********&b&p%69n=********"
