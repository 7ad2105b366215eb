"""What every answer carries, whoever makes it: headers and CORS on successes, failures and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from aggregator import create_app, load_config
from aggregator.errors import ConfigError
from tests.server.conftest import Gateway, Stage, reply_of

KEYS = f"- {{name: acme, sha256: {'ab' * 32}}}\n"
SHOP = "origin: https://shop.example.com"
ROUTES = """
server:
  max_body: 10B
  security_headers: strict
  headers: {x-served-by: aggregator, referrer-policy: origin, vary: accept-language}
  cors: {origins: ["https://shop.example.com", "https://*.preview.example.com"], headers: [content-type], expose: [x-request-id], credentials: true, max_age: 10m}
auth: {partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}}
defaults: {response: {headers: {x-default: one, x-nearer: far}}}
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /hello: {respond: {body: hi}}
  GET /passed: {call: up:/users}
  GET /typed/{n}: {params: {n: integer}, call: up:/users}
  GET /missing: {call: up:/missing}
  GET /stream: {stream: true, call: up:/users}
  GET /stream/missing: {stream: true, call: up:/missing}
  POST /people: {body: {type: object}, call: {method: POST, url: up:/users, json: "{{ body }}"}}
  GET /own:
    cors: {origins: any}
    call: up:/missing
    response: {headers: {on: always, values: {x-path: "{{ request.path }}", x-served-by: endpoint, x-nearer: near, x-frame-options: null}}}
  GET /inside: {allow_from: [10.0.0.0/8], respond: {body: hi}}
  GET /known: {auth: partners, respond: {body: hi}}
  GET /known/stream: {auth: partners, stream: true, call: up:/users}
  GET /closed: {cors: none, respond: {body: hi}}
"""


@pytest.fixture(scope="module")
def gateway(shared_stage: Stage) -> Gateway:
    """The server over all of these endpoints."""
    (shared_stage.folder / "keys.yaml").write_text(KEYS)
    upstream = shared_stage.upstream()
    upstream["/users"] = reply_of([1], access_control_allow_origin="*")
    upstream["/missing"] = reply_of({}, 404)
    return shared_stage.gateway(ROUTES.replace("${UP}", upstream.url))


EVERYWHERE = [
    ("GET", "/hello", 200),
    ("GET", "/passed", 200),
    ("GET", "/typed/x", 422),
    ("GET", "/missing", 404),
    ("GET", "/stream", 200),
    ("GET", "/stream/missing", 404),
    ("GET", "/inside", 403),
    ("GET", "/known", 401),
    ("GET", "/known/stream", 401),
    ("GET", "/nowhere", 404),
    ("PUT", "/hello", 405),
    ("OPTIONS", "/hello", 204),
    ("GET", "/%zz", 400),
    ("GET", "/openapi.json", 200),
    ("GET", "/livez", 200),
]


@pytest.mark.parametrize(("method", "target", "status"), EVERYWHERE)
def test_every_answer_carries_what_is_declared(gateway: Gateway, method: str, target: str, status: int) -> None:
    """Successes, failures, refusals, pages and probes carry the server's headers, and CORS for an allowed origin."""
    reply = gateway.ask(method, target, SHOP)
    assert reply.status == status
    assert reply.all("x-served-by") == ["aggregator"]
    assert reply.all("x-content-type-options") == ["nosniff"]
    assert reply.all("referrer-policy") == ["origin"]
    assert reply.all("access-control-allow-origin") == ["https://shop.example.com"]
    assert reply["access-control-allow-credentials"] == "true"
    assert reply["access-control-expose-headers"] == "x-request-id"
    assert {"Origin", "accept-language"} <= {*reply.all("vary")}


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [(("content-type: application/json",), b'{"too": "long a body"}', 413), (("content-type: text/csv",), b"a", 415)],
)
def test_a_refused_body_carries_them_too(gateway: Gateway, lines: tuple[str, ...], body: bytes, status: int) -> None:
    """A page of an allowed origin can read why its body was refused."""
    reply = gateway.ask("POST", "/people", SHOP, *lines, body=body)
    assert (reply.status, reply["access-control-allow-origin"]) == (status, "https://shop.example.com")


def test_a_refused_head_carries_them_too(gateway: Gateway) -> None:
    """What is refused before anybody knows where it goes is readable for the page that sent it."""
    with gateway.wire() as wire:
        wire.send(f"GET /{'a' * 20000} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
        reply = wire.reply()
    assert (reply.status, reply["x-served-by"], reply["access-control-allow-origin"]) == (414, "aggregator", None)
    with gateway.wire() as wire:
        wire.send(f"GET / HTTP/1.1\r\nhost: a\r\n{SHOP}\r\nhost: b\r\n\r\n".encode())
        reply = wire.reply()
    assert (reply.status, reply["access-control-allow-origin"]) == (400, "https://shop.example.com")


def test_an_origin_that_is_not_allowed_learns_nothing(gateway: Gateway) -> None:
    """Its answers have `Vary: Origin`, nothing of what it sent, and nothing of what the upstream allows."""
    for target in ("/hello", "/passed", "/nowhere"):
        reply = gateway.get(target, "origin: https://evil.example.com")
        assert [name for name, _ in reply.headers if name.startswith("access-control")] == []
        assert "Origin" in reply.all("vary")


def test_what_the_process_tells_of_itself_is_for_no_page(gateway: Gateway) -> None:
    """`/-/` has the headers of every answer and no word of CORS."""
    reply = gateway.get("/-/config", SHOP)
    assert (reply.status, reply["x-served-by"], reply["access-control-allow-origin"]) == (200, "aggregator", None)


def test_a_preflight_is_answered_where_something_is_declared(gateway: Gateway) -> None:
    """The path tells which methods there are; one that it does not have, and an unknown path, get no leave."""
    asks = (SHOP, "access-control-request-method: POST", "access-control-request-headers: content-type")
    reply = gateway.ask("OPTIONS", "/people", *asks)
    assert reply.status == 204
    assert reply["access-control-allow-methods"] == "POST"
    assert reply["access-control-allow-headers"] == "content-type"
    assert reply["access-control-max-age"] == "600"
    assert reply["x-served-by"] == "aggregator"
    assert gateway.ask("OPTIONS", "/hello", *asks)["access-control-allow-methods"] is None
    assert gateway.ask("OPTIONS", "/nowhere", *asks).status == 404
    known = gateway.ask("OPTIONS", "/known", SHOP, "access-control-request-method: GET")
    assert known["access-control-allow-methods"] == "GET, HEAD", "a preflight has no credentials"
    refused = gateway.ask("OPTIONS", "/people", *asks[:2], "access-control-request-headers: x-secret")
    assert (refused.status, refused["access-control-allow-origin"]) == (204, None)


def test_the_nearest_word_on_cors_counts_whole(gateway: Gateway) -> None:
    """An endpoint replaces what the server says, or switches it off."""
    reply = gateway.get("/own", "origin: https://anybody.example")
    assert reply.all("access-control-allow-origin") == ["*"]
    assert reply["access-control-allow-credentials"] is None
    reply = gateway.get("/closed", SHOP)
    assert (reply["access-control-allow-origin"], reply.all("vary")) == (None, ["accept-language"])
    asks = (SHOP, "access-control-request-method: GET")
    reply = gateway.ask("OPTIONS", "/closed", *asks)
    assert (reply.status, reply["allow"], reply["x-served-by"]) == (204, "GET, HEAD, OPTIONS", "aggregator")
    assert [name for name, _ in reply.headers if name.startswith("access-control-")] == []


def test_where_every_endpoint_is_closed_a_preflight_names_no_origin(stage: Stage) -> None:
    """`cors: none` on the only endpoint leaves nothing of `server.cors` for it, whatever the preflight asks."""
    file = "server: {cors: {origins: [https://shop.example.com]}}\nendpoints: {POST /closed: {cors: none, respond: {body: hi}}}"
    reply = stage.gateway(file).ask("OPTIONS", "/closed", SHOP, "access-control-request-method: POST")
    assert (reply.status, reply["access-control-allow-origin"]) == (204, None)


def test_the_nearest_word_on_a_header_counts(gateway: Gateway) -> None:
    """With `on: always` a failure has the headers of its endpoint; null takes away what is further out."""
    reply = gateway.get("/own")
    assert reply.status == 404
    assert reply.all("x-served-by") == ["endpoint"]
    assert (reply["x-path"], reply["x-nearer"], reply["x-frame-options"]) == ("/own", "near", None)
    assert gateway.get("/hello")["x-nearer"] == "far"
    assert gateway.get("/missing")["x-default"] is None, "without `always` only successes have it"


def test_both_doors_carry_the_same(gateway: Gateway, tmp_path: Path) -> None:
    """By ASGI the answers have the same headers as by the server of our own."""
    (tmp_path / "keys.yaml").write_text(KEYS)
    (tmp_path / "routes.yaml").write_text("version: 1\n" + ROUTES.replace("${UP}", "http://127.0.0.1:9"))
    with TestClient(create_app(load_config(tmp_path / "routes.yaml"))) as client:
        for target in ("/hello", "/nowhere", "/typed/x", "/docs"):
            answer = client.get(target, headers={"origin": "https://shop.example.com"})
            assert answer.headers["x-served-by"] == "aggregator"
            assert answer.headers["access-control-allow-origin"] == "https://shop.example.com"
        assert "script-src 'self'" in client.get("/docs").headers["content-security-policy"]


WRONG = [
    ("server: {cors: {origins: [https://a.example/x]}}", "an origin has no path", "https://a.example"),
    ("server: {cors: {origins: [a.example]}}", "an origin has a scheme", "https://a.example"),
    ("server: {cors: {origins: any, credentials: true}}", "Browsers refuse credentials", "name the origins"),
    ('server: {cors: {origins: ["*"], credentials: true}}', "Browsers refuse credentials", "name the origins"),
    ("server: {headers: {content-length: '1'}}", "cannot be set", "remove it"),
    ("server: {headers: {x: 'a{{ query.b }}'}}", "nothing evaluates an expression here", "write what it is"),
    ("defaults: {response: {headers: {x: '{{ user.name }}'}}}", "user", ""),
    ("defaults: {response: {headers: {on: error, values: {x: '1'}}}}", "is not a choice for `on`", "success, always"),
    ("defaults: {response: {headers: {on: always}}}", "the key `values` is missing", "values"),
]


@pytest.mark.parametrize(("text", "message", "hint"), WRONG)
def test_what_cannot_be_is_said_at_load(tmp_path: Path, text: str, message: str, hint: str) -> None:
    """Each mistake has its place and a way out."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{text}\nendpoints: {{GET /: {{respond: {{body: 1}}}}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "routes.yaml")
    [problem] = caught.value.diagnostics
    assert message.lower() in problem.message.lower(), problem
    assert hint in (problem.hint or ""), problem


def test_methods_are_not_for_one_endpoint(tmp_path: Path) -> None:
    """An endpoint has one method, so its `cors` names none; with `on: always` no header reads a result."""
    (tmp_path / "routes.yaml").write_text(
        "version: 1\nupstreams: {u: {url: 'http://u'}}\nendpoints:\n"
        "  GET /a: {cors: {origins: any, methods: [GET]}, respond: {body: 1}}\n"
        "  GET /b: {call: u:/, response: {headers: {on: always, values: {x: '{{ call.id }}'}}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "routes.yaml")
    assert sorted(problem.code for problem in caught.value.diagnostics) == ["unknown-key", "unknown-name"]
