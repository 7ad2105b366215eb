"""One endpoint for several methods: `GET|HEAD` and `ANY`, each method as an endpoint of its own would have it."""

from __future__ import annotations

import json

import pytest

FILE = """
server: {cors: {origins: [https://shop.example.com]}}
upstreams: {up: {url: "${UP}"}}
endpoints:
  ANY /old/{rest:path}: {forward: {headers: all, query: all, body: true}, call: "up:/{rest}", response: {pass: all}}
  GET /old/exact: {respond: {body: exact}}
  ANY /mixed: {cors: none, forward: {body: true}, call: up:/echo}
  GET|POST /mixed: {cors: none, respond: {body: named}}
  GET|HEAD /file/{name}: {operation_id: file, stream: true, call: "up:/{name}"}
  GET|HEAD /raw/{name}: {call: "up:/{name}"}
  GET|HEAD /made/{name}: {call: "up:/{name}", response: {body: {size: "{{ call.size }}"}}}
  GET|POST /read: {respond: {body: {got: "{{ body }}"}}}
  GET|POST /typed: {body: {type: object, required: [a]}, forward: {body: true}, call: up:/echo}
"""
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream that has a file of 1000 bytes, and takes anything."""
    up = shared_stage.upstream()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n"
    up["/big"] = lambda request: head + (b"" if request.method == "HEAD" else b"x" * 1000)
    up["/sized"] = shared_stage.reply({"size": 3})
    body = b'{"ok": true}'
    answered = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    up["/echo"] = lambda request: answered + (b"" if request.method == "HEAD" else body)
    return up


@pytest.fixture(scope="module")
def served(shared_stage, upstream, door):
    """The server, reached by each door."""
    return shared_stage.gateway(FILE, upstream, door=door)


@pytest.mark.parametrize("method", METHODS)
def test_any_passes_the_method_of_the_client_on(served, upstream, method):
    """OPTIONS and HEAD too; a body goes with the methods that have one."""
    body = b"text" if method in ("POST", "PUT", "PATCH", "DELETE") else b""
    answer = served.ask(method, "/old/echo?a=1", body=body)
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b'{"ok": true}')
    assert (upstream.last.method, upstream.last.target, upstream.last.body) == (method, "/echo?a=1", body)


def test_a_preflight_is_ours(served, upstream):
    """It is answered with what the endpoint's CORS allows, and never goes on; any other OPTIONS does."""
    before = len(upstream.requests)
    lines = ("origin: https://shop.example.com", "access-control-request-method: PUT")
    answer = served.ask("OPTIONS", "/old/echo", *lines)
    assert (answer.status, answer["access-control-allow-origin"]) == (204, "https://shop.example.com")
    assert len(upstream.requests) == before
    assert served.ask("OPTIONS", "/mixed", *lines).status == 200
    assert upstream.last.method == "OPTIONS"


def test_who_names_a_method_has_it(served, upstream):
    """What is left goes to ANY; HEAD goes with GET."""
    assert served.get("/old/exact").json == "exact"
    assert (served.get("/mixed").json, served.ask("POST", "/mixed").json) == ("named", "named")
    before = len(upstream.requests)
    assert served.ask("HEAD", "/mixed").status == 200
    assert len(upstream.requests) == before
    assert served.ask("DELETE", "/mixed").json == {"ok": True}
    assert upstream.last.method == "DELETE"


@pytest.mark.parametrize("path", ["/file/big", "/raw/big"])
def test_head_stays_head_where_the_reply_is_the_answer(served, upstream, path):
    """No body is fetched only to be thrown away, and its length is told."""
    assert (served.get(path).body, upstream.last.method) == (b"x" * 1000, "GET")
    answer = served.ask("HEAD", path)
    assert (answer.status, answer["content-length"], answer.body) == (200, "1000", b"")
    assert upstream.last.method == "HEAD"


def test_head_is_get_where_the_reply_is_read(served, upstream):
    """An answer that is made of the body needs it."""
    answer = served.ask("HEAD", "/made/sized")
    assert (answer.status, upstream.last.method) == (200, "GET")
    assert answer["content-length"] == served.get("/made/sized")["content-length"]


def test_a_body_is_asked_of_the_methods_that_have_one(served, upstream):
    """GET needs none, and sends none."""
    assert served.get("/typed").status == 200
    assert (upstream.last.method, upstream.last.body) == ("GET", b"")
    assert served.ask("POST", "/typed", "content-type: application/json", body=b"{}").status == 422
    assert served.ask("POST", "/typed", "content-type: application/json", body=b'{"a":1}').status == 200


def test_other_methods_are_refused_with_what_there_is(served):
    """405 lists the methods of the path; a path with ANY has all of them."""
    answer = served.ask("DELETE", "/raw/big")
    assert (answer.status, answer["allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = served.ask("TRACE", "/old/echo")
    assert (answer.status, answer["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")


def test_the_document_has_an_operation_for_each(served):
    """Each has a name of its own, and what its method has: no body for GET, no content for HEAD."""
    paths = json.loads(served.get("/openapi.json").body)["paths"]
    assert set(paths["/old/{rest}"]) == {method.lower() for method in METHODS}
    assert paths["/old/{rest}"]["patch"]["operationId"] == "patch_old_by_rest"
    assert {method: one["operationId"] for method, one in paths["/file/{name}"].items()} == {
        "get": "file_get", "head": "file_head",
    }  # fmt: skip
    assert "requestBody" in paths["/typed"]["post"]
    assert "requestBody" not in paths["/typed"]["get"]
    assert "content" not in paths["/file/{name}"]["head"]["responses"]["200"]
    assert set(paths["/mixed"]) == {"put", "patch", "delete", "options", "get", "post"}
    ids = [one["operationId"] for path in paths.values() for one in path.values()]
    assert len(set(ids)) == len(ids)


def test_a_body_that_is_not_there_is_null(served):
    """An expression may read it whatever the method; an endpoint of several counts as one."""
    assert served.get("/read").json == {"got": None}
    assert served.ask("POST", "/read", "content-type: application/json", body=b"1").json == {"got": 1}
    assert served.get("/-/config").json["endpoints"] == 9
