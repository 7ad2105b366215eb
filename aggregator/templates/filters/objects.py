"""Filters on objects."""

from __future__ import annotations

from typing import Any, Final

from aggregator.templates.expressions.data import MISSING, step
from aggregator.templates.expressions.pieces import fields_of
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import want_object, want_text


def _keys(value: Any) -> list[str]:
    return list(want_object(value, "keys"))


def _values(value: Any) -> list[Any]:
    return list(want_object(value, "values").values())


def _items(value: Any) -> list[list[Any]]:
    return [[key, item] for key, item in want_object(value, "items").items()]


def _get(value: Any, key: Any, default: Any = MISSING) -> Any:
    found = step(value, key)
    return default if found is MISSING else found


def _pick(value: Any, *keys: Any) -> dict[str, Any]:
    fields = want_object(value, "pick")
    return {key: fields[key] for key in (want_text(key, "pick") for key in keys) if key in fields}


def _omit(value: Any, *keys: Any) -> dict[str, Any]:
    unwanted = {want_text(key, "omit") for key in keys}
    return {key: item for key, item in want_object(value, "omit").items() if key not in unwanted}


def _merge(value: Any, *others: Any) -> dict[str, Any]:
    merged = dict(want_object(value, "merge"))
    for other in others:
        for fields in fields_of(want_object(other, "merge")):
            merged.update(fields)
    return merged


_AB: Final = "{'a': 1, 'b': 2}"
OBJECTS: Final = table(
    FilterDoc("keys", _keys, "The names of the fields.", f"{_AB} | keys", ["a", "b"]),
    FilterDoc("values", _values, "The values of the fields.", f"{_AB} | values", [1, 2]),
    FilterDoc("items", _items, "The fields as [key, value].", f"{_AB} | items", [["a", 1], ["b", 2]]),
    FilterDoc("get", _get, "One field or element, or *default*.", f"{_AB} | get('c', 0)", 0),
    FilterDoc("pick", _pick, "Only the named fields.", f"{_AB} | pick('a')", {"a": 1}),
    FilterDoc("omit", _omit, "All but the named fields.", f"{_AB} | omit('a')", {"b": 2}),
    FilterDoc(
        "merge",
        _merge,
        "Fields of all objects; the last one wins.",
        f"{_AB} | merge({{'b': 3}})",
        {"a": 1, "b": 3},
    ),
)
