"""Finds every mistake in a declared schema before it is compiled, so that a typo never validates nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from aggregator.diagnostics import did_you_mean
from aggregator.schemas.judging.engine import pattern_problem
from aggregator.schemas.judging.growth import growth_problems
from aggregator.schemas.keywords import (
    DIALECT,
    DIALECT_HINT,
    ELSEWHERE,
    FORMATS,
    IDENTIFYING,
    KEYWORDS,
    TYPES,
    Keyword,
    Schema,
    resolve,
    subschemas,
)
from aggregator.schemas.problems import Path, SchemaProblem
from aggregator.schemas.types import has_type

MAX_DEPTH = 50
_TOO_DEEP = (
    f"at most {MAX_DEPTH} keys and numbers lead to a schema: "
    "put what is deeper under `$defs` of the body and write `$ref: '#/$defs/name'`"
)

Problems = Iterator[SchemaProblem]


def check_schema(schema: Any) -> list[SchemaProblem]:
    """Return every mistake in *schema*, in its own order; none means that it can be compiled."""
    return list(_schema(schema, (), schema)) or list(islice(_growth(schema, (), schema), 1))


def _growth(schema: Any, path: Path, root: Any) -> Problems:
    """Yield where a schema without other mistakes grows too large, outermost first."""
    if isinstance(schema, dict):
        yield from growth_problems(schema, path, root)
        for below, sub in subschemas(schema):
            yield from _growth(sub, path + below, root)


def _schema(schema: Any, path: Path, root: Any) -> Problems:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        hint = f"write `type: {schema}`" if schema in TYPES else None
        yield SchemaProblem("A schema is a mapping of keywords.", path, hint)
    elif len(path) > MAX_DEPTH:
        yield SchemaProblem("The schema is nested too deeply.", path, _TOO_DEEP)
    else:
        for name, value in schema.items():
            yield from _keyword(schema, name, value, (*path, name), root)
        for below, sub in subschemas(schema):
            yield from _schema(sub, path + below, root)


def _keyword(schema: Schema, name: Any, value: Any, path: Path, root: Any) -> Problems:
    keyword = KEYWORDS.get(name) if isinstance(name, str) else None
    if keyword is None:
        if not str(name).startswith("x-"):
            hint = ELSEWHERE.get(str(name)) or did_you_mean(str(name), KEYWORDS)
            yield SchemaProblem(f"JSON Schema has no keyword `{name}`.", path, hint)
        return
    if name in IDENTIFYING:
        yield from _identifying(name, value, path)
    declared = _declared_types(schema)
    yield from _relevance(name, keyword, declared, path)
    if keyword.kind in _TAKES:
        takes, fits = _TAKES[keyword.kind]
        if not fits(value):
            hint = (
                "list the name under `required` of the object around it"
                if name == "required" and value is True
                else None
            )
            yield SchemaProblem(f"`{name}` takes {takes}.", path, hint)
            return
    if keyword.kind in _CHECKS:
        yield from _CHECKS[keyword.kind](value, path, declared, root)


def _identifying(name: str, value: Any, path: Path) -> Problems:
    """Yield what is wrong with the name or the dialect of a schema: only the whole of it can have one."""
    if len(path) > 1:
        yield SchemaProblem(f"Only the whole schema can have `{name}`.", path, "remove it")
    elif name == "$schema" and isinstance(value, str) and value.rstrip("#") != DIALECT:
        yield SchemaProblem("This is another dialect of JSON Schema.", path, f"{DIALECT_HINT}: remove it")


def _declared_types(schema: Schema) -> frozenset[str]:
    """Return the types that *schema* lets in, as far as it says; a number covers integers."""
    declared = schema.get("type")
    names = declared if isinstance(declared, list) else [declared]
    return frozenset(name for name in names if isinstance(name, str) and name in TYPES)


def _relevance(name: str, keyword: Keyword, declared: frozenset[str], path: Path) -> Problems:
    if keyword.types is not None and declared and not declared & keyword.types:
        yield SchemaProblem(f"`{name}` says nothing about {_listed(declared)}.", path)


def _listed(names: frozenset[str]) -> str:
    return " or ".join(f"type {name}" for name in sorted(names))


def _types(value: Any, path: Path, _declared: frozenset[str], _root: Any) -> Problems:
    for name in value if isinstance(value, list) else [value]:
        if name is None:
            yield SchemaProblem("The type of null is a text.", path, 'write "null" in quotes')
        elif name not in TYPES:
            hint = did_you_mean(str(name), TYPES) or f"one of {', '.join(TYPES)}"
            yield SchemaProblem(f"There is no type `{name}`.", path, hint)


def _format(value: Any, path: Path, declared: frozenset[str], _root: Any) -> Problems:
    if value not in FORMATS:
        hint = did_you_mean(str(value), FORMATS) or f"one of {', '.join(FORMATS)}"
        yield SchemaProblem(f"There is no format `{value}`.", path, hint)
    elif declared and not declared & FORMATS[value]:
        yield SchemaProblem(f"The format `{value}` says nothing about {_listed(declared)}.", path)


def _enum(value: Any, path: Path, declared: frozenset[str], _root: Any) -> Problems:
    for index, member in enumerate(value):
        if declared and not any(has_type(member, name) for name in declared):
            yield SchemaProblem(f"This value is not of {_listed(declared)}.", (*path, index))


def _pattern(value: Any, path: Path, _declared: frozenset[str], _root: Any) -> Problems:
    problem = pattern_problem(value)
    if problem is not None:
        yield SchemaProblem(problem, path)


def _patterns(value: Any, path: Path, declared: frozenset[str], root: Any) -> Problems:
    for pattern in value:
        yield from _pattern(pattern, (*path, pattern), declared, root)


def _reference(value: Any, path: Path, _declared: frozenset[str], root: Any) -> Problems:
    if not (value == "#" or value.startswith("#/")):
        yield SchemaProblem("`$ref` leads to a place in this schema.", path, "write it like '#/$defs/name'")
    elif not isinstance(resolve(root, value), dict | bool):
        yield SchemaProblem(f"`{value}` leads to no schema.", path)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def _differ(values: list[Any]) -> bool:
    return all(value not in values[:index] for index, value in enumerate(values))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_count(value: Any) -> bool:
    return has_type(value, "integer") and value >= 0


_TAKES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "type": (
        "a type or a list of different types",
        lambda v: not isinstance(v, list) or (bool(v) and _differ(v)),
    ),
    "format": ("a text", lambda v: isinstance(v, str)),
    "enum": ("a list of at least one value", lambda v: isinstance(v, list) and bool(v)),
    "number": ("a number", lambda v: has_type(v, "number")),
    "positive": ("a number above zero", lambda v: has_type(v, "number") and v > 0),
    "count": ("a whole number, zero or more", _is_count),
    "text": ("a text", lambda v: isinstance(v, str)),
    "pattern": ("a text", lambda v: isinstance(v, str)),
    "reference": ("a text", lambda v: isinstance(v, str)),
    "name of a schema": ("a text", lambda v: isinstance(v, str)),
    "flag": ("true or false", lambda v: isinstance(v, bool)),
    "list": ("a list", lambda v: isinstance(v, list)),
    "names": ("a list of different names", _is_names),
    "names by name": (
        "a mapping of lists of names",
        lambda v: _is_mapping(v) and all(map(_is_names, v.values())),
    ),
    "schemas": ("a list of at least one schema", lambda v: isinstance(v, list) and bool(v)),
    "schemas by name": ("a mapping of names (texts) to schemas", _is_mapping),
    "schemas by pattern": ("a mapping of patterns to schemas", _is_mapping),
}
"""What the value of a keyword of each kind has to be."""

_CHECKS: dict[str, Callable[[Any, Path, frozenset[str], Any], Problems]] = {
    "type": _types,
    "format": _format,
    "enum": _enum,
    "pattern": _pattern,
    "schemas by pattern": _patterns,
    "reference": _reference,
}
"""What else is checked, once the value is of the right kind."""
