"""What the document says of problems that `server.errors` puts in other words, of maintenance, guards and schemes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.openapi import build_openapi

FILE = """\
version: 1
server:
  trusted_proxies: [10.0.0.0/8]
  errors:
    - {"on": 404, status: 410, body: {gone: true}}
    - {"on": 5xx, body: "Sorry.", html: "<p>Sorry.</p>"}
    - {"on": 401, status: 204}
    - {"on": 4xx, html: "<p>No.</p>"}
auth:
  mtls: {mtls: {subjects: CN=good, from: {header: x-client, form: subject}}}
  signature: {signature: {preset: slack, secret: "a-secret-of-sixteen"}}
  basic: {basic: {users: {file: users}}}
maintenance:
  - {every: "02:00-03:00", endpoints: [GET /calls], status: 503}
  - {every: "sat 02:00-03:00", zone: Europe/Berlin, endpoints: [GET /*], status: 500, detail: Come back.}
upstreams: {users: {url: "https://users.test"}}
endpoints:
  GET /calls:
    call: users:/x
    rate_limit: 5/s
    require:
      - {that: "{{ query.a }}"}
      - {that: "{{ query.b }}", status: 403, headers: {X-Why: b}}
      - {that: "{{ query.c }}", status: 451, detail: Not here}
  POST /signed: {auth: {any: [signature, mtls]}, body: {type: object}, respond: {body: "{{ body }}"}}
  GET /reported:
    auth: {any: [basic], optional: true}
    rate_limit: [{rate: 5/s, report: true}]
    respond: {body: 1}
"""
PAGE = "application/problem+json text/html"
WORDS = "text/plain text/html"


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """Return the document of the file."""
    (tmp_path / "routes.yaml").write_text(FILE)
    (tmp_path / "users").write_text("# nobody\n")
    return build_openapi(compile_plan(load_config(tmp_path / "routes.yaml")))


def told(operation: dict[str, Any]) -> dict[str, str]:
    """Return of each answer its sentence, its headers beside the usual one, and its media types."""
    found = {}
    for status, answer in operation["responses"].items():
        headers = " ".join(name for name in answer["headers"] if name != "x-request-id")
        found[status] = " | ".join((answer["description"], headers, " ".join(answer.get("content", ()))))
    return found


EXPECTED = f"""\
/calls:
  200: "What `users` answers. |  | */*"
  2XX: "Any other success, passed on likewise. |  | */*"
  400: "The path, the query or the body cannot be read. |  | {PAGE}"
  403: "The caller may not do this. You are not allowed to do this. | x-why | {PAGE}"
  410: "An upstream did not find it. | aggregator-parts | application/json"
  429: "A limit is reached. | ratelimit ratelimit-policy retry-after | {PAGE}"
  451: "Not here. |  | {PAGE}"
  500: "Out of service sat 02:00-03:00 Europe/Berlin. | retry-after | {WORDS}"
  502: "An upstream failed, or its answer cannot be used. | aggregator-parts retry-after | {WORDS}"
  503: "Out of service 02:00-03:00 UTC. Too many calls of an upstream are waiting already. | aggregator-parts retry-after | {WORDS}"
  504: "An upstream did not answer in time. | aggregator-parts | {WORDS}"
/signed:
  200: "The answer. |  | application/json"
  204: "No valid credential came. | www-authenticate | "
  400: "The path, the query or the body cannot be read. |  | {PAGE}"
  408: "The body took too long to arrive. |  | {PAGE}"
  409: "The same signed delivery is being answered. | retry-after | {PAGE}"
  413: "The body is too large. |  | {PAGE}"
  415: "The body is not said to be JSON. |  | {PAGE}"
  422: "The request does not fit what is declared here; `errors` lists all that is wrong. |  | {PAGE}"
/reported:
  200: "The answer. |  | application/json"
  204: "No valid credential came. | www-authenticate | "
  400: "The path, the query or the body cannot be read. |  | {PAGE}"
  429: "Too many wrong credentials came from this address. | retry-after | {PAGE}"
  500: "Out of service sat 02:00-03:00 Europe/Berlin. | retry-after | {WORDS}"
"""


def test_an_answer_is_told_as_the_file_words_it(document: dict[str, Any]) -> None:
    """With its status, a text, data or a page in place of the problem, or no body where the status has none."""
    found = {path: told(operation) for path, item in document["paths"].items() for operation in item.values()}
    expected = yaml.safe_load(EXPECTED)
    assert found == {path: {str(status): one for status, one in told.items()} for path, told in expected.items()}


@pytest.mark.parametrize(
    ("status", "media", "schema"),
    [
        ("410", "application/json", None),
        ("502", "text/plain", None),
        ("502", "text/html", {"type": "string"}),
        ("400", "text/html", {"type": "string"}),
        ("400", "application/problem+json", {"$ref": "#/components/schemas/Problem"}),
    ],
)
def test_only_a_problem_has_its_schema(document: dict[str, Any], status: str, media: str, schema: Any) -> None:
    """A page is a text; of a body of the file nothing more is known. An example would be in other words."""
    found = document["paths"]["/calls"]["get"]["responses"][status]["content"][media]
    assert found == ({} if schema is None else {"schema": schema})


def test_who_may_call_is_told_by_what_a_client_sends(document: dict[str, Any]) -> None:
    """Any of several schemes, none where one is not needed; a signature by its header and what it is made over."""
    paths = document["paths"]
    assert paths["/signed"]["post"]["security"] == [{"signature": []}, {"mtls": []}]
    assert paths["/reported"]["get"]["security"] == [{"basic": []}, {}]
    assert "security" not in paths["/calls"]["get"]
    assert document["components"]["securitySchemes"] == {
        "mtls": {"type": "mutualTLS"},
        "signature": {
            "type": "apiKey", "in": "header", "name": "x-slack-signature",
            "description": "An HMAC (sha256, hex) over v0:{timestamp}:{body}, which the sender makes.",
        },
        "basic": {"type": "http", "scheme": "basic"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        ("method: GET, url: users:/x, forward: {headers: [range]}", {"416": True}),
        ("method: GET, url: users:/x, forward: {headers: [if-none-match]}", {"304": False, "412": True}),
        ("method: HEAD, url: users:/x, forward: {headers: [if-none-match]}", {"304": False, "412": False}),
    ],
)
def test_a_verdict_on_a_condition_has_a_body_where_it_may(tmp_path: Path, call: str, keys: dict[str, bool]) -> None:
    """None with 304, and none in the answer to a HEAD."""
    method = call.partition(",")[0].removeprefix("method: ")
    text = f"version: 1\nupstreams: {{users: {{url: 'https://users.test'}}}}\nendpoints: {{{method} /x: {{call: {{{call}}}}}}}"
    (tmp_path / "routes.yaml").write_text(text)
    [operation] = build_openapi(compile_plan(load_config(tmp_path / "routes.yaml")))["paths"]["/x"].values()
    found = {
        status: "content" in one for status, one in operation["responses"].items() if status in ("304", "412", "416")
    }
    assert found == keys


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ("call: {url: users:/x, success: {status: [200, 206]}}", ["200", "206"]),
        ("call: {url: users:/x, success: {status: [2xx]}}", ["200", "2XX"]),
        ("call: {url: users:/x, success: {status: [404, 4xx]}}", ["4XX"]),
        ("call: {url: users:/x, success: {status: [201]}}", ["201"]),
        ("call: users:/x, response: {status: 201}", ["201", "206"]),
        ("call: users:/x, response: {status: 206}", ["206"]),
        ("call: {url: users:/x, success: {status: [200]}}, response: {status: 201}", ["201"]),
    ],
)
def test_a_stream_passes_statuses_as_they_come(tmp_path: Path, said: str, keys: list[str]) -> None:
    """One by one, or by their class; a part of a body keeps its status where the file says another one."""
    text = (
        "version: 1\nupstreams: {users: {url: 'https://users.test'}}\n"
        f"endpoints: {{GET /x: {{stream: true, {said}}}}}"
    )
    (tmp_path / "routes.yaml").write_text(text)
    operation = build_openapi(compile_plan(load_config(tmp_path / "routes.yaml")))["paths"]["/x"]["get"]
    assert [status for status in operation["responses"] if status not in ("400", "404", "502", "503", "504")] == keys


def operation_of(folder: Path, said: str, more: str = "") -> dict[str, Any]:
    """Return the only operation of a file with the endpoint that is *said*."""
    text = f"version: 1\n{more}\nupstreams: {{users: {{url: 'https://users.test'}}}}\nendpoints: {{{said}}}\n"
    (folder / "routes.yaml").write_text(text)
    [item] = build_openapi(compile_plan(load_config(folder / "routes.yaml")))["paths"].values()
    [found] = item.values()
    return dict(found)


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ("POST /x: {respond: {}}", None),
        (
            "POST /x: {respond: {body: '{{ body.a }}'}}",
            {"required": False, "content": {"application/json": {"schema": {}}}},
        ),
        (
            "POST /x: {call: {url: 'POST users:/x', forward: {body: true}}}",
            {"required": False, "description": "Passed on as it is.", "content": {"*/*": {"schema": {}}}},
        ),
    ],
)
def test_a_body_that_nothing_declares_may_be_left_out(tmp_path: Path, said: str, body: Any) -> None:
    """Where it is read, or passed on."""
    assert operation_of(tmp_path, said).get("requestBody") == body


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("GET /x: {respond: {body: '{{ query }}'}}", []),
        ("GET /x: {respond: {body: '{{ headers }}'}}", []),
        ("GET /x: {respond: {body: '{{ query.a }}{{ headers.b }}'}}", [("a", "query"), ("b", "header")]),
        ("GET /x: {call: 'users:/{query.q}'}", [("q", "query")]),
        ("GET /x: {fan_out: {p: {url: users:/x, when: '{{ query.w }}'}}}", [("w", "query")]),
    ],
)
def test_inputs_that_are_read_by_name_are_told(tmp_path: Path, said: str, names: list[tuple[str, str]]) -> None:
    """What reads all of them names none."""
    found = operation_of(tmp_path, said).get("parameters", [])
    assert [(one["name"], one["in"], one["required"]) for one in found] == [(*pair, False) for pair in names]


@pytest.mark.parametrize(
    ("said", "detail"), [("", "This is out of service for now."), (", detail: Back soon.", "Back soon.")]
)
def test_maintenance_is_told_in_its_own_words(tmp_path: Path, said: str, detail: str) -> None:
    """Or in those that every problem of that kind has."""
    more = f'maintenance: [{{every: "02:00-03:00", endpoints: [GET /x], status: 503{said}}}]'
    operation = operation_of(tmp_path, "GET /x: {respond: {}}", more)
    assert operation["responses"]["503"]["content"]["application/problem+json"]["example"]["detail"] == detail
