"""The shop's data as a GraphQL service: a query and its variables → ``{"data": …, "errors": […]}``.

A query that is wrong gives errors alone; a record that does not exist gives null in its place and an
error with its path (October 2021 edition, §6 and §7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aggregator.demo.data import Record, index, table
from aggregator.demo.graphql_syntax import Field, GraphQLError, parse_query

Arguments = dict[str, Any]
Resolver = Callable[[Record, Arguments], Any]


class _MissingError(Exception):
    """The one record that a field asked for does not exist."""


def execute(query: object, variables: object = None) -> Record:
    """Return the answer to *query*, always as a value, never as an exception."""
    if not isinstance(query, str):
        return {"errors": [{"message": "The request has no query."}]}
    try:
        fields = parse_query(query, variables if isinstance(variables, dict) else {})
        _check("Query", fields)
    except GraphQLError as error:
        return {"errors": [{"message": error.message, "locations": [_location(query, error.offset)]}]}
    errors: list[Record] = []
    data = _record("Query", {}, fields, [], errors)
    return {"data": data, "errors": errors} if errors else {"data": data}


def _check(kind: str, fields: tuple[Field, ...]) -> None:
    """Raise ``GraphQLError`` for a field or selection that the schema does not have."""
    for field in fields:
        if field.name == "__typename":
            continue
        known = _SCHEMA[kind]
        if field.name not in known:
            raise GraphQLError(f'Cannot query field "{field.name}" on type "{kind}".', field.offset)
        target = known[field.name][0]
        if bool(target) != bool(field.fields):
            rule = "must have a selection of subfields" if target else "must not have a selection"
            raise GraphQLError(f'Field "{field.name}" {rule}.', field.offset)
        _check(target, field.fields)


def _record(kind: str, record: Record, fields: tuple[Field, ...], path: list[Any], errors: list[Record]) -> Record:
    """Return the selected *fields* of *record*, in the order of the query."""
    result: Record = {}
    for field in fields:
        if field.name == "__typename":
            result[field.key] = kind
            continue
        target, resolve = _SCHEMA[kind][field.name]
        here = [*path, field.key]
        try:
            value = resolve(record, field.arguments) if resolve else record.get(field.name)
        except _MissingError as missing:
            errors.append({"message": str(missing), "path": here})
            value = None
        result[field.key] = _selected(target, value, field.fields, here, errors)
    return result


def _selected(kind: str, value: Any, fields: tuple[Field, ...], path: list[Any], errors: list[Record]) -> Any:
    if not kind or value is None:
        return value
    if isinstance(value, list):
        return [_record(kind, item, fields, [*path, number], errors) for number, item in enumerate(value)]
    return _record(kind, value, fields, path, errors)


def _location(text: str, offset: int) -> Record:
    line = text.count("\n", 0, offset) + 1
    return {"line": line, "column": offset - text.rfind("\n", 0, offset)}


def _one(kind: str, key: str) -> Resolver:
    """Return a resolver that finds the record whose *key* is the argument of that name."""

    def resolve(_record: Record, arguments: Arguments) -> Record:
        wanted = str(arguments.get(key))
        found = index(kind, key).get(wanted)
        if found is None:
            raise _MissingError(f"There is no {kind[:-1]} with {key} {wanted}.")
        return found

    return resolve


def _of(kind: str, key: str, their_key: str) -> Resolver:
    """Return a resolver for the record whose *their_key* is this record's *key*."""
    return lambda record, _arguments: index(kind, their_key).get(str(record[key]))


def _all(kind: str, key: str, my_key: str) -> Resolver:
    """Return a resolver for the records whose *key* is this record's *my_key*; ``first`` cuts the list."""

    def resolve(record: Record, arguments: Arguments) -> list[Record]:
        found = [item for item in table(kind) if item[key] == record[my_key]]
        return _cut(found, arguments)

    return resolve


def _products(_record: Record, arguments: Arguments) -> list[Record]:
    category = arguments.get("category")
    found = [item for item in table("products") if category in (None, item["category"])]
    return _cut(found, arguments)


def _cut(found: list[Record], arguments: Arguments) -> list[Record]:
    first = arguments.get("first")
    return found[:first] if isinstance(first, int) and first >= 0 else found


def _scalars(*names: str) -> dict[str, tuple[str, Resolver | None]]:
    return dict.fromkeys(names, ("", None))


# Type → field → (type of what it gives, or "" for a scalar; how to get it, or none for the record's own).
_SCHEMA: dict[str, dict[str, tuple[str, Resolver | None]]] = {
    "": {},
    "Query": {
        "product": ("Product", _one("products", "sku")),
        "products": ("Product", _products),
        "order": ("Order", _one("orders", "id")),
        "user": ("User", _one("users", "id")),
    },
    "Product": {
        **_scalars("sku", "name", "category", "price", "currency", "stock", "rating", "tags"),
        "reviews": ("Review", _all("reviews", "sku", "sku")),
    },
    "Review": {**_scalars("id", "rating", "text", "written_at"), "author": ("Author", None)},
    "Author": _scalars("id", "name"),
    "Order": {
        **_scalars("id", "status", "placed_at", "currency", "total"),
        "items": ("Item", None),
        "buyer": ("User", _of("users", "user_id", "id")),
    },
    "Item": {
        **_scalars("sku", "name", "price", "quantity"),
        "product": ("Product", _of("products", "sku", "sku")),
    },
    "User": {
        **_scalars("id", "name", "username", "email", "tier", "joined_at"),
        "orders": ("Order", _all("orders", "user_id", "id")),
    },
}
