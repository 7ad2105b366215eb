"""The document of a file that has a bit of everything, as a whole; and what a document shares, by what its endpoints need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.openapi import build_openapi
from aggregator.server.openapi.values import any_of, list_schema, nullable, object_schema, value_schema

FILE = """\
version: 1
server: {title: Shop, version: 2026-11}
upstreams:
  users: {url: "https://users.test"}
  shop: {url: "https://shop.test"}
auth:
  header: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: none}
  cookie: {api_key: {cookie: key, keys: {file: keys.yaml}}}
  external: {external: {url: "users:/check", headers: [x-session, x-device]}}
endpoints:
  POST /orders/{id}:
    tags: [orders]
    deprecated: true
    timeout: 3s
    params: {id: {type: integer, minimum: 1}}
    query: {dry: {type: boolean}, list: {type: array}}
    headers: {X-Tenant: {type: string, required: true}}
    body: {type: object, required: [sku], properties: {sku: {type: string}}}
    auth: {all: [header, external]}
    idempotency: {}
    fan_out:
      user: "users:/users/{id}"
      stock: {url: "shop:/stock/{user.shelf}", optional: true}
      lines: {for_each: "{{ user.lines }}", url: "shop:/lines/{item}", optional: true, default: []}
  GET /files/{name:path}:
    stream: true
    idle_timeout: 30s
    call: {url: "shop:/files/{name:path}", forward: {headers: [authorization, accept, X-Trace], query: [page]}}
  GET /constants:
    description: Some.
    auth: {any: [cookie], optional: true}
    respond: {body: {text: a, flag: true, number: 1, ratio: 1.5, none: null, list: [1, a, 1], empty: {}, nothing: []}}
  DELETE /{any}: {hidden: true, respond: {body: 1}}
"""
KEYS = '- {name: acme, sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}\n'
PATHS = """\
/orders/{id}:
  post:
    operationId: post_orders_by_id
    summary: Post orders by id
    tags: [orders]
    deprecated: true
    parameters:
    - name: id
      in: path
      required: true
      schema: {type: integer, minimum: 1}
    - name: dry
      in: query
      required: false
      schema: {type: boolean}
    - name: list
      in: query
      required: false
      style: form
      explode: true
      schema: {type: array}
    - name: X-Tenant
      in: header
      required: true
      schema: {type: string}
    requestBody:
      required: true
      content:
        application/json: {schema: schemas/post_orders_by_id_body}
    responses:
      '200':
        description: The answer.
        headers:
          aggregator-parts: headers/aggregator-parts
          cache-control: headers/cache-control
          idempotency-replayed:
            schema: {type: string}
          x-request-id: headers/x-request-id
        content:
          application/json:
            schema:
              type: object
              properties:
                user:
                  examples:
                  - {}
                  description: What `users` answers.
                stock:
                  description: What `shop` answers. `null` when it fails.
                  examples:
                  - {}
                lines:
                  type: array
                  items: {}
                  default: []
                  description: What `shop` answers, for each item. Its default when it fails.
              required: [user, stock, lines]
      '400': responses/BadRequest
      '401': responses/Unauthenticated
      '403': responses/Forbidden
      '404': responses/NotFound
      '408': responses/BodyTooSlow
      '409': responses/KeyUnderWay
      '413': responses/BodyTooLarge
      '415': responses/UnsupportedMediaType
      '422':
        description: The request does not fit what is declared here; `errors` lists all that is wrong. The idempotency key
          was used for another request.
        headers: {x-request-id: headers/x-request-id}
        content:
          application/problem+json:
            schema: schemas/Problem
            example:
              type: about:blank
              title: Unprocessable Entity
              status: 422
              detail: The request does not fit what this endpoint declares.
              errors:
              - {pointer: /page, location: query, message: must be at least 1, keyword: minimum}
      '502': responses/UpstreamFailed
      '503':
        description: Whether the credential is valid cannot be told now. Whether the request was answered before cannot
          be told now. Too many calls of an upstream are waiting already.
        headers: {aggregator-parts: headers/aggregator-parts, retry-after: headers/retry-after, x-request-id: headers/x-request-id}
        content:
          application/problem+json:
            schema: schemas/Problem
            example: {type: 'about:blank', title: Service Unavailable, status: 503, detail: Whether the credential is valid
                cannot be told now., cause: auth_unavailable}
      '504': responses/TimedOut
    security:
    - header: []
      external: []
    x-aggregator:
      upstreams: [users, shop]
      timeout: 3s
      parts:
        user:
          upstreams: [users]
        stock:
          upstreams: [shop]
          after: [user]
          optional: true
        lines:
          upstreams: [shop]
          after: [user]
          for_each: true
          optional: true
/files/{name}:
  get:
    operationId: get_files_by_name
    summary: Get files by name
    parameters:
    - name: name
      in: path
      required: true
      schema: {type: string}
      description: The rest of the path; it may hold slashes.
    - name: page
      in: query
      required: false
      schema: {type: string}
    - name: x-trace
      in: header
      required: false
      schema: {type: string}
    responses:
      '200':
        description: What `shop` answers, passed on as it comes.
        headers: {cache-control: headers/cache-control, etag: headers/etag, x-request-id: headers/x-request-id}
        content:
          '*/*': {}
      2XX:
        description: Any other success, passed on likewise, passed on as it comes.
        headers: {cache-control: headers/cache-control, etag: headers/etag, x-request-id: headers/x-request-id}
        content:
          '*/*': {}
      '400': responses/BadRequest
      '404': responses/NotFound
      '502': responses/UpstreamFailed
      '503': responses/Overloaded
      '504': responses/TimedOut
    security:
    - authorization: []
    - {}
    x-aggregator:
      upstreams: [shop]
      idle_timeout: 30s
/constants:
  get:
    operationId: get_constants
    summary: Get constants
    description: Some.
    responses:
      '200':
        description: The answer.
        headers: {x-request-id: headers/x-request-id}
        content:
          application/json:
            schema:
              type: object
              properties:
                text: {type: string}
                flag: {type: boolean}
                number: {type: integer}
                ratio: {type: number}
                none: {type: 'null'}
                list:
                  type: array
                  items:
                    anyOf:
                    - {type: integer}
                    - {type: string}
                empty: {type: object}
                nothing: {type: array}
              required: [text, flag, number, ratio, none, list, empty, nothing]
      '400': responses/BadRequest
      '401': responses/Unauthenticated
      '429': responses/FailedTooOften
    security:
    - cookie: []
    - {}
    x-aggregator:
      upstreams: []
      timeout: 10s
"""

Describe = Callable[[str], dict[str, Any]]


@pytest.fixture
def described(tmp_path: Path) -> Describe:
    """Return the function from a file to its document."""

    def describe(text: str) -> dict[str, Any]:
        (tmp_path / "routes.yaml").write_text(text)
        (tmp_path / "keys.yaml").write_text(KEYS)
        return build_openapi(compile_plan(load_config(tmp_path / "routes.yaml")))

    return describe


def short(value: Any) -> Any:
    """Return *value* with the kind and the name of a component in place of a reference to it."""
    match value:
        case {"$ref": str(reference)}:
            return reference.removeprefix("#/components/")
        case dict():
            return {key: short(inner) for key, inner in value.items()}
        case list():
            return [short(inner) for inner in value]
    return value


def test_all_that_is_said_of_endpoints(described: Describe) -> None:
    """Parameters, body, answers, who may call, and what stands behind; a hidden one is left out."""
    document = described(FILE)
    assert short(document["paths"]) == yaml.safe_load(PATHS)
    assert (document["info"], document["tags"]) == ({"title": "Shop", "version": "2026-11"}, [{"name": "orders"}])


def test_schemes_are_told_by_what_a_client_sends(described: Describe) -> None:
    """The one that is passed on first, then those of the file in its order."""
    assert described(FILE)["components"]["securitySchemes"] == {
        "authorization": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Passed on to upstreams.",
        },
        "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "key"},
        "external": {
            "type": "apiKey",
            "in": "header",
            "name": "x-session",
            "description": "users decides, by x-session and x-device.",
        },
    }


SHARED = (
    "BadRequest NotFound NotAcceptable BodyTooSlow BodyTooLarge UnsupportedMediaType InvalidRequest FunctionFailed "
    "UpstreamFailed Overloaded TimedOut"
)
CALLERS = "Unauthenticated Forbidden UnderWay FailedTooOften TooManyRequests AuthUnavailable"
REPEATS = "KeyMissing KeyUnderWay KeyReused StateUnavailable"
OPEN = "GET /open: {respond: {body: 1}}"


@pytest.mark.parametrize(
    ("endpoints", "names"),
    [
        (OPEN, SHARED),
        (f"{OPEN}, GET /a: {{deny_from: [192.0.2.1], respond: {{body: 1}}}}", f"{SHARED} {CALLERS}"),
        (f"GET /a: {{deny_from: [192.0.2.1], respond: {{body: 1}}}}, {OPEN}", f"{SHARED} {CALLERS}"),
        (f"POST /a: {{idempotency: {{}}, respond: {{body: 1}}}}, {OPEN}", f"{SHARED} {REPEATS}"),
        ("POST /a: {idempotency: {}, deny_from: [192.0.2.1], respond: {body: 1}}", f"{SHARED} {CALLERS} {REPEATS}"),
    ],
)
def test_answers_are_shared_where_an_endpoint_may_give_them(described: Describe, endpoints: str, names: str) -> None:
    """Those about callers beside one that asks who calls, those about keys beside one that takes keys."""
    components = described(f"version: 1\nendpoints: {{{endpoints}}}\n")["components"]
    assert " ".join(components["responses"]) == names
    assert list(components) == ["schemas", "responses", "headers"]


@pytest.mark.parametrize(
    ("server", "info"),
    [
        ("{title: Shop}", {"title": "Shop", "version": "1"}),
        ("{title: Shop, description: All.}", {"title": "Shop", "version": "1", "description": "All."}),
    ],
)
def test_the_server_is_described_as_far_as_the_file_does(described: Describe, server: str, info: Any) -> None:
    """Without tags there is no list of them."""
    document = described(f"version: 1\nserver: {server}\nendpoints: {{{OPEN}}}\n")
    assert (document["info"] | {"version": "1"}, list(document)) == (info, ["openapi", "info", "paths", "components"])


TEXT, NUMBER, NONE = {"type": "string"}, {"type": "integer"}, {"type": "null"}


@pytest.mark.parametrize(
    ("found", "schema"),
    [
        (value_schema(None), NONE),
        (value_schema([1, 2]), {"type": "array", "items": NUMBER}),
        (value_schema({"a": [None, "x"]}),
         {"type": "object", "properties": {"a": {"type": "array", "items": {"anyOf": [NONE, TEXT]}}}, "required": ["a"]}),
        (object_schema({}), {"type": "object"}),
        (list_schema([]), {"type": "array"}),
        (any_of([TEXT, TEXT]), TEXT),
        (any_of([TEXT, NUMBER, TEXT]), {"anyOf": [TEXT, NUMBER]}),
        (any_of([TEXT, {}]), {}),
        (nullable({}), {}),
        (nullable(NONE), NONE),
        (nullable(TEXT), {"type": ["string", "null"]}),
        (nullable({"type": ["string", "null"]}), {"anyOf": [{"type": ["string", "null"]}, NONE]}),
        (nullable({"type": "string", "enum": ["a"]}), {"anyOf": [{"type": "string", "enum": ["a"]}, NONE]}),
        (nullable({"type": "string", "const": "a"}), {"anyOf": [{"type": "string", "const": "a"}, NONE]}),
        (nullable({"const": 1}), {"anyOf": [{"const": 1}, NONE]}),
        (nullable({"anyOf": [TEXT, NUMBER]}), {"anyOf": [TEXT, NUMBER, NONE]}),
    ],
)  # fmt: skip
def test_schemas_are_no_wider_than_their_values(found: Any, schema: Any) -> None:
    """One of several is told once, and what nothing is known of fits all."""
    assert found == schema
