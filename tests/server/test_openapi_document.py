"""From a configuration to its OpenAPI document: what stands where, and what never stands there."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI, PathItem
from msgspec.structs import replace

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.plan.types import Plan
from aggregator.server.openapi import build_openapi
from aggregator.templates import compile_pattern

HEAD = """
version: 1
server: {title: Shop API, version: 2026-11, description: All of it.}
upstreams:
  users: {url: https://users.internal:8443/v2, headers: {x-api-key: "k3y-of-users"}}
  shop: {url: https://shop.internal, query: {token: t0ken-of-shop}}
endpoints:
"""
TOUR = """
  GET /user/{user_id}:
    summary: One user
    description: Everything about *one*.
    tags: [people]
    params: {user_id: {type: integer, minimum: 1, description: Number of the user, example: 7}}
    call: {url: "users:/users/{user_id}", status_map: {404: {status: 404, detail: User not found}}}
  GET /dashboard/{user_id}:
    timeout: 3s
    tags: [people, pages]
    fan_out:
      profile: users:/users/{user_id}
      orders: {for_each: "{{ profile.orders }}", url: "shop:/orders/{item}", optional: true}
  POST /signup:
    body: {type: object, required: [email], properties: {email: {$ref: "#/$defs/mail"}}, $defs: {mail: {type: string}}}
    call: {method: POST, url: users:/users, json: "{{ body }}"}
  PUT /files/{name:path}:
    stream: true
    idle_timeout: 30s
    call: {method: PUT, url: "shop:/files/{name}", forward: {body: true}}
  GET /search:
    query:
      q: {type: string, required: true, minLength: 2}
      sort: {enum: [price, name], default: name}
      tags: {type: array, items: {type: string}, explode: false}
    headers: {x-tenant: {type: string}}
    call: {url: "shop:/search?q={query.q}", forward: {headers: [authorization, accept-language], query: [page]}}
  GET /secret: {hidden: true, respond: {body: 1}}
  GET /old: {deprecated: true, respond: {body: {message: hello, since: [1, 2]}}}
"""

Describe = Callable[[str], dict[str, Any]]


@pytest.fixture
def plan_of(tmp_path: Path) -> Callable[[str], Plan]:
    """Return the function from endpoints in YAML to a plan."""

    def compile_text(endpoints: str) -> Plan:
        file = tmp_path / "routes.yaml"
        file.write_text(HEAD + endpoints)
        return compile_plan(load_config(file))

    return compile_text


@pytest.fixture
def describe(plan_of: Callable[[str], Plan]) -> Describe:
    """Return the function from endpoints in YAML to their document."""
    return lambda endpoints: build_openapi(plan_of(endpoints))


def one(document: dict[str, Any]) -> dict[str, Any]:
    """Return the only operation of *document*."""
    [item] = document["paths"].values()
    [operation] = item.values()
    return dict(operation)


@pytest.mark.long
def test_is_valid_openapi(describe: Describe) -> None:
    """The document obeys the specification, all references included."""
    validator = pytest.importorskip("openapi_spec_validator")
    document = describe(TOUR)
    assert document["openapi"] == "3.1.0"
    validator.validate(document)


def test_loads_into_models_of_fastapi(describe: Describe) -> None:
    """What reads documents of FastAPI reads this one, operation by operation."""
    document = OpenAPI.model_validate(describe(TOUR))
    items = [PathItem.model_validate(item) for item in document.paths.values()]
    assert items[0].get.responses["404"].description == "User not found."


def test_says_what_the_file_says(describe: Describe) -> None:
    """Title, texts, tags in order of appearance, deprecation: as declared; a hidden endpoint is left out."""
    document = describe(TOUR)
    user = document["paths"]["/user/{user_id}"]["get"]
    assert document["info"] == {"title": "Shop API", "version": "2026-11", "description": "All of it."}
    assert document["tags"] == [{"name": "people"}, {"name": "pages"}]
    assert (user["operationId"], user["summary"]) == ("get_user_by_user_id", "One user")
    assert (user["description"], user["tags"]) == ("Everything about *one*.", ["people"])
    assert document["paths"]["/old"]["get"]["deprecated"] is True
    assert document["paths"]["/dashboard/{user_id}"]["get"]["summary"] == "Get dashboard by user id"
    assert "/secret" not in document["paths"]


def test_keeps_upstreams_to_itself(describe: Describe) -> None:
    """Upstreams appear by name alone: no address, path, header or credential of theirs."""
    text = json.dumps(describe(TOUR))
    assert "users" in text
    assert not [word for word in ("internal", "8443", "/v2", "x-api-key", "k3y", "t0ken") if word in text]


def test_says_what_stands_behind(describe: Describe) -> None:
    """`x-aggregator` names upstreams and deadline, and the parts of a fan-out with what they wait for."""
    paths = describe(TOUR)["paths"]
    assert paths["/dashboard/{user_id}"]["get"]["x-aggregator"] == {
        "upstreams": ["users", "shop"],
        "timeout": "3s",
        "parts": {
            "profile": {"upstreams": ["users"]},
            "orders": {"upstreams": ["shop"], "after": ["profile"], "for_each": True, "optional": True},
        },
    }
    assert paths["/files/{name}"]["put"]["x-aggregator"] == {"upstreams": ["shop"], "idle_timeout": "30s"}


def test_names_upstreams_inside_parts(describe: Describe) -> None:
    """Alternatives, races and groups count; an address written into a call is never shown."""
    operation = one(
        describe("""
  GET /all:
    fan_out:
      a: {race: [users:/a, shop:/a]}
      b: {fan_out: {c: {url: users:/c, fallback: [shop:/c]}}}
      d: https://elsewhere.internal/d
""")
    )
    assert operation["x-aggregator"]["upstreams"] == ["users", "shop", "d"]


def test_parameters_are_as_declared(describe: Describe) -> None:
    """Types, rules, defaults, enums, examples and styles of parameters are those that requests are held against."""
    paths = describe(TOUR)["paths"]
    assert paths["/user/{user_id}"]["get"]["parameters"] == [
        {"name": "user_id", "in": "path", "required": True, "description": "Number of the user", "example": 7,
         "schema": {"type": "integer", "minimum": 1}},
    ]  # fmt: skip
    search = {(p["in"], p["name"]): p for p in paths["/search"]["get"]["parameters"]}
    assert search["query", "q"]["required"] is True
    assert search["query", "sort"]["schema"] == {"enum": ["price", "name"], "default": "name", "type": "string"}
    assert (search["query", "tags"]["style"], search["query", "tags"]["explode"]) == ("form", False)
    assert search["header", "x-tenant"]["required"] is False


def test_parameters_that_are_only_used(describe: Describe) -> None:
    """What the file reads or passes on without declaring it can be sent, so it is a parameter."""
    operation = one(
        describe("""
  GET /search:
    call: {url: "shop:/search?q={query.q}", forward: {headers: [accept-language, Accept], query: [page]}}
""")
    )
    assert operation["parameters"] == [
        {"name": "q", "in": "query", "required": False, "schema": {"type": "string"}},
        {"name": "page", "in": "query", "required": False, "schema": {"type": "string"}},
        {"name": "accept-language", "in": "header", "required": False, "schema": {"type": "string"}},
    ]


def test_parameters_are_found_everywhere(describe: Describe) -> None:
    """A query parameter or header is found in conditions, lists, bodies, answers and background calls alike."""
    operation = one(
        describe("""
  POST /all:
    fan_out:
      a: {url: users:/a, when: "{{ query.a == '1' }}", json: {b: "{{ query.b }}"}, headers: {x-c: "{{ headers.c }}"}}
      d: {for_each: {in: "{{ query.d }}", key: "{{ query.e }}"}, url: "shop:/d/{item}", query: {f: "{{ query.f }}"}}
    response: {body: "{{ query.g }}", headers: {x-h: "{{ query.h }}"}}
    background: [{url: "shop:/log?i={query.i}", when: "{{ query.j }}"}]
""")
    )
    assert sorted(p["name"] for p in operation["parameters"]) == list("abcdefghij")


def test_authorization_is_a_security_scheme(describe: Describe) -> None:
    """OpenAPI ignores a header parameter of that name; a client may send it where it is passed on."""
    document = describe(TOUR)
    assert document["paths"]["/search"]["get"]["security"] == [{"authorization": []}, {}]
    assert document["components"]["securitySchemes"]["authorization"]["name"] == "Authorization"
    assert "security" not in document["paths"]["/signup"]["post"]
    assert "securitySchemes" not in describe("  GET /: {respond: {body: 1}}")["components"]


def test_equal_paths_are_one(describe: Describe) -> None:
    """Paths that differ in the names of parameters alone are one path, with the names of the first."""
    document = describe("""
  GET /users/{id}: users:/users/{id}
  DELETE /users/{user_id}: {params: {user_id: integer}, call: {method: DELETE, url: "users:/users/{user_id}"}}
""".replace(": users:/users/{id}", ": {call: \"users:/users/{id}\"}"))  # fmt: skip
    assert list(document["paths"]) == ["/users/{id}"]
    deletion = document["paths"]["/users/{id}"]["delete"]
    assert deletion["parameters"] == [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
    assert deletion["operationId"] == "delete_users_by_user_id"


def test_the_rest_of_a_path(describe: Describe) -> None:
    """`{name:path}` is a parameter that says so; beside `{name}` it gets a name of its own."""
    document = describe("""
  GET /files/{name}: {respond: {body: 1}}
  GET /files/{name:path}: {respond: {body: 2}}
  PUT /files/{key:path}: {respond: {body: 3}}
""")
    assert list(document["paths"]) == ["/files/{name}", "/files/{name_path}"]
    assert list(document["paths"]["/files/{name}"]) == ["get", "put"]
    [rest] = document["paths"]["/files/{name_path}"]["get"]["parameters"]
    assert rest["description"] == "The rest of the path; it may hold slashes."


def test_literal_text_is_encoded(describe: Describe) -> None:
    """A path is a URL: what is not ASCII stands percent-encoded; `/` stays `/`."""
    document = describe("""
  GET /: {respond: {body: 1}}
  GET /café/: {respond: {body: 1}}
""")
    assert list(document["paths"]) == ["/", "/caf%C3%A9/"]


def test_operation_ids_are_unique(plan_of: Callable[[str], Plan]) -> None:
    """Endpoints that read alike have their own, and a declared one stays, so that generated clients can be kept."""
    plan = plan_of("""
  GET /users/{id}: {respond: {body: 1}}
  GET /users/by/id: {respond: {body: 1}}
  GET /a/b: {respond: {body: 1}}
  GET /own: {operation_id: get_a_b, respond: {body: 1}}
""")
    document = build_openapi(plan)
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert ids == ["get_users_by_id_0718bf", "get_users_by_id", "get_a_b_1b3a25", "get_a_b"]


def test_declared_body(describe: Describe) -> None:
    """A declared body is a named component whose own references still lead somewhere."""
    document = describe(TOUR)
    assert document["paths"]["/signup"]["post"]["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/post_signup_body"}}},
    }
    body = document["components"]["schemas"]["post_signup_body"]
    assert body["properties"]["email"] == {"$ref": "#/components/schemas/post_signup_body/$defs/mail"}


def test_bodies_that_are_only_used(describe: Describe) -> None:
    """A body that expressions read is JSON of any shape; one that is passed on is anything at all."""
    used = one(describe("  POST /a: {call: {method: POST, url: users:/a, json: {all: '{{ body }}'}}}"))
    passed = describe(TOUR)["paths"]["/files/{name}"]["put"]
    assert used["requestBody"] == {"required": False, "content": {"application/json": {"schema": {}}}}
    assert passed["requestBody"]["content"] == {"*/*": {"schema": {}}}
    assert "requestBody" not in one(describe("  GET /: {respond: {body: 1}}"))


def test_component_names_are_safe_and_unique(describe: Describe) -> None:
    """Whatever an operationId holds, the component of its body has a name that OpenAPI allows, and its own."""
    document = describe("""
  POST /a: {operation_id: "make it!", body: object, respond: {body: 1}}
  POST /b: {operation_id: make it?, body: object, respond: {body: 1}}
""")
    assert list(document["components"]["schemas"])[3:] == ["make_it__body", "make_it__body_2"]


def test_each_document_is_its_own(plan_of: Callable[[str], Plan]) -> None:
    """Building twice gives equal documents in the same order."""
    plan = plan_of(TOUR)
    assert json.dumps(build_openapi(plan)) == json.dumps(build_openapi(plan))


def test_many_endpoints(plan_of: Callable[[str], Plan]) -> None:
    """A thousand endpoints are described within seconds of processor time."""
    plan = plan_of(TOUR)
    page = plan.endpoints[1]
    copies = [
        replace(page, pattern=compile_pattern(f"/{name}/{{id}}"), doc=replace(page.doc, operation_id=name))
        for name in map("page{}".format, range(1000))
    ]
    started = time.process_time()
    document = build_openapi(dataclasses.replace(plan, endpoints=tuple(copies)))
    assert time.process_time() - started < 5.0
    assert len(document["paths"]) == 1000
