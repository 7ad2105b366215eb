"""The keywords of JSON Schema 2020-12 that a declaration may use, and what each takes.

A table, read by the check of declarations and by everything that walks through subschemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Any

from msgspec import Struct

from aggregator.schemas.problems import Path

Schema = dict[str, Any]
"""A schema as it was declared; nested schemas may also be true or false."""

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_NUMBER = frozenset(["number", "integer"])
_STRING = frozenset(["string"])
_ARRAY = frozenset(["array"])
_OBJECT = frozenset(["object"])


class Keyword(Struct, frozen=True):
    """One keyword: the kind of its value, and the types of data it says something about (None: all)."""

    kind: str
    types: frozenset[str] | None = None


def _table(kind: str, types: frozenset[str] | None, *names: str) -> dict[str, Keyword]:
    return dict.fromkeys(names, Keyword(kind, types))


KEYWORDS: dict[str, Keyword] = {
    **_table("type", None, "type"),
    **_table("enum", None, "enum"),
    **_table("anything", None, "const", "default", "example"),
    **_table("list", None, "examples"),
    **_table("format", None, "format"),
    **_table("number", _NUMBER, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    **_table("positive", _NUMBER, "multipleOf"),
    **_table("count", _STRING, "minLength", "maxLength"),
    **_table("pattern", _STRING, "pattern"),
    **_table("text", _STRING, "contentEncoding", "contentMediaType"),
    **_table("schema", _STRING, "contentSchema"),
    **_table("count", _ARRAY, "minItems", "maxItems", "minContains", "maxContains"),
    **_table("flag", _ARRAY, "uniqueItems"),
    **_table("schema", _ARRAY, "items", "contains", "unevaluatedItems"),
    **_table("schemas", _ARRAY, "prefixItems"),
    **_table("count", _OBJECT, "minProperties", "maxProperties"),
    **_table("names", _OBJECT, "required"),
    **_table("names by name", _OBJECT, "dependentRequired"),
    **_table("schema", _OBJECT, "additionalProperties", "propertyNames", "unevaluatedProperties"),
    **_table("schemas by name", _OBJECT, "properties", "dependentSchemas"),
    **_table("schemas by pattern", _OBJECT, "patternProperties"),
    **_table("schema", None, "not", "if", "then", "else"),
    **_table("schemas", None, "allOf", "anyOf", "oneOf"),
    **_table("schemas by name", None, "$defs"),
    **_table("reference", None, "$ref"),
    **_table("name of a schema", None, "$schema", "$id"),
    **_table("text", None, "title", "description", "$comment"),
    **_table("flag", None, "deprecated", "readOnly", "writeOnly"),
    **_table("anything", None, "discriminator", "xml", "externalDocs"),
}

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DIALECT_HINT = "every schema here is JSON Schema 2020-12"
IDENTIFYING = ("$schema", "$id")
"""What a schema says of itself as a whole; it is taken note of, and means nothing to what is checked."""

ELSEWHERE: dict[str, str] = {
    "nullable": 'write `type: [string, "null"]` instead',
    "definitions": "write `$defs` instead",
    "dependencies": "write `dependentRequired` or `dependentSchemas` instead",
    "additionalItems": "write `prefixItems` with `items` instead",
    "optional": "leave the name out of `required` instead",
    "id": "a schema needs no name here",
    "in": "where a value comes from is said by what it stands under: `params`, `query`, `headers` or `cookies`",
    "name": "the name of a value is the key in front of its schema: remove it",
    "schema": "what OpenAPI keeps under `schema` stands here itself, beside `description`",
    "$anchor": "refer to a place by its path: `$ref: '#/$defs/name'`",
    "$dynamicRef": "use `$ref: '#/$defs/name'`",
    "$dynamicAnchor": "use `$ref: '#/$defs/name'`",
    "$recursiveRef": "use `$ref: '#'`",
    "$vocabulary": DIALECT_HINT,
}
"""Keywords of other drafts and dialects, and what to write instead."""

FORMATS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        [
            "date-time",
            "date",
            "time",
            "duration",
            "email",
            "idn-email",
            "hostname",
            "idn-hostname",
            "ipv4",
            "ipv6",
        ],
        _STRING,
    ),
    **dict.fromkeys(["uri", "uri-reference", "uri-template", "iri", "iri-reference", "uuid"], _STRING),
    **dict.fromkeys(["json-pointer", "relative-json-pointer", "regex"], _STRING),
    **dict.fromkeys(["password", "byte", "binary"], _STRING),
    **dict.fromkeys(["int32", "int64"], _NUMBER),
    **dict.fromkeys(["float", "double"], _NUMBER),
}
"""Formats by name, with the types they speak of; some of OpenAPI's are only documentation."""

INTEGER_FORMATS = {"int32": 2**31, "int64": 2**63}
DOCUMENTED_FORMATS = frozenset(["password", "byte", "binary", "float", "double"])


def resolve(root: Any, reference: str) -> Any:
    """Return what a local ``$ref`` (``#`` or a JSON pointer after it) leads to in *root*, or None."""
    found = root
    for token in reference.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and key.isascii() and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def subschemas(schema: Schema) -> Iterator[tuple[Path, Any]]:
    """Yield the schemas directly inside *schema*, each with its path; wrong values are passed over."""
    for name, value in schema.items():
        kind = KEYWORDS[name].kind if name in KEYWORDS else ""
        if kind == "schema":
            yield (name,), value
        elif kind == "schemas" and isinstance(value, list):
            yield from (((name, index), sub) for index, sub in enumerate(value))
        elif kind.startswith("schemas by") and isinstance(value, dict):
            yield from (((name, key), sub) for key, sub in value.items())


def rewrite(schema: Any, change: Callable[[Schema], Schema]) -> Any:
    """Return a copy of *schema* with *change* applied to it and to every schema inside, innermost first."""
    if not isinstance(schema, dict):
        return schema
    copy = {name: _copied(value) for name, value in schema.items()}
    for path, sub in subschemas(schema):
        holder: Any = copy
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = rewrite(sub, change)
    return change(copy)


STATING = frozenset(
    ["enum", "const", "pattern", "default", "example", "examples", "title", "description", "$comment"]
)  # fmt: skip
"""Keywords that state values and texts; the others say of what kind, how many and how large values are."""


def without(schema: Any, places: Sequence[Path]) -> Any:
    """Return *schema* without the ``STATING`` keywords that one of *places* is in; itself where there are none."""
    cuts = {cut for place in places if (cut := _stating(place))}
    if not cuts:
        return schema
    copy = deepcopy(schema)
    for cut in cuts:
        reduce(getitem, cut[:-1], copy).pop(cut[-1], None)
    return copy


def stated_at(schema: Any, places: Sequence[Path]) -> tuple[Any, ...]:
    """Return what stands at those of *places* in *schema* that are in a ``STATING`` keyword."""
    return tuple(reduce(getitem, place, schema) for place in places if _stating(place))


def _stating(place: Path) -> Path:
    """Return the beginning of *place* that ends with a ``STATING`` keyword, or nothing when there is none."""
    at = 0
    while at < len(place) and place[at] not in STATING:
        kind = KEYWORDS[str(place[at])].kind if place[at] in KEYWORDS else ""
        if not kind.startswith("schema"):
            return ()
        at += 1 if kind == "schema" else 2
    return place[: at + 1] if at < len(place) else ()


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value
