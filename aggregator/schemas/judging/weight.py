"""What judging costs: how often, in the worst case, one member of a value is looked at.

Alternatives are each tried, and so are the alternatives within each of them, so that a few levels of a few make
hundreds. What a schema within itself says of a member is looked at once: the library remembers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from aggregator.schemas.keywords import Schema, resolve

LOOKS_A_SECOND = 100
"""So many looks at each member of a body of 1 MiB take a second, if members are as short as they can be."""
MOST_LOOKS = 10_000
"""Looks that are counted."""
_MOST_LEVELS = 1000
_MOST_IN_PLACE = 200  # references to references that are followed
_IN_PLACE = ("allOf", "anyOf", "oneOf")
_IN_PLACE_ALONE = ("not", "if", "then", "else")
_UNIQUE, _FRACTION = 10, 40
"""Looks that comparing all items with each other counts, and comparing numbers with one that is not whole."""


def looks_of(schema: Any) -> int:
    """Return how often a member of a value is looked at to judge it by *schema*, up to ``MOST_LOOKS``."""
    most = 0
    levels: list[tuple[tuple[Any, ...], frozenset[int]]] = [((schema,), frozenset())]
    known: set[tuple[int, ...]] = set()
    while levels and len(known) < _MOST_LEVELS and most < MOST_LOOKS:
        level, above = levels.pop()
        rules = list(islice(chain.from_iterable(in_place(rule, schema) for rule in level), MOST_LOOKS))
        most = max(most, sum(map(_own, rules)))
        above |= set(map(id, rules))
        for below in _below(rules):
            targets = tuple(_once([_target(one, schema) for one in below], above))
            key = tuple(sorted(map(id, targets)))
            if key not in known:
                known.add(key)
                levels.append((targets, above))
    return min(most, MOST_LOOKS)


def _target(schema: Any, root: Any) -> Any:
    """Return what *schema* refers to where it says nothing else."""
    return resolve(root, schema["$ref"]) if isinstance(schema, dict) and schema.keys() == {"$ref"} else schema


def _once(schemas: Sequence[Any], above: frozenset[int]) -> Iterator[Any]:
    """Yield *schemas*, those that are within themselves once."""
    known: set[int] = set()
    for schema in schemas:
        if id(schema) not in known:
            yield schema
        if id(schema) in above:
            known.add(id(schema))


def in_place(schema: Any, root: Any, above: tuple[int, ...] = ()) -> Iterator[Schema]:
    """Yield *schema* and all that judge the same value with it; *above* are those that led here."""
    if not isinstance(schema, dict) or id(schema) in above or len(above) == _MOST_IN_PLACE:
        return
    yield schema
    inner = [schema[name] for name in _IN_PLACE_ALONE if name in schema]
    inner += [form for name in _IN_PLACE for form in schema.get(name, ())]
    inner += schema.get("dependentSchemas", {}).values()
    inner += [resolve(root, schema["$ref"])] if "$ref" in schema else []
    for one in inner:
        yield from in_place(one, root, (*above, id(schema)))


def _own(schema: Schema) -> int:
    values = [*schema.get("enum", ()), schema.get("const")]
    return (
        1
        + (_UNIQUE if schema.get("uniqueItems") is True else 0)
        + (_FRACTION if any(isinstance(value, float) and not value.is_integer() for value in values) else 0)
    )


def _below(rules: Sequence[Schema]) -> Iterator[tuple[Any, ...]]:
    """Yield, for each kind of member, the schemas that it is held against where all of *rules* hold."""
    names = {name for rule in rules for name in rule.get("properties", ())}
    for name in sorted(names):
        yield tuple(one for rule in rules for one in _of_property(rule, name))
    yield tuple(one for rule in rules for one in _of_property(rule, None))
    first = max((len(rule.get("prefixItems", ())) for rule in rules), default=0)
    for index in range(first + 1):
        yield tuple(one for rule in rules for one in _of_item(rule, index))


def _of_property(rule: Schema, name: str | None) -> Iterator[Any]:
    """Yield the schemas of a member called *name*, or called otherwise than all that are declared."""
    if name is not None and name in rule.get("properties", ()):
        yield rule["properties"][name]
    elif "additionalProperties" in rule:
        yield rule["additionalProperties"]
    yield from rule.get("patternProperties", {}).values()
    if "unevaluatedProperties" in rule:
        yield rule["unevaluatedProperties"]


def _of_item(rule: Schema, index: int) -> Iterator[Any]:
    first = rule.get("prefixItems", ())
    if index < len(first):
        yield first[index]
    elif "items" in rule:
        yield rule["items"]
    for name in ("contains", "unevaluatedItems"):
        if name in rule:
            yield rule[name]
