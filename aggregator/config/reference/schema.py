"""The JSON Schema (2020-12) of routes.yaml, generated from the models, for completion and hover in editors.

``aggregator schema`` prints it. It accepts what ``check`` accepts as far as a schema can say it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aggregator.config.hints.unknown_keys import ENDPOINT_KEY
from aggregator.config.hints.vocabulary import keys_of
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.reference.editing import for_editors
from aggregator.config.reference.naming import Names, with_names
from aggregator.fields import Settings, duration_text, size_text

Schema = dict[str, Any]

_VARIABLE = {
    "description": "A variable, an environment value with a default, or the text of a file.",
    "type": "string",
    "pattern": r"^\$\{[^}]+\}.*$",
    "examples": ["${NAME}", "${NAME:-default}", "${file:/run/secrets/name}"],
}
_A_VARIABLE = {"$ref": "#/$defs/Variable"}
_SHARED: dict[str, Schema] = {
    "Duration": {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"},
    "Size": {
        "type": ["string", "integer"],
        "pattern": r"^\d+(\.\d+)?\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$",
        "minimum": 0,
    },
}
_HOVER: dict[str, Schema] = {
    "Duration": {"description": "A duration with its unit.", "examples": ["250ms", "2s", "1m30s"]},
    "Size": {"description": "Bytes, as a number or with a unit.", "examples": ["64KiB", "8MB", 1048576]},
}
_ENDPOINT_KEY = f"^{ENDPOINT_KEY.pattern}"
_PARAMETER = {
    "description": "The name of a type, or a JSON Schema.",
    "anyOf": [
        {"enum": ["string", "integer", "number", "boolean", "array"]},
        {"type": "object", "description": "A JSON Schema; `required` and `default` are about the parameter itself."},
    ],
}
_CALL = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/CallSettings"}]}


def schema_text(names: Names | None = None) -> str:
    """Return the schema for editors as the text of a file; it offers *names*, those that a file declares."""
    schema = for_editors(build_schema())
    return json.dumps(schema if names is None else with_names(schema, names), ensure_ascii=False, indent=2) + "\n"


def build_schema() -> Schema:
    """Return the schema of a whole file."""
    schema = RootSettings.model_json_schema(by_alias=True, mode="validation")
    parts: dict[str, Schema] = schema.pop("$defs")
    for part in parts.values():
        _walk(part, _plain)
    _walk(schema, _plain)
    _short_forms(parts)
    for model in (CallSettings, BackgroundCallSettings, EndpointSettings):
        _own_first(parts[model.__name__], model)
    _top_level(schema, parts["VirtualHostSettings"])
    parts |= {name: _HOVER[name] | shared for name, shared in _SHARED.items()}
    parts |= {"Variable": _VARIABLE, "Parameter": _PARAMETER}
    properties = schema.pop("properties")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "routes.yaml",
        **schema,
        "properties": properties,
        "$defs": dict(sorted(parts.items())),
    }


def _walk(schema: Any, change: Callable[[Schema], None]) -> None:
    """Apply *change* to *schema* and every schema inside it, the inner ones first."""
    if isinstance(schema, list):
        for item in schema:
            _walk(item, change)
    elif isinstance(schema, dict):
        for name, inner in schema.items():
            if name in ("default", "examples", "const", "enum"):
                continue
            if name in ("properties", "patternProperties"):
                for member in inner.values():
                    _walk(member, change)
            else:
                _walk(inner, change)
        change(schema)


def _plain(schema: Schema) -> None:
    """Remove what only Python needs, and allow a variable where a value of another kind is expected."""
    schema.pop("title", None)
    if schema.get("default", 0) in (None, [], {}, ""):
        del schema["default"]
    told: Schema = {name: schema.pop(name) for name in ("description", "default", "examples") if name in schema}
    choices = [choice for member in schema.get("anyOf", ()) for choice in _flat(member)] or [_named(dict(schema))]
    _as_written(told, choices[0])
    if any(_is_narrow(choice) for choice in choices) and _A_VARIABLE not in choices:
        choices.append(_A_VARIABLE)
    schema.clear()
    schema |= {**told, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}


def _as_written(told: Schema, choice: Schema) -> None:
    """Write the default of a duration or a size the way the file does; leave out examples that its type has."""
    name = str(choice.get("$ref", "")).rpartition("/")[2]
    if name in _SHARED:
        if "default" in told:
            value = told["default"]
            told["default"] = duration_text(value) if name == "Duration" else size_text(value)
        if told.get("examples") == _HOVER[name]["examples"]:
            del told["examples"]


def _flat(member: Schema) -> list[Schema]:
    """Return the choices of *member*, which is itself a choice of another schema."""
    return [choice for choice in member["anyOf"] if choice != _A_VARIABLE] if "anyOf" in member else [member]


def _named(schema: Schema) -> Schema:
    """Return *schema*, or the name of one that occurs all over."""
    return next(({"$ref": f"#/$defs/{name}"} for name, known in _SHARED.items() if known == schema), schema)


def _is_narrow(schema: Schema) -> bool:
    """Return whether *schema* refuses the text ``${NAME}``."""
    if "$ref" in schema:
        return schema["$ref"] in ("#/$defs/Duration", "#/$defs/Size")
    return schema.get("type") in ("integer", "number", "boolean") or "enum" in schema


def _short_forms(parts: dict[str, Schema]) -> None:
    """Add what the validators of the models accept before they look at the fields."""
    keys = parts["StatusRow"]["properties"]["on"]["anyOf"][:3]  # an editor takes the key 404 for a number
    for part in parts.values():
        properties = part.get("properties", {})
        for name in ("fallback", "race"):
            if name in properties:
                properties[name]["items"] = _CALL
        if "status_map" in properties:
            properties["status_map"]["anyOf"][0]["propertyNames"] = {"anyOf": keys}
    endpoint = parts["EndpointSettings"]["properties"]
    background = endpoint["background"]
    endpoint["background"] = {
        "description": background["description"],
        "anyOf": [{"type": "array", "items": background["items"]}, *background["items"]["anyOf"]],
    }
    for name in ("params", "query", "headers", "cookies"):
        endpoint[name]["additionalProperties"] = {"$ref": "#/$defs/Parameter"}


def _own_first(part: Schema, model: type[Settings]) -> None:
    """Put the keys that *model* declares itself before those that it inherits: `url` comes first in a call."""
    part["properties"] = {name: part["properties"][name] for name in keys_of(model)}


def _top_level(schema: Schema, virtual_host: Schema) -> None:
    schema["patternProperties"] = {"^x-": {"description": "Yours: anchors, notes. Nothing reads it."}}
    schema["properties"]["groups"]["additionalProperties"]["description"] = "A fan-out group: calls by name."
    for holder in (schema, virtual_host):
        endpoints = holder["properties"]["endpoints"]
        endpoints["patternProperties"] = {_ENDPOINT_KEY: endpoints["additionalProperties"]}
        endpoints["additionalProperties"] = False
