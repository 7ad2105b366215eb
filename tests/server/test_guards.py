"""Guards through the whole application: what they read is valid before, they come after `auth`, their words are the file's."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app, load_config
from aggregator.codecs import json as json_codec
from aggregator.edge.caching import private_field
from aggregator.errors import ConfigError
from aggregator.plan.compiling.compiler import compile_plan
from aggregator.plan.explaining.truth import outcome_table

FILE = """\
version: 1
auth:
  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}
  open: {api_key: {header: x-open, keys: {file: keys.yaml}}, failures: none}
  customers: {jwt: {issuer: https://id.test, audience: shop}}
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /users/{id}:
    auth: partners
    params: {id: integer}
    query: {page: {type: integer, default: 1}, sort: {enum: [a, b]}}
    require: "{{ id == 7 and query.page < 10 }}"
    respond: {body: {id: "{{ id }}", page: "{{ query.page }}"}}
  GET /own/{name}: {auth: partners, require: "{{ name == auth.subject }}", respond: {body: "{{ name }}"}}
  GET /tenant:
    auth: none
    headers: {x-tenant: {type: integer, required: true}}
    cookies: {plan: {type: integer}}
    require: "{{ headers['x-tenant'] > 3 and cookies.plan > 1 }}"
    respond: {body: "{{ headers['x-tenant'] }}"}
  POST /orders:
    auth: partners
    body: {type: object, required: [total], properties: {total: {type: number}}}
    require:
      - {that: "{{ body.total < 100 }}", status: 409, detail: too much, headers: {link: "</limits>"}}
      - {that: "{{ auth.subject == 'acme' }}", status: 404, detail: no such thing}
    respond: {body: {total: "{{ body.total }}"}}
  GET /code/{code}: {auth: none, require: "{{ code is matches('[A-Z]-[0-9]+') }}", respond: {body: ok}}
  GET /passed: {auth: partners, call: up:/x, response: {pass: all}}
  GET /named: {auth: partners, call: up:/x, response: {pass_headers: {cache-control: first}}}
  GET /stream: {auth: partners, stream: true, call: up:/x, response: {pass_headers: {cache-control: first}}}
  GET /declared: {auth: partners, call: up:/x, response: {cache_control: "public, max-age=60"}}
  GET /header: {auth: partners, call: up:/x, response: {headers: {cache-control: "public"}}}
  GET /alone: {auth: partners, call: up:/alone, response: {pass: all}}
  GET /one: {auth: partners, call: up:/alone, response: {pass_headers: {cdn-cache-control: first}}}
  GET /both: {auth: partners, call: up:/x, response: {pass: all, headers: {surrogate-control: no-store}}}
  GET /free: {auth: open, respond: {body: ok}}
  GET /tokens: {auth: customers, respond: {body: ok}}
"""
ACME, SMALL = {"x-api-key": "acme"}, {"x-api-key": "small"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, with the keys that it names."""
    folder = tmp_path_factory.mktemp("guards")
    lines = [f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}}}\n" for name in ("acme", "small")]
    (folder / "keys.yaml").write_text("".join(lines))
    (folder / "routes.yaml").write_text(FILE)
    return folder / "routes.yaml"


def upstream(request: httpx.Request) -> httpx.Response:
    """An upstream that lets everybody keep its answers, by a field of each kind of shared cache or by those alone."""
    alone = {"surrogate-control": "max-age=9", "cdn-cache-control": "max-age=9", "x-accel-expires": "9"}
    everybody = {} if request.url.path == "/alone" else {"cache-control": "public, s-maxage=600, max-age=60"}
    return httpx.Response(200, json={}, headers=everybody | alone)


@pytest.fixture(scope="module")
def client(file: Path) -> Iterator[TestClient]:
    """A client of the application."""
    with TestClient(create_app(file, transport=httpx.MockTransport(upstream))) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "headers", "status", "answer"),
    [
        ("/users/7", ACME, 200, {"id": 7, "page": 1}),
        ("/users/7?page=3", ACME, 200, {"id": 7, "page": 3}),
        ("/users/7?page=30", ACME, 403, None),
        ("/users/8", ACME, 403, None),
        ("/users/x", {}, 401, None),
        ("/users/x?page=y", ACME, 422, None),
        ("/users/8?sort=c", ACME, 403, None),
        ("/users/7?sort=c", ACME, 422, None),
        ("/own/acme", ACME, 200, "acme"),
        ("/own/small", ACME, 403, None),
        ("/own/%61cme", ACME, 200, "acme"),
        ("/tenant", {}, 422, None),
        ("/tenant", {"x-tenant": "x", "cookie": "plan=2"}, 422, None),
        ("/tenant", {"x-tenant": "3", "cookie": "plan=2"}, 403, None),
        ("/tenant", {"x-tenant": "4", "cookie": "plan=2"}, 200, 4),
        ("/code/A-17", {}, 200, "ok"),
        ("/code/A-17x", {}, 403, None),
        ("/code/xA-17", {}, 403, None),
        ("/code/A-17%0A", {}, 403, None),
    ],
)
def test_what_guards_read_is_valid(
    client: TestClient, path: str, headers: dict[str, str], status: int, answer: Any
) -> None:
    """Typed as declared, 422 after `auth` where it does not fit, and only what the guard names."""
    found = client.get(path, headers=headers)
    assert (found.status_code, found.json() if status == 200 else None) == (status, answer)


def test_all_that_is_wrong_with_it_is_listed(client: TestClient) -> None:
    """Both parameters that the guard reads are in the 422."""
    errors = client.get("/users/x?page=y", headers=ACME).json()["errors"]
    assert [error["location"] for error in errors] == ["path", "query"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"total": 5}, ACME, 200),
        ({"total": 500}, ACME, 409),
        ({"total": "5"}, ACME, 422),
        ({"total": 500}, SMALL, 404),
        ({"total": 5}, {}, 401),
    ],
)
def test_guards_that_read_the_body(client: TestClient, body: Any, headers: dict[str, str], status: int) -> None:
    """They come when the body is valid, and behind those that need none."""
    answer = client.post("/orders", json=body, headers=headers)
    assert answer.status_code == status
    if status == 409:
        assert (answer.json()["detail"], answer.headers["link"]) == ("too much", "</limits>")


def test_a_refusal_has_one_cause(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """The line of an answer has the cause that the problem has, and that the line about the caller has."""
    parts = ({"alg": "ES256", "kid": "a"}, {"iss": "https://id.test", "aud": "shop", "sub": "ada", "exp": 2**33})
    token = b".".join(urlsafe_b64encode(text).rstrip(b"=") for text in (*map(json_codec.encode, parts), bytes(64)))
    with caplog.at_level("INFO"):
        answer = client.get("/tokens", headers={"authorization": f"Bearer {token.decode()}"})
    assert (answer.status_code, answer.json()["cause"]) == (503, "auth_unavailable")
    told = [
        record.__dict__["fields"]
        for record in caplog.records
        if record.name in ("aggregator.auth", "aggregator.request")
    ]
    assert [fields["cause"] for fields in told if fields.get("status") == 503] == ["auth_unavailable"] * 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/passed", "private, max-age=60"),
        ("/named", "private, max-age=60"),
        ("/stream", "private, max-age=60"),
        ("/declared", "public, max-age=60"),
        ("/header", "public"),
        ("/alone", "private"),
        ("/one", "private"),
        ("/both", "private, max-age=60"),
        ("/free", "private"),
    ],
)
def test_answers_to_callers_are_private(client: TestClient, path: str, said: str) -> None:
    """Whatever the upstream says to shared caches, by any field that they heed; what the file declares stays."""
    answer = client.get(path, headers=ACME | {"x-open": "acme"})
    assert answer.headers["cache-control"] == said
    assert answer.headers.get("surrogate-control") == ("no-store" if path == "/both" else None)
    assert not {"cdn-cache-control", "x-accel-expires"} & set(answer.headers)


@pytest.mark.parametrize(
    ("value", "private"),
    [
        (b"public", b"private"),
        (b"max-age=60", b"private, max-age=60"),
        (b"PUBLIC , Max-Age=60", b"private, Max-Age=60"),
        (b"no-store", b"no-store"),
        (b"private", b"private"),
        (b'private="set-cookie", max-age=5', b"private, max-age=5"),
        (b's-maxage="9", no-cache', b"private, no-cache"),
        (b"", b"private"),
    ],
)
def test_a_private_cache_control(value: bytes, private: bytes) -> None:
    """What speaks to shared caches goes, what speaks to the browser stays."""
    assert private_field(value) == private


def test_only_schemes_that_can_give_it_have_it(client: TestClient, file: Path) -> None:
    """429 where failures are limited, 503 where somebody has to be asked: in OpenAPI, and in the table of `explain`."""
    paths = client.get("/openapi.json").json()["paths"]
    found = {
        path: set(paths[path]["get"]["responses"]) & {"401", "403", "429", "503"}
        for path in paths
        if "get" in paths[path]
    }
    assert found["/free"] == {"401"}
    assert found["/users/{id}"] == {"401", "403", "429"}
    assert found["/tokens"] == {"401", "503"}
    plan = compile_plan(load_config(file))
    table = {
        endpoint.key: {row.outcome.status for row in outcome_table(endpoint) if row.part == "auth"}
        for endpoint in plan.endpoints
    }
    assert (table["GET /free"], table["GET /tokens"]) == ({401}, {401, 503})
    assert table["POST /orders"] == {401, 429, 409, 404}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("matches('[A-Z]-[0-9]+')", "matches('(a')", "no regular expression"),
        ("matches('[A-Z]-[0-9]+')", "matches('a)(b')", "no regular expression"),
        ("matches('[A-Z]-[0-9]+')", "matches('(?=a)b')", "no regular expression"),
        ("matches('[A-Z]-[0-9]+')", "matches(code)", "is written out"),
        ("link: \"</limits>\"", "content-length: '5'", "cannot have the header"),
        ("link: \"</limits>\"", 'link: "a\\nb"', "cannot be sent"),
    ],
)  # fmt: skip
def test_what_check_says(file: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    """A pattern that could take long, one of the client, and a header that cannot be sent, are found at load."""
    assert old in FILE
    (tmp_path / "keys.yaml").write_bytes((file.parent / "keys.yaml").read_bytes())
    (tmp_path / "routes.yaml").write_text(FILE.replace(old, new, 1))
    with pytest.raises(ConfigError) as problems:
        load_config(tmp_path / "routes.yaml")
    assert any(said in problem.message for problem in problems.value.diagnostics), problems.value.diagnostics
