"""The JSON Schema for editors: it takes what the loader takes and refuses what it refuses, as far as it can say."""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from aggregator.config.loading import load_config
from aggregator.config.reference.schema import build_schema, schema_text
from aggregator.errors import ConfigError

ROOT = Path(__file__).parents[2]
FILES = [
    *ROOT.glob("[!.]*.yaml"),
    *ROOT.glob("examples/*.yaml"),  # what they include is a part of a file, without a version
    ROOT / "aggregator/config/reference/starter.yaml",
]
BLOCKS = [
    (file, number, block)
    for file in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
    for number, block in enumerate(re.findall(r"```yaml\n(version: 1\n.*?)```", file.read_text(), re.DOTALL))
]

TOUR = """
version: 1
x-note: anything
server: {title: Shop API, port: "${PORT:-8000}", max_body: 64KiB, watchdog: 0s}
client: {timeout: {total: 10s, connect: "${CONNECT:-5s}"}, limits: {max_connections: 50, max_keepalive: 20}}
upstreams:
  users: {url: "${USERS_URL:-https://users.test}", timeout: 2s, headers: {x-api-key: "${file:/run/key}"}}
  shop: {url: "https://shop.test", status_map: {timeout: 504, 5xx: {status: 502}}}
groups:
  customer: {profile: "users:/users/{user_id}", orders: {url: "shop:/users/{user_id}/orders", optional: true}}
endpoints:
  GET /user/{user_id}:
    params: {user_id: {type: integer, minimum: 1}}
    call: users:/users/{user_id}
    status_map: {404: {status: 404, detail: User not found}, 4xx: 400}
  GET /dashboard/{user_id}:
    params: {user_id: integer}
    timeout: 3s
    fan_out:
      use: customer
      count: {url: "shop:/count", optional: true, default: {count: 0}, fallback: ["users:/count", {url: "shop:/n"}]}
      fast: {race: ["users:/a", {url: "shop:/a", timeout: {read: 1s}}]}
      lines: {for_each: {in: "{{ profile.items }}", batch: {key: sku}}, url: "shop:/products?ids={keys}"}
    response: {body: {a: "{{ profile.id }}"}, headers: {cache-control: "private"}, etag: true}
  POST /signup:
    body: {type: object, required: [email]}
    call: {method: POST, url: users:/users, json: "{{ body }}"}
    background: {url: "POST users:/events", when: "{{ response.status < 300 }}"}
  GET /hello: {respond: {status: 203, body: hello}, background: ["POST users:/x", {url: "POST users:/y"}]}
"""


@cache
def validator() -> Any:
    """Return the schema, compiled."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema_text()))


def as_json(value: Any) -> Any:
    """Return what YAML read as JSON has it: keys are texts."""
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, date):  # a text for editors, which read YAML 1.2
        return value.isoformat()
    return [as_json(item) for item in value] if isinstance(value, list) else value


def refusals(text: str) -> list[str]:
    """Return what the schema says against *text*."""
    return [str(error) for error in validator().iter_errors(as_json(yaml.safe_load(text)))]


@pytest.mark.long
def test_it_is_a_schema() -> None:
    """The schema follows the rules of its own dialect."""
    meta = jsonschema_rs.Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})
    assert meta.is_valid(build_schema())


@pytest.mark.long
def test_the_file_beside_routes_yaml_is_current() -> None:
    """routes.schema.json is what the models say now; `python -m aggregator.config.reference --write` renews it."""
    assert (ROOT / "routes.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_ours_fits(file: Path) -> None:
    """An editor underlines nothing in the files that come with the project."""
    assert refusals(file.read_text()) == []


@pytest.mark.parametrize(("file", "number", "block"), BLOCKS, ids=lambda value: getattr(value, "name", str(value))[:12])
def test_every_whole_file_in_the_documents_fits(file: Path, number: int, block: str) -> None:
    """An editor underlines nothing in what the documents show."""
    assert refusals(block) == []


def test_the_tour_fits() -> None:
    """Short forms, long forms and variables wherever the language takes them."""
    assert refusals(TOUR) == []


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("port: \"${PORT:-8000}\"", "port: high"),
        ("title: Shop API", "tilte: Shop API"),
        ("watchdog: 0s", "watchdog: 3"),
        ("max_body: 64KiB", "max_body: 64 potatoes"),
        ("GET /user/{user_id}:", "FETCH /user/{user_id}:"),
        ("GET /user/{user_id}:", "GET user:"),
        ("timeout: 504", "time_out: 504"),
        ("call: users:/users/{user_id}\n", "calls: users:/users/{user_id}\n"),
        ("user_id: integer", "user_id: int"),
        ("optional: true, default", "optional: perhaps, default"),
        ("use: customer", "use: {customer: true}"),
        ("version: 1", "version: 2"),
        ("batch: {key: sku}", "batch: {size: 3}"),
        ("etag: true", "etags: true"),
        ('fallback: ["users:/count", {url: "shop:/n"}]', "fallback: [1]"),
        ("upstreams:", "upstream:"),
    ],
)  # fmt: skip
def test_mistakes_are_underlined(tmp_path: Path, part: str, wrong: str) -> None:
    """What the loader refuses for its form, the schema refuses too."""
    assert part in TOUR
    text = TOUR.replace(part, wrong)
    assert refusals(text) != []
    (tmp_path / "routes.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "routes.yaml", {})


def test_hover_and_completion() -> None:
    """Every key says what it does; choices are listed; defaults are as the file writes them."""
    parts = build_schema()["$defs"]
    for name, part in parts.items():
        for key, schema in part.get("properties", {}).items():
            assert "description" in schema or "$ref" in schema, f"{name}.{key}"
            assert "title" not in schema
    server = parts["ServerSettings"]["properties"]
    access = parts["LogSettings"]["properties"]["access"]
    assert access["anyOf"][0]["enum"] == ["all", "errors", "none"]
    assert (server["max_body"]["default"], server["body_timeout"]["default"]) == ("1MiB", "30s")
    assert "timeout" in json.dumps(parts["StatusRow"]["properties"]["on"])
