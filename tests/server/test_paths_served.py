"""Which endpoint a path means, however it is written, and what of it goes upstream."""

from __future__ import annotations

import pytest

ROUTES = """
endpoints:
  GET /public/{name}: {call: "up:/public/{name}"}
  GET /admin: {respond: {body: {secret: 1}}}
  GET /app: {respond: {body: {app: 1}}}
  GET /users/{id}/orders: {call: "up:/users/{id}/orders"}
  GET /files/{rest:path}: {call: "up:/files/{rest:path}"}
  GET /search: {call: {url: up:/search, query: {q: "{{ query.q | default(none) }}"}}}
  GET /seen/{text}: {respond: {body: {text: "{{ text }}"}}}
  GET /: {respond: {body: {root: 1}}}
  GET /shaped:
    fan_out: {a: up:/a}
    response: {fields: true}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    upstream = shared_stage.upstream()
    answer = lambda request: shared_stage.reply({"target": request.target})  # noqa: E731
    upstream.answers = _Always(answer)
    return upstream


class _Always(dict):
    def __init__(self, answer):
        self.answer = answer

    def get(self, _, default=None):
        return self.answer


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    return shared_stage.gateway(ROUTES, upstream, door=door)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/public/../admin", 400), ("/public/%2e%2e/admin", 400), ("/public/..%2fadmin", 400), ("/public/%2E", 400),
        ("/public/..", 400), ("/public//x", 400), ("//admin", 400), ("/ADMIN", 404), ("/admin/", 404),
        ("/admin;x=1", 404), ("/admin%20", 404), ("/apple", 404), ("/app/", 404), ("/%61pp", 200), ("/app%00", 404),
        ("/public/a%zz", 400), ("/public/a%", 400), ("/public/%c0%ae", 400), ("/public/%ff", 400), ("/%2e%2e/admin", 400),
        ("/x#y", 400), ("/", 200), ("/?a", 200), ("/app?", 200),
    ],
)  # fmt: skip
def test_a_path_means_one_endpoint_or_none(gateway, path, status):
    """Dots, doubled slashes, broken escapes and look-alikes never lead to another endpoint."""
    assert gateway.get(path).status == status


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("/public/a%2Fb", "/public/a%2Fb"), ("/public/a%252Fb", "/public/a%252Fb"), ("/public/a%3Fx%3D1", "/public/a%3Fx%3D1"),
        ("/public/a%26b%23c", "/public/a%26b%23c"), ("/public/a%0d%0aX-Evil:1", "/public/a%0D%0AX-Evil%3A1"),
        ("/public/a%5Cb", "/public/a%5Cb"), ("/public/%C3%A9", "/public/%C3%A9"), ("/public/a+b", "/public/a%2Bb"),
        ("/public/%EF%BC%8E%EF%BC%8E", "/public/%EF%BC%8E%EF%BC%8E"), ("/users/1%3Fadmin=true/orders", "/users/1%3Fadmin%3Dtrue/orders"),
        ("/files/a/b/c", "/files/a/b/c"), ("/files/a/b/", "/files/a/b/"), ("/files/a/", "/files/a/"), ("/public/x?admin=true", "/public/x"), ("/search?q=a%26admin%3D1", "/search?q=a%26admin%3D1"),
        ("/search?q=a+b&other=1", "/search?q=a%20b"), ("/search", "/search"),
    ],
)  # fmt: skip
def test_a_value_stays_one_segment_or_one_value(gateway, sent, received):
    """What the client put into a segment or a value is encoded anew: it adds no slash, no query and no header."""
    assert gateway.get(sent).json["target"] == received


def test_dots_never_reach_an_upstream(gateway, upstream):
    """A segment of dots is refused before any call, plain or encoded."""
    calls = len(upstream.requests)
    for path in ("/users/../orders", "/users/./orders", "/users/%2e%2e/orders", "/files/a/../b", "/files/%2E%2E"):
        assert gateway.get(path).status == 400, path
    assert len(upstream.requests) == calls


def test_no_redirect_is_made_from_the_host(gateway):
    """A path that differs by its slash alone is not found; nothing points to the Host that a client made up."""
    answer = gateway.ask("GET", "/admin/")
    assert (answer.status, answer["location"]) == (404, None)


@pytest.mark.parametrize("path", ["/seen/caf%C3%A9", "/seen/a%2Fb", "/seen/100%25"])
def test_expressions_see_decoded_text(gateway, path):
    """A path parameter is text in expressions: decoded once."""
    texts = {"/seen/caf%C3%A9": "café", "/seen/a%2Fb": "a/b", "/seen/100%25": "100%"}
    assert gateway.get(path).json == {"text": texts[path]}


@pytest.mark.parametrize(
    ("query", "status"),
    [("a=%ff", 400), ("a=%zz", 200), ("&".join(["a=1"] * 1001), 400), ("&".join(["a=1"] * 1000), 200), ("a[]=1&a[]=2", 200),
     ("=", 200), ("&&&", 200), ("q=1&q=2", 200)],
)  # fmt: skip
def test_strange_queries_are_answered(gateway, query, status):
    """What is no text, or has no end, is 400; everything else is served."""
    assert gateway.get(f"/search?{query}").status == status


def test_bytes_beyond_ascii_in_a_target_are_refused(gateway):
    """A target is ASCII (RFC 3986): raw bytes above it are 400, in path or query."""
    for target in ("/seen/caf\xe9", "/search?q=\xe9", "/\xff"):
        assert gateway.get(target).status == 400, target


@pytest.mark.parametrize("fields", ["a,", "a..b", "a[", ",".join(["a"] * 200), "a" * 3000])
def test_fields_that_are_no_paths_are_the_mistake_of_the_client(gateway, fields):
    """A ?fields= that cannot be read is 422 and says why; no call is made."""
    answer = gateway.get(f"/shaped?fields={fields}")
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/fields")


TRAVERSALS = """
defaults: {status_map: {404: 404}}
endpoints:
  GET /users/{id}: {call: "up:/users/{id}"}
  GET /users/{id}/v/{version}: {call: "up:/users/{id}/v{version}"}
  GET /user: {call: "up:/users/{query.id}"}
  GET /files/{p:path}: {call: "up:/files/{p:path}"}
  GET /again/{p:path}: {call: {url: "up:/files/{p:path}", query: {a: 1}}}
  GET /raw/{id}: {call: {url: "up:/users/{id}", raw_path: true}}
  GET /raw: {call: {url: "up:/users/{query.id}", raw_path: true}}
  GET /down/{id}: {stream: true, call: "up:/users/{id}"}
  GET /chain:
    fan_out:
      first: up:/first
      second: "up:/users/{first.target}"
  POST /found:
    body: {type: object, properties: {id: {type: string}}}
    call: "GET up:/users/{body.id}"
"""


@pytest.fixture(scope="module")
def guarded(shared_stage, upstream, door):
    return shared_stage.gateway(TRAVERSALS, upstream, door=door)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/users/..%2Finternal%2Fsecrets", "{id}"), ("/users/%2E%2E%2Finternal", "{id}"), ("/users/a%2F..%2Fb", "{id}"),
        ("/users/..%5Cinternal", "{id}"), ("/users/.%2Fx", "{id}"), ("/users/x%2F%2e", "{id}"),
        ("/users/..%252Finternal", "{id}"), ("/users/%252e%252e%252finternal", "{id}"), ("/users/..%25252Fx", "{id}"),
        ("/users/%252e%252e", "{id}"), ("/users/..%3Bx%2Finternal", "{id}"), ("/users/1/v/1%2F..%2Fx", "{version}"),
        ("/user?id=../internal", "{query.id}"), ("/user?id=..%5Cinternal", "{query.id}"),
        ("/user?id=%252e%252e/internal", "{query.id}"), ("/user?id=..", "{query.id}"), ("/files/a/..%2F..%2Fb", "{p:path}"),
        ("/again/a/..%2Fb", "{p:path}"), ("/down/..%2Finternal", "{id}"),
    ],
)  # fmt: skip
def test_no_value_leads_a_call_to_another_path(guarded, upstream, path, named):
    """Dots between slashes of any kind, decoded up to twice more, are 400 that names the input; nothing is called."""
    calls = len(upstream.requests)
    answer = guarded.get(path)
    name = named.strip("{}").removeprefix("query.").removesuffix(":path")
    assert (answer.status, f"`{name}` does not fit" in answer.detail) == (400, True)
    assert (answer.json["cause"], answer.json.get("upstream")) == ("input", None)
    assert len(upstream.requests) == calls


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/users/a.b%2Fc..d", "/users/a.b%2Fc..d"), ("/users/...", "/users/..."), ("/users/100%25", "/users/100%25"),
        ("/files/a/b%2Fc", "/files/a/b%2Fc"), ("/raw/..%2Fx", "/users/..%2Fx"), ("/raw?id=../x", "/users/..%2Fx"),
        ("/users/v1.2%20rc", "/users/v1.2%20rc"),
    ],
)  # fmt: skip
def test_names_with_dots_go_through(guarded, path, target):
    """A dot inside a name, an encoded slash, and whatever a call wants raw are passed on."""
    assert guarded.get(path).json["target"] == target


def test_dots_of_a_body_are_refused_and_those_of_an_upstream_fail(guarded, upstream, shared_stage):
    """A field of the body is an input, too (400); what an upstream said is its failure (502)."""
    answer = guarded.ask("POST", "/found", "content-type: application/json", body=b'{"id": "../x"}')
    assert (answer.status, answer.json["cause"]) == (400, "input")
    upstream.answers.answer = lambda request: shared_stage.reply({"target": "../x"})
    try:
        answer = guarded.get("/chain")
    finally:
        upstream.answers.answer = lambda request: shared_stage.reply({"target": request.target})
    assert (answer.status, answer.json["cause"]) == (502, "expression")


def test_a_raw_path_keeps_its_segment(guarded):
    """Even then, a segment is never a dot segment itself."""
    assert guarded.get("/raw?id=..").status == 400
