"""The same requests by every way into the application: all get the same answers."""

from __future__ import annotations

import itertools

import pytest
from starlette.testclient import TestClient

ROUTES = """
upstreams:
  up: {url: "${UP}"}
  dead: {url: "http://127.0.0.1:1"}
server: {debug: {secret: open-sesame}}
endpoints:
  GET /hello: {respond: {body: {hello: world}}}
  GET /none: {respond: {status: 204}}
  GET /text: {respond: {body: hello, headers: {content-type: text/plain, x-a: "1"}}}
  GET /users/{id}: {params: {id: integer}, call: "up:/users/{id}"}
  GET /all:
    query: {page: {type: integer, default: 1}}
    fan_out: {a: "up:/users/1", b: {url: "up:/users/1", query: {page: "{{ query.page }}"}}, c: {url: "dead:/", optional: true}}
  GET /failing: {fan_out: {a: up:/users/1, b: up:/nope}}
  GET /mapped: {call: up:/nope, status_map: {404: {status: 410, detail: "gone {{ request.path }}", headers: {x-b: "2"}}}}
  GET /own: {call: up:/nope, status_map: {404: {status: 200, body: {fine: true}}}}
  GET /computed: {fan_out: {a: up:/users/1}, response: {status: "{{ 200 + a.id }}", body: {n: "{{ a.id }}"}}}
  GET /broken: {fan_out: {a: up:/users/1}, response: {body: "{{ a.name.first.x }}"}}
  GET /tagged: {respond: {body: 1}}
  GET /dead: {call: dead:/}
  PUT /things/{id}: {body: {type: object}, call: {method: PUT, url: "up:/things/{id}", json: "{{ body }}"}}
"""
REQUESTS = [
    ("GET", "/hello"), ("HEAD", "/hello"), ("GET", "/none"), ("GET", "/text"), ("GET", "/users/1"), ("HEAD", "/users/1"),
    ("GET", "/users/x"), ("GET", "/users/99"), ("GET", "/all"), ("GET", "/all?page=7"), ("GET", "/all?page=x"), ("GET", "/failing"),
    ("GET", "/mapped"), ("GET", "/own"), ("GET", "/computed"), ("GET", "/broken"), ("GET", "/dead"), ("GET", "/nope"), ("POST", "/hello"),
    ("OPTIONS", "/users/1"), ("GET", "/users/%2e%2e"), ("GET", "/users/%ff"), ("GET", "/users/%zz"), ("PUT", "/things/1"),
    ("DELETE", "/things/1"), ("GET", "/users/1?a=%ff"), ("GET", "/livez"), ("GET", "/hello/"), ("HEAD", "/nope"),
]  # fmt: skip
CHANGING = {"date", "connection", "aggregator-parts", "content-length", "server-timing"}


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream with one user and one thing."""
    upstream = shared_stage.upstream()
    upstream["/users/1"] = shared_stage.reply({"id": 1})
    upstream["/things/1"] = lambda request: shared_stage.reply(body=request.body)
    return upstream


@pytest.fixture(scope="module")
def gateways(shared_stage, upstream):
    """The server by its short way, by ASGI, and over a stock client of httpx."""
    stock = "client: {transport: httpx}\n" + ROUTES
    return [
        shared_stage.gateway(ROUTES, upstream),
        shared_stage.gateway(ROUTES, upstream, door="asgi"),
        shared_stage.gateway(stock, upstream),
    ]


@pytest.fixture(scope="module")
def test_clients(shared_stage, upstream):
    """The application without a server."""
    gateway = shared_stage.gateway(ROUTES, upstream)
    gateway.stop()
    with TestClient(gateway.app, raise_server_exceptions=True) as client:
        yield [client]


LINES = [[], ["x-request-id: same", "x-debug: open-sesame"], ["accept: text/html", "content-type: application/json"]]


@pytest.mark.parametrize(("method", "target"), REQUESTS)
@pytest.mark.parametrize("lines", LINES)
def test_all_ways_give_the_same_answer(gateways, test_clients, method, target, lines):
    """Status, headers and body are equal, down to the order of headers where nothing changes them on the way."""
    lines = ["x-request-id: same", *lines]
    body = b'{"a": 1}' if method == "PUT" else b""
    answers = [_seen(gateway.ask(method, target, *lines, body=body)) for gateway in gateways]
    answers += [_seen_by(client, method, target, lines, body) for client in test_clients]
    for one, other in itertools.pairwise(answers):
        assert one == other


def _seen(answer):
    headers = [(name, value) for name, value in answer.headers if name not in CHANGING]
    return answer.status, headers, _steady(answer.body), int(answer["content-length"] or 0) > 0


def _seen_by(client, method, target, lines, body):
    headers = dict(line.split(": ") for line in lines)
    answer = client.request(method, f"http://gateway{target}", headers=headers, content=body or None)
    found = [(k.decode(), v.decode()) for k, v in answer.headers.raw if k.decode() not in CHANGING]
    return answer.status_code, found, _steady(answer.content), int(answer.headers.get("content-length", 0)) > 0


def _steady(body):
    """Return *body* without times, which differ."""
    import re

    return re.sub(rb'"ms":[0-9.]+', b'"ms":0', body)
