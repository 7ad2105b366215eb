"""What the JSON Schema says beyond what is valid, so that an editor offers and inserts what a person wants.

The words are those of yaml-language-server, which VS Code, Neovim, Zed and others use: ``defaultSnippets`` are offered
as a whole, the first of ``examples`` is inserted behind a key (unless there is a ``default``), and a ``description``
behind a ``$ref`` hides the one beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from aggregator.schemas.keywords import KEYWORDS, TYPES

Schema = dict[str, Any]

_SPOKEN_FOR = ("Duration", "Size", "Variable")
"""Definitions of values; each place has examples of its own."""

_GET = "GET /${1:path/{id\\}}"
_SNIPPETS: dict[str, list[Schema]] = {
    "endpoints": [
        {
            "label": "GET: one call",
            "description": "An endpoint that passes the answer of one call through.",
            "body": {_GET: {"call": "${2:upstream}:/${3:path/{id\\}}"}},
        },
        {
            "label": "GET: several calls side by side",
            "description": "An endpoint whose answer is an object with the results of several calls.",
            "body": {
                _GET: {"fan_out": {"${2:one}": "${3:upstream}:/${4:path}", "${5:two}": "${6:upstream}:/${7:path}"}}
            },
        },
        {
            "label": "POST: a body, one call",
            "description": "An endpoint that checks a JSON body and sends it to an upstream.",
            "body": {
                "POST /${1:path}": {
                    "body": {
                        "type": "object",
                        "required": ["${2:name}"],
                        "properties": {"${2:name}": {"type": "string"}},
                    },
                    "call": {"method": "POST", "url": "${3:upstream}:/${4:path}", "json": "{{ body \\}\\}"},
                }
            },
        },
        {
            "label": "GET: a static answer",
            "description": "An endpoint that calls nobody.",
            "body": {_GET: {"respond": {"body": "${2:hello}"}}},
        },
    ],
    "upstreams": [
        {
            "label": "upstream",
            "description": "A service that calls name as `users:/path`.",
            "body": {"${1:users}": {"url": "${2:https://users.example.com}", "timeout": "${3:2s}"}},
        },
    ],
    "groups": [
        {
            "label": "group of calls",
            "description": "Calls that any fan-out takes with `use`.",
            "body": {"${1:customer}": {"${2:profile}": "${3:users}:/${4:path}"}},
        },
    ],
}  # fmt: skip
_PARAMETER_SNIPPETS = [
    {
        "label": "integer",
        "description": "A whole number, at least 1.",
        "body": {"${1:id}": {"type": "integer", "minimum": 1}},
    },
    {"label": "string", "description": "Any text.", "body": {"${1:name}": "string"}},
    {
        "label": "one of several words",
        "description": "A choice with a default.",
        "body": {"${1:sort}": {"type": "string", "enum": ["${2:asc}", "${3:desc}"], "default": "${2:asc}"}},
    },
]
_KEYWORD_KINDS: dict[str, Schema] = {
    "type": {"enum": list(TYPES)},
    "number": {"type": "number"},
    "positive": {"type": "number", "exclusiveMinimum": 0},
    "count": {"type": "integer", "minimum": 0},
    "text": {"type": "string"},
    "pattern": {"type": "string"},
    "format": {"type": "string", "examples": ["email"]},
    "flag": {"type": "boolean"},
}


def for_editors(schema: Schema) -> Schema:
    """Return *schema*, that of a whole file, as the one for editors."""
    schema = deepcopy(schema)  # definitions are shared with what the reference is made from
    definitions = schema["$defs"]
    for part in _inner(schema):
        _offer_the_other(part)
    _speak_at_the_place(schema, definitions, described=True)
    for definition in definitions.values():
        definition.pop("description", None)
    for name in _SPOKEN_FOR:
        definitions[name].pop("examples", None)
    for name, snippets in _SNIPPETS.items():
        schema["properties"][name]["defaultSnippets"] = snippets
    for name in ("params", "query", "headers", "cookies"):
        definitions["EndpointSettings"]["properties"][name]["defaultSnippets"] = _PARAMETER_SNIPPETS
    _describe_parameters(definitions["Parameter"])
    return schema


def _inner(schema: Any) -> Iterator[Schema]:
    """Yield *schema* and every mapping inside it."""
    if isinstance(schema, dict):
        yield schema
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _inner(value)


def _speak_at_the_place(part: Any, definitions: dict[str, Schema], *, described: bool) -> None:
    """Put the description of a definition beside each reference to it that has none; *described* tells of this one."""
    if isinstance(part, list):
        for inner in part:
            _speak_at_the_place(inner, definitions, described=described)
    elif isinstance(part, dict):
        if (reference := part.get("$ref")) and not described and "description" not in part:
            part["description"] = definitions[reference.rpartition("/")[2]]["description"]
        for name, inner in part.items():
            says = described or "description" in part if name in ("anyOf", "oneOf", "allOf") else False
            _speak_at_the_place(inner, definitions, described=says)


def _offer_the_other(part: Schema) -> None:
    """Offer the value that differs from the default of a switch: who writes the key wants to change it."""
    if isinstance(part.get("default"), bool) and "examples" not in part:
        part["examples"] = [not part.pop("default")]


def _describe_parameters(parameter: Schema) -> None:
    """Offer the keywords that a declared parameter may use."""
    kinds = {name: _KEYWORD_KINDS.get(keyword.kind, {}) for name, keyword in KEYWORDS.items()}
    parameter["anyOf"][1]["properties"] = kinds | {"required": {"type": "boolean", "examples": [True]}}
