"""Errors in the words of the file: another status, another body, a page by ``Accept``; wherever the error is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator import load_config
from aggregator.errors import ConfigError
from aggregator.http import phrase
from tests.server.conftest import Gateway, Stage, reply_of

ROUTES = """
server:
  max_body: 10B
  errors:
    404: {body: {error: not_found, path: "{{ request.path }}"}, html: "<h1>{{ problem.detail | xml_escape }}</h1>"}
    422: {status: 400}
    5xx: {body: {error: "{{ problem.title }}", id: "{{ request.id }}"}}
    504: {body: "too late: {{ problem.cause }}"}
    413: {status: 204}
    414: {body: {error: "{{ problem.title }}"}}
    405: {body: {broken: "{{ query.a | int }}"}}
endpoints:
  GET /missing: {call: up:/missing}
  GET /passed: {call: up:/missing, status_map: {404: {pass: true}}}
  GET /mapped: {call: up:/missing, status_map: {404: {status: 404, body: {mine: true}}}}
  GET /detailed: {call: up:/missing, status_map: {404: {status: 404, detail: No such user}}}
  GET /typed/{n}: {params: {n: integer}, call: up:/missing}
  GET /broken: {call: up:/broken}
  GET /late: {timeout: 100ms, call: up:/silent}
  GET /stream: {stream: true, call: up:/missing}
  POST /people: {body: {type: object}, call: {method: POST, url: up:/broken, json: "{{ body }}"}}
"""


@pytest.fixture(scope="module")
def gateway(shared_stage: Stage, door: str) -> Gateway:
    """The server over all of these endpoints, by either way."""
    upstream = shared_stage.upstream()
    upstream["/missing"] = reply_of({"theirs": True}, 404)
    upstream["/broken"] = reply_of({}, 500)
    upstream["/silent"] = ["hang"]
    return shared_stage.gateway(ROUTES, upstream, door=door)


def test_a_status_has_a_body_of_its_own(gateway: Gateway) -> None:
    """A failed call, a stream that failed, and a path without an endpoint are told alike."""
    for path in ("/missing", "/stream", "/nowhere", "/detailed"):
        reply = gateway.get(path)
        assert (reply.status, reply["content-type"]) == (404, "application/json")
        assert reply.json == {"error": "not_found", "path": path}
        assert reply["cache-control"] == "no-store"


def test_a_browser_gets_a_page(gateway: Gateway) -> None:
    """`Accept` decides between body and page, and what a client sent is escaped where the file says so."""
    reply = gateway.get("/nowhere", "accept: text/html,*/*;q=0.8")
    assert (reply.status, reply["content-type"]) == (404, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<h1>Nothing is served at this path")
    assert "Accept" in reply.all("vary")
    assert gateway.get("/nowhere", "accept: application/json")["content-type"] == "application/json"


def test_a_problem_follows_its_status(gateway: Gateway) -> None:
    """With another status the body stays, and says the status that was sent."""
    reply = gateway.get("/typed/x")
    assert reply.status == 400
    assert (reply.json["status"], reply.json["title"]) == (400, "Bad Request")
    assert reply.json["errors"][0]["location"] == "path"


def test_a_class_is_for_what_has_no_row(gateway: Gateway) -> None:
    """An exact status counts before its class; a text is sent as text."""
    reply = gateway.get("/broken")
    assert (reply.status, reply.json) == (502, {"error": "Bad Gateway", "id": reply["x-request-id"]})
    reply = gateway.get("/late")
    assert (reply.status, reply["content-type"], reply.body) == (
        504,
        "text/plain; charset=utf-8",
        b"too late: deadline",
    )


def test_other_words_stay(gateway: Gateway) -> None:
    """A body that a status map gives, and one that an upstream gave and passes, are no problems of ours."""
    assert gateway.get("/mapped").json == {"mine": True}
    assert gateway.get("/passed").json == {"theirs": True}


def test_words_that_cannot_be_made_leave_the_problem(gateway: Gateway) -> None:
    """An error is answered whatever its template does."""
    reply = gateway.ask("PUT", "/missing?a=x")
    assert (reply.status, reply["content-type"]) == (405, "application/problem+json")


def test_a_refused_body_and_a_refused_head_have_them(gateway: Gateway) -> None:
    """What is refused before it is read is told in the same words; a status without a body has none."""
    reply = gateway.ask("POST", "/people", "content-type: application/json", body=b'{"too": "long"}')
    assert (reply.status, reply.body) == (204, b"")
    with gateway.wire() as wire:
        wire.send(f"GET /{'a' * 20000} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
        reply = wire.reply()
    assert (reply.status, reply.json) == (414, {"error": phrase(414)})


WRONG = [
    ("{404: {body: '{{ problem.titel }}'}}", "unknown-field"),
    ("{404: {body: '{{ user }}'}}", "unknown-name"),
    ("{302: {status: 404}}", "bad-status-key"),
    ("{timeout: {status: 404}}", "bad-status-key"),
    ("{404: {}}", "no-effect"),
    ("[{on: 404, status: 410}, {on: 404, status: 400}]", "no-effect"),
    ("{404: {html: '<p>{{ request.path }}</p>'}}", "unescaped"),
]


@pytest.mark.parametrize(("errors", "code"), WRONG)
def test_what_cannot_be_is_said_at_load(tmp_path: Path, errors: str, code: str) -> None:
    """Each mistake has its code, and a place in the file."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        f"version: 1\nserver:\n  errors: {errors}\nendpoints: {{GET /: {{respond: {{body: 1}}}}}}\n", encoding="utf-8"
    )
    try:
        found = [*load_config(file).warnings]
    except ConfigError as error:
        found = [*error.diagnostics]
    assert [(problem.code, problem.position.line) for problem in found] == [(code, 3)]
