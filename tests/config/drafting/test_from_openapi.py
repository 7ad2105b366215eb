"""An OpenAPI document becomes a file with an endpoint for each chosen operation, which passes `check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.config.drafting.openapi import draft_from_openapi
from aggregator.config.loading import load_config
from aggregator.errors import AggregatorError

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://api.shop.example.com/v1/"}],
    "security": [{"key": []}],
    "paths": {
        "/users/{user_id}": {
            "parameters": [{"$ref": "#/components/parameters/UserId"}],
            "get": {
                "operationId": "getUser",
                "summary": "One user",
                "parameters": [
                    {"name": "page", "in": "query", "schema": {"type": "integer", "default": 1}},
                    {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 2}},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                ],
            },
        },
        "/users": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/User"}}}}
            }
        },
    },
    "components": {
        "parameters": {"UserId": {"name": "user_id", "in": "path", "required": True, "schema": {"type": "integer"}}},
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        "schemas": {
            "User": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "nullable": True, "x-internal": 1},
                    "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
                    "friend": {"$ref": "#/components/schemas/User"},
                },
            }
        },
    },
}


def draft(tmp_path: Path, document: dict[str, Any], *chosen: str) -> Any:
    """Return the draft of *document*."""
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    return draft_from_openapi(tmp_path / "openapi.json", chosen)


def test_parameters_are_declared_and_passed_on(tmp_path: Path) -> None:
    """Path, query and header parameters are declared with their schemas and sent with the call."""
    text = draft(tmp_path, DOCUMENT, "getUser").text()
    assert yaml.safe_load(text)["endpoints"] == {
        "GET /users/{user_id}": {
            "summary": "One user",
            "operation_id": "getUser",
            "params": {"user_id": "integer"},
            "query": {
                "page": {"type": "integer", "default": 1},
                "q": {"type": "string", "minLength": 2, "required": True},
            },
            "headers": {"X-Trace": "string"},
            "call": {
                "url": "shop:/users/{user_id}",
                "query": {"page": "{{ query.page }}", "q": "{{ query.q }}"},
                "headers": {"X-Trace": "{{ headers['x-trace'] }}"},
            },
        }
    }


def test_a_body_loses_its_references(tmp_path: Path) -> None:
    """Schemas are written out, OpenAPI 3.0 becomes JSON Schema, and what refers to itself ends somewhere."""
    body = yaml.safe_load(draft(tmp_path, DOCUMENT, "POST /users").text())["endpoints"]["POST /users"]["body"]
    assert body["properties"]["name"] == {"type": ["string", "null"]}
    assert body["properties"]["age"] == {"type": "integer", "exclusiveMinimum": 0}
    assert body["properties"]["friend"]["properties"]["friend"]["required"] == ["name"]


def test_credentials_are_variables(tmp_path: Path) -> None:
    """The header of a security scheme stands under the upstream, with a variable for its value."""
    made = draft(tmp_path, DOCUMENT)
    assert yaml.safe_load(made.text())["upstreams"] == {
        "shop": {
            "url": "https://api.shop.example.com/v1",
            "timeout": "2s",
            "headers": {"x-api-key": "${SHOP_X_API_KEY}"},
        }
    }
    assert made.variables == (("SHOP_X_API_KEY", "the credential for X-API-Key"),)


def test_the_file_passes_check(tmp_path: Path) -> None:
    """What is drafted has no problem once its variables are set."""
    (tmp_path / "routes.yaml").write_text(draft(tmp_path, DOCUMENT).text())
    config = load_config(tmp_path / "routes.yaml", {"SHOP_X_API_KEY": "value"})
    assert [one.key for one in config.endpoints] == ["GET /users/{user_id}", "POST /users"]


def test_our_own_documents_can_be_drafted(tmp_path: Path) -> None:
    """The document that a server of ours gives is one that `init` takes."""
    from fastapi.testclient import TestClient

    import aggregator

    config = aggregator.load_config(Path(__file__).parents[3] / "routes.yaml")
    document = TestClient(aggregator.create_app(config)).get("/openapi.json").json()
    made = draft(tmp_path, document)
    (tmp_path / "routes.yaml").write_text(made.text())
    drafted = load_config(tmp_path / "routes.yaml", {name: "value" for name, _ in made.variables})
    assert [one.key for one in drafted.endpoints] == [one.key for one in config.endpoints]


@pytest.mark.parametrize(
    ("text", "chosen", "said"),
    [
        ("{", "", "neither JSON nor YAML"),
        ("openapi: !!int 3.x", "", "neither JSON nor YAML"),
        ("released: 2027-02-30", "", "no OpenAPI 3 document"),
        ("[1]", "", "no OpenAPI 3 document"),
        ('{"swagger": "2.0"}', "", "no OpenAPI 3 document"),
        (json.dumps(DOCUMENT), "getUsr", "Did you mean 'getUser'"),
    ],
)
def test_what_cannot_be_drafted_is_said(tmp_path: Path, text: str, chosen: str, said: str) -> None:
    """A text that is no document, and an operation that it lacks, are refused with the reason."""
    (tmp_path / "openapi.json").write_text(text)
    with pytest.raises(AggregatorError, match=said):
        draft_from_openapi(tmp_path / "openapi.json", [chosen] if chosen else [])


def test_a_document_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A path that leads nowhere is one clear sentence."""
    with pytest.raises(AggregatorError, match="cannot be read: No such file"):
        draft_from_openapi(tmp_path / "nope.json")


def test_a_relative_server_is_noted(tmp_path: Path) -> None:
    """A document that names its server by a path leaves the host to the reader, and says so."""
    made = draft(tmp_path, DOCUMENT | {"servers": [{"url": "/v1"}]})
    assert made.notes == ("the document names the server '/v1'; put its full URL under `upstreams`",)
