"""What a client gets for one request, on real sockets, whichever way it takes to its endpoint."""

from __future__ import annotations

import threading
import time

import pytest
from ports import free_port

from aggregator.transport import accept_encoding

ROUTES = """
upstreams:
  up: {url: "${UP}"}
  nobody: {url: "http://127.0.0.1:${FREE}"}
  nowhere: {url: "http://nowhere.invalid"}
  tls: {url: "https://127.0.0.1:${PORT}"}
  narrow: {url: "${UP}", limits: {max_connections: 1, max_waiting: 0}}
endpoints:
  GET /hello: {respond: {body: {hello: world}}}
  GET /nothing: {respond: {status: 204}}
  GET /users/{id}: {params: {id: integer}, call: "up:/users/{id}"}
  DELETE /users/{id}: {call: "DELETE up:/users/{id}"}
  GET /passed/{what}: {call: "up:/{what}"}
  GET /status/{code}: {call: "up:/status/{code}"}
  GET /late: {timeout: 150ms, call: up:/silent}
  GET /dripping: {timeout: 300ms, call: up:/dripping}
  GET /partial:
    timeout: 1500ms
    fan_out:
      fast: up:/users/1
      slow: {url: up:/silent, optional: true, default: {n: 0}}
  GET /refused: {call: nobody:/}
  GET /dns: {call: nowhere:/}
  GET /tls: {call: tls:/}
  GET /reset: {call: up:/reset}
  GET /cut: {call: up:/cut}
  GET /garbage: {call: up:/garbage}
  GET /narrow: {timeout: 60s, call: narrow:/held}
  GET /mapped:
    call: up:/status/404
    status_map: {404: {status: 404, detail: User not found}}
  POST /people:
    max_body: 100B
    body: {type: object, required: [name], properties: {name: {type: string}, age: {type: integer, minimum: 0}}}
    call: {method: POST, url: up:/people, json: "{{ body }}"}
  GET /bare: {call: up:/echo}
  GET /headed/{text}: {respond: {body: 1, headers: {x-a: "{{ text }}"}}}
  GET /headed-by-upstream: {fan_out: {a: up:/evil}, response: {headers: {x-a: "{{ a.text }}"}}}
  GET /headed-failure: {call: up:/status/404, status_map: {404: {status: 404, headers: {x-a: "{{ query.text }}"}}}}
  GET /forwarding:
    forward: {headers: [x-tenant, accept-language], query: [page]}
    call: up:/echo
"""


def _statuses(stage):
    return {
        f"/status/{code}": stage.reply({"secret": "stack trace"}, code) for code in (301, 400, 401, 404, 418, 500, 503)
    }


@pytest.fixture(scope="module")
def upstream(shared_stage):
    stage = shared_stage
    upstream = stage.upstream()
    upstream.answers = {
        "/users/1": stage.reply({"id": 1}),
        "/text": stage.reply(body=b"hello", content_type="text/plain; charset=utf-8"),
        "/created": stage.reply({"id": 9}, 201, location="/users/9", x_other="no"),
        "/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/silent": [stage.HANG],
        "/dripping": [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n[",
                      *[b"1,", threading.Event()]],
        "/reset": [stage.RESET],
        "/cut": [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", stage.CLOSE],
        "/garbage": stage.reply(body=b"{not json"),
        "/held": [stage.HANG],
        "/people": lambda request: stage.reply({"got": request.body.decode()}, 201),
        "/evil": stage.reply({"text": "a\r\nx-evil: 1"}),
        "/echo": lambda request: stage.reply({"target": request.target, "headers": request.headers}),
        **_statuses(stage),
    }  # fmt: skip
    return upstream


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    env = {"FREE": str(free_port()), "PORT": str(upstream.port)}
    return shared_stage.gateway(ROUTES, upstream, door=door, env=env)


def test_status_type_and_body_pass_through(gateway):
    """The answer of a single call is that of its upstream, byte by byte, without its other headers."""
    created = gateway.get("/passed/created")
    assert (created.status, created.body, created["location"], created["x-other"]) == (201, b'{"id": 9}', None, None)
    text = gateway.get("/passed/text")
    assert (text["content-type"], text.body) == ("text/plain; charset=utf-8", b"hello")


def test_an_empty_answer_has_no_length(gateway):
    """204 has neither body nor length (RFC 9110 §8.6), from the file or from an upstream."""
    for target in ("/nothing", "/passed/empty"):
        answer = gateway.get(target)
        assert (answer.status, answer["content-length"], answer["transfer-encoding"]) == (204, None, None)


def test_head_is_get_without_its_body(gateway):
    """HEAD answers with the headers of GET, its length included, and nothing after them."""
    wire = gateway.wire()
    head, get = wire.ask("HEAD", "/users/1"), wire.ask("GET", "/users/1")
    assert [(n, v) for n, v in head.headers if n != "x-request-id"] == [
        (n, v) for n, v in get.headers if n != "x-request-id"
    ]
    assert (head.body, head["content-length"]) == (b"", "9")


@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("/status/404", 404, "The upstream 'up' did not find it."),
        ("/status/400", 502, "The upstream 'up' answered with status 400."),
        ("/status/401", 502, "The upstream 'up' answered with status 401."),
        ("/status/418", 502, "The upstream 'up' answered with status 418."),
        ("/status/500", 502, "The upstream 'up' answered with status 500."),
        ("/status/503", 502, "The upstream 'up' answered with status 503."),
        ("/status/301", 502, "The upstream 'up' answered with a redirect (301), which is not followed."),
        ("/late", 504, "The upstream did not answer in time."),
        ("/refused", 502, "The upstream refused the connection."),
        ("/dns", 502, "The name of the upstream cannot be resolved."),
        ("/mapped", 404, "User not found"),
    ],
)
def test_failures_have_a_status_and_a_sentence(gateway, target, status, detail):
    """Each failure becomes its default status with a sentence that names the upstream and the cause alone."""
    answer = gateway.get(target)
    assert (answer.status, answer.detail) == (status, detail)


@pytest.mark.parametrize(
    ("target", "cause"), [("/tls", "tls"), ("/reset", "reset"), ("/cut", "incomplete"), ("/garbage", "malformed")]
)
def test_broken_connections_and_bodies_are_502(gateway, target, cause):
    """TLS trouble, a reset, half a body and a body that is no JSON are 502, and the problem names the cause."""
    answer = gateway.get(target)
    assert (answer.status, answer.json["cause"]) == (502, cause)


def test_no_answer_tells_an_address_or_what_the_upstream_said(gateway, upstream):
    """Problems hold no host, port, URL or text of an upstream."""
    for target in ("/status/500", "/refused", "/dns", "/tls", "/reset", "/cut", "/garbage", "/late"):
        text = gateway.get(target).body.decode()
        assert not [
            bad
            for bad in ("127.0.0.1", str(upstream.port), "http:", "stack trace", "invalid.", "not json")
            if bad in text
        ]


def test_own_limits_are_503_with_retry_after(gateway, upstream):
    """A call that finds no connection and no place to wait is refused at once, and told when to come again."""
    held = gateway.wire().write("GET", "/narrow")
    seen = len(upstream.requests)
    while not any(r.target == "/held" for r in upstream.requests[max(0, seen - 1) :]):
        time.sleep(0.001)
    started = time.monotonic()
    refused = gateway.get("/narrow")
    assert time.monotonic() - started < 10
    assert (refused.status, refused["retry-after"]) == (503, "1")
    held.close()


def test_a_dripping_body_cannot_outlive_the_deadline(gateway):
    """The deadline covers the last byte of the body, however often another one comes."""
    started = time.monotonic()
    answer = gateway.get("/dripping")
    assert (answer.status, answer.json["cause"]) == (504, "deadline")
    assert time.monotonic() - started > 0.2


@pytest.mark.long
def test_a_slow_optional_part_does_not_fail_the_answer(gateway):
    """The answer leaves before the deadline, with the default in place, marked and never cached."""
    started = time.monotonic()
    answer = gateway.get("/partial")
    assert (answer.status, answer.json) == (200, {"fast": {"id": 1}, "slow": {"n": 0}})
    assert time.monotonic() - started > 0.3
    assert answer["cache-control"] == "no-store"
    assert "slow;state=default;cause=deadline" in (answer["aggregator-parts"] or "")


def test_every_answer_has_a_request_id(gateway):
    """A harmless id of the client is kept and told in problems; any other one is replaced."""
    kept = gateway.get("/status/404", "x-request-id: my-id.1")
    assert (kept["x-request-id"], kept.json["request_id"]) == ("my-id.1", "my-id.1")
    for bad in ("a b", "x" * 129, "<script>", ""):
        made = gateway.get("/hello", f"x-request-id: {bad}")["x-request-id"]
        assert made
        assert made != bad
    assert len({gateway.get("/hello")["x-request-id"] for _ in range(3)}) == 3


def test_what_is_not_served_is_a_problem(gateway):
    """An unknown path is 404, an unknown method 405 with those that are allowed, OPTIONS tells them too."""
    assert gateway.get("/nope").detail == "Nothing is served at this path."
    assert (
        gateway.get("/hello/").detail == "Nothing is served at this path, but at the one without the slash at its end."
    )
    assert gateway.get("/nope/").detail == "Nothing is served at this path."
    assert gateway.get("/").detail == "Nothing is served at this path; /docs shows what is."
    wrong = gateway.ask("PATCH", "/users/1")
    assert (wrong.status, wrong["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")
    options = gateway.ask("OPTIONS", "/users/1")
    assert (options.status, options["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")


def test_declared_parameters_are_enforced(gateway):
    """A parameter that does not fit is 422 with the violation; no call is made."""
    answer = gateway.get("/users/x")
    assert (answer.status, answer.json["errors"][0]["message"]) == (422, "must be an integer")


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (["content-type: application/json"], b'{"name": "a"}', 201),
        (["content-type: application/json"], b'{"age": -1}', 422),
        (["content-type: application/json"], b"{", 400),
        (["content-type: application/json"], b"", 422),
        (["content-type: text/plain"], b"{}", 415),
        ([], b"{}", 415),
        (["content-type: application/json"], b'{"name": "' + b"a" * 89 + b'"}', 413),
        (["content-type: application/json"], b'{"name": "' + b"a" * 88 + b'"}', 201),
    ],
)
def test_bodies_are_checked_before_any_call(gateway, lines, body, status):
    """Wrong JSON, a wrong type, a wrong value and one byte too many are refused, each with its own status."""
    assert gateway.ask("POST", "/people", *lines, body=body).status == status


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            b'{\n  "name": "Ada",\n}',
            "The request body is not valid JSON: trailing comma in object (line 3, column 1).",
        ),
        (b'{"age": 1e400}', "The request body holds a number that is too large to be read (line 1, column 9)."),
    ],
)
def test_a_body_that_cannot_be_read_is_told_where(gateway, body, detail):
    """Line and column of the fault are named, and not a byte of the body is repeated."""
    answer = gateway.ask("POST", "/people", "content-type: application/json", body=body)
    assert (answer.status, answer.json["detail"]) == (400, detail)


def test_every_violation_is_listed(gateway):
    """One 422 tells of all that is wrong."""
    answer = gateway.ask("POST", "/people", "content-type: application/json", body=b'{"age": -1}')
    assert {(error["pointer"], error["keyword"]) for error in answer.json["errors"]} == {
        ("/name", "required"),
        ("/age", "minimum"),
    }


def test_a_chunked_body_meets_the_same_cap(gateway):
    """A body without a length is cut at the cap: 413, and the connection is closed."""
    chunk = b"64\r\n" + b"a" * 100 + b"\r\n"
    wire = gateway.wire().write(
        "POST", "/people", "transfer-encoding: chunked", "content-type: application/json", body=chunk * 2
    )
    answer = wire.reply()
    assert (answer.status, answer["connection"]) == (413, "close")
    assert wire.ended


def test_an_announced_body_is_refused_before_it_is_sent(gateway):
    """A length over the cap is 413 at once, although no byte of the body came."""
    wire = gateway.wire().write("POST", "/people", "content-length: 99999999", "content-type: application/json")
    assert wire.reply().status == 413


def test_nothing_is_forwarded_unless_declared(gateway):
    """Headers, cookies and query parameters of the client stay here; the upstream sees what is ours."""
    lines = [f"x-h{n}: v" for n in range(20)]
    lines += ["cookie: a=1", "authorization: Bearer t", "x-forwarded-for: 1.2.3.4", "user-agent: evil", "te: trailers"]
    seen = gateway.get("/bare?page=2&q=x", *lines).json
    assert seen["target"] == "/echo"
    assert {name for name, _ in seen["headers"]} <= {"host", "user-agent", "accept", "accept-encoding"}
    assert dict(seen["headers"])["user-agent"] == "aggregator"
    assert dict(seen["headers"])["accept-encoding"] == accept_encoding().decode()


def test_declared_headers_and_query_are_forwarded(gateway):
    """What the file names goes along, and nothing else."""
    seen = gateway.get("/forwarding?page=2&q=x", "x-tenant: acme", "accept-language: de", "x-other: 1").json
    assert seen["target"] == "/echo?page=2"
    names = {name for name, _ in seen["headers"]}
    assert {"x-tenant", "accept-language"} <= names
    assert "x-other" not in names


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/headed/a%0D%0Ax-evil:%201", 400),
        ("/headed/a%0Ab", 400),
        ("/headed-by-upstream", 502),
        ("/headed-failure?text=a%0D%0Ax-evil:%201", 400),
    ],
)
def test_no_value_adds_a_header(gateway, target, status):
    """A line end in a value that becomes a header is refused, and blamed on who sent it; the connection goes on."""
    wire = gateway.wire()
    answer = wire.ask("GET", target)
    assert (answer.status, answer["x-evil"]) == (status, None)
    assert wire.ask("GET", "/hello").status == 200


def test_hop_by_hop_fields_cannot_remove_ours(gateway):
    """A client's Connection field names nothing that we would drop (CVE-2024-45410)."""
    seen = gateway.get("/forwarding", "connection: x-tenant, host", "x-tenant: acme").json
    assert dict(seen["headers"])["x-tenant"] == "acme"
