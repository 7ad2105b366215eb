"""The declaration of a parameter, taken apart: its type, its rules, and what only describes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from aggregator.schemas.check import check_schema
from aggregator.schemas.keywords import KEYWORDS, TYPES, Schema, without
from aggregator.schemas.problems import InvalidSchema, Path, SchemaProblem
from aggregator.schemas.types import TEXT_TYPES, has_type
from aggregator.templates import MISSING, Const, TemplateProblem, compile_value

_DESCRIBING = frozenset(
    [
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "$comment",
        "readOnly",
        "writeOnly",
    ]
)
_OWN = ("required", "explode")
_REFUSED = ("$schema", "$id", "$ref", "$defs", "readOnly", "writeOnly")
_PARAMETER_TYPES = (*TEXT_TYPES, "array")


class Declaration(Struct, frozen=True):
    """A declaration of an input. *schema* is its JSON Schema, *rules* the part that goes beyond the type.

    *shown* is *schema* without what variables hold. *default* is a template when it depends on the request; *schema*
    holds none then.
    """

    schema: Schema
    shown: Schema
    type: str
    item_type: str
    rules: Schema
    required: bool
    explode: bool
    default: Any

    @property
    def is_array(self) -> bool:
        """Return whether many values may come."""
        return self.type == "array"

    def stated_values(self) -> Iterator[tuple[Path, Any]]:
        """Yield the default and the examples, each with its path."""
        for name in ("default", "example"):
            if name in self.schema:
                yield (name,), self.schema[name]
        for index, value in enumerate(self.schema.get("examples", ())):
            yield ("examples", index), value

    def fits_type(self, value: Any) -> bool:
        """Return whether *value* has the type of the parameter, and its items theirs."""
        if self.is_array and isinstance(value, list):
            return all(has_type(item, self.item_type) for item in value)
        return has_type(value, self.type)


def read_declaration(declaration: Any, location: str, filled: Sequence[Path] = ()) -> Declaration:
    """Return *declaration* taken apart; raise ``InvalidSchema`` with every mistake in it.

    *filled* are the places in it that hold values of variables.
    """
    declared = {"type": declaration} if isinstance(declaration, str) else declaration
    if not isinstance(declared, dict):
        raise InvalidSchema([SchemaProblem("A parameter is declared by a type or a mapping.", (), "write `integer`")])
    schema = {name: value for name, value in declared.items() if name not in _OWN and name not in _REFUSED}
    default = _default(schema)
    problems = [*check_schema(schema), *_own_problems(declared, location)]
    if not problems:
        schema.setdefault("type", _inferred_type(schema))
        problems += _type_problems(schema)
    if problems:
        raise InvalidSchema(problems)
    return _taken_apart(declared, schema, without(schema, filled), location, default)


def _default(schema: Schema) -> Any:
    """Return the default of *schema*: its value, or a template, which is taken out; `MISSING` when there is none.

    One that cannot be compiled is taken out too: what is wrong with it is said where expressions are checked.
    """
    if "default" not in schema:
        return MISSING
    try:
        template = compile_value(schema["default"])
    except TemplateProblem:
        template = None
    if template is not None and isinstance(template.node, Const):
        schema["default"] = template.node.value
        return template.node.value
    del schema["default"]
    return MISSING if template is None else template


def _taken_apart(declared: Schema, schema: Schema, shown: Schema, location: str, default: Any) -> Declaration:
    kind = schema["type"]
    items = schema.get("items") if kind == "array" else None
    rules = {name: value for name, value in schema.items() if name not in _DESCRIBING and name != "type"}
    if items is not None and set(items) - _DESCRIBING == {"type"}:
        del rules["items"]
    item_type = kind if kind != "array" else (items or {}).get("type", "string")
    required = declared.get("required", location == "path")
    explode = declared.get("explode", location == "query")
    return Declaration(schema, shown, kind, item_type, rules, required, explode, default)


def _own_problems(declared: Schema, location: str) -> Iterator[SchemaProblem]:
    for name in _OWN:
        if not isinstance(declared.get(name, False), bool):
            yield SchemaProblem(f"`{name}` of a parameter takes true or false.", (name,))
    for name in _REFUSED:
        if name in declared:
            yield SchemaProblem(f"`{name}` has no meaning in a parameter.", (name,), _instead_of(name))
    if location == "path":
        if declared.get("required") is False:
            yield SchemaProblem("A path parameter is always there.", ("required",), "leave `required` out")
        if "default" in declared:
            yield SchemaProblem("A path parameter is always there.", ("default",), "leave `default` out")
    elif declared.get("required") is True and "default" in declared:
        yield SchemaProblem("A parameter with a default is never required.", ("required",), "keep one of the two")
    if "explode" in declared and (location != "query" or declared.get("type") != "array"):
        yield SchemaProblem("`explode` is for arrays in a query.", ("explode",))


def _instead_of(refused: str) -> str:
    if refused in ("$ref", "$defs"):
        return "write the schema where it is used; several share one by a YAML anchor: `&id`, then `*id`"
    return "remove it"


def _inferred_type(schema: Schema) -> str:
    """Return the type that the listed values share, else the type of any text."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    for kind in ("boolean", "integer", "number"):
        if values and all(has_type(value, kind) for value in values):
            return kind
    return "array" if "items" in schema else "string"


def _type_problems(schema: Schema) -> Iterator[SchemaProblem]:
    kind = schema["type"]
    if kind not in _PARAMETER_TYPES:
        shown = kind if kind in TYPES else "a list of types"
        hint = f"one of {', '.join(_PARAMETER_TYPES)}"
        yield SchemaProblem(f"A parameter is a text, which cannot be read as {shown}.", ("type",), hint)
    items = schema.get("items", {})
    if kind == "array" and (not isinstance(items, dict) or items.get("type", "string") not in TEXT_TYPES):
        hint = f"one of {', '.join(TEXT_TYPES)}"
        yield SchemaProblem("The items of a parameter are texts of one type.", ("items",), hint)


assert set(KEYWORDS) >= _DESCRIBING
