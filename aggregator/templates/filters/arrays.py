"""Filters on arrays, and those that take any container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.http import Repeated
from aggregator.templates.expressions.bounds import BUDGET, CALL, check_items, work_of
from aggregator.templates.expressions.data import MISSING, step
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import reader_of, refuse, want_array, want_integer
from aggregator.templates.text import text_of


def _default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    return default_value if value is MISSING or (boolean and not value) else value


def _length(value: Any) -> int:
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    return refuse(value, "length", "an array, an object or a string")


def _first(value: Any) -> Any:
    return _at(value, 0, "first")


def _last(value: Any) -> Any:
    return _at(value, -1, "last")


def _at(value: Any, index: int, who: str) -> Any:
    if value is None or value is MISSING or isinstance(value, str):
        return step(value, index)
    return step(want_array(value, who), index)


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        check_items(len(value))
    if isinstance(value, str | list | tuple | Mapping):
        BUDGET.spend(work_of(value))
        return list(value)
    return refuse(value, "list", "an array, an object or a string")


def _batch(value: Any, count: Any) -> list[list[Any]]:
    items, size = want_array(value, "batch"), want_integer(count, "batch", 1, 2**31)
    return [items[start : start + size] for start in range(0, len(items), size)]


def _flatten(value: Any) -> list[Any]:
    parts = [want_array(part, "flatten") for part in want_array(value, "flatten")]
    check_items(sum(map(len, parts)))
    return [item for part in parts for item in part]


def _compact(value: Any) -> list[Any]:
    return [item for item in want_array(value, "compact") if item is not None]


def _required(value: Any) -> Any:
    if value is None or value is MISSING:
        raise ExpressionError(f"a value that is `required` is {'null' if value is None else 'missing'}")
    return value


def _all(value: Any) -> list[Any]:
    if isinstance(value, Repeated):
        return list(value.each)
    if value is None or value is MISSING:
        return []
    return want_array(value, "all") if isinstance(value, list | tuple) else [value]


def _aslist(value: Any) -> list[Any]:
    if value is None or value is MISSING:
        return []
    return want_array(value, "aslist") if isinstance(value, list | tuple) else [value]


def _index_by(value: Any, key: Any) -> dict[str, Any]:
    read = reader_of(key, "index_by")
    return {_name(read(item), "index_by"): item for item in _paced(value, "index_by")}


def _group_by(value: Any, key: Any) -> dict[str, list[Any]]:
    read = reader_of(key, "group_by")
    groups: dict[str, list[Any]] = {}
    for item in _paced(value, "group_by"):
        groups.setdefault(_name(read(item), "group_by"), []).append(item)
    return groups


def _paced(value: Any, who: str) -> Iterable[Any]:
    return BUDGET.paced(want_array(value, who, CALL), CALL)


def _name(value: Any, who: str) -> str:
    if isinstance(value, str | int | float):
        return text_of(value)
    raise ExpressionError(f"the key of `{who}` is a string, a number or a boolean in every element")


_PEOPLE: Final = "[{'id': 1, 'of': 'a'}, {'id': 2, 'of': 'a'}]"
_FIRST, _SECOND = {"id": 1, "of": "a"}, {"id": 2, "of": "a"}
ARRAYS: Final = table(
    FilterDoc(
        "default",
        _default,
        "*default_value* for what is missing; with *boolean*, also for null, false, zero and empty.",
        "{}.name | default('nobody')",
        "nobody",
        ("d",),
    ),
    FilterDoc(
        "required",
        _required,
        "The value itself; what is missing or null fails the call, and is not left out.",
        "'a' | required",
        "a",
    ),
    FilterDoc(
        "all",
        _all,
        "A list of all values of a header or query parameter that came several times, or of the one that is there.",
        "'a' | all",
        ["a"],
    ),
    FilterDoc(
        "aslist",
        _aslist,
        "An array as it is, nothing as an empty one, anything else as its one element: XML has no arrays of one.",
        "{'id': 1} | aslist",
        [{"id": 1}],
    ),
    FilterDoc("length", _length, "How many elements, fields or characters.", "[1, 2] | length", 2, ("count",)),
    FilterDoc("first", _first, "The first element; nothing if there is none.", "[1, 2] | first", 1),
    FilterDoc("last", _last, "The last element; nothing if there is none.", "[1, 2] | last", 2),
    FilterDoc(
        "list",
        _list,
        "Elements of an array, keys of an object, characters of a text.",
        "'ab' | list",
        ["a", "b"],
    ),
    FilterDoc(
        "batch",
        _batch,
        "Arrays of *count* elements; the last may be shorter.",
        "[1, 2, 3] | batch(2)",
        [[1, 2], [3]],
    ),
    FilterDoc("flatten", _flatten, "Arrays of an array put into one.", "[[1], [2, 3]] | flatten", [1, 2, 3]),
    FilterDoc("compact", _compact, "Elements that are not null.", "[1, null] | compact", [1]),
    FilterDoc(
        "index_by",
        _index_by,
        "An object from a field's value to its element; the last one wins.",
        f"{_PEOPLE} | index_by('id')",
        {"1": _FIRST, "2": _SECOND},
    ),
    FilterDoc(
        "group_by",
        _group_by,
        "An object from a field's value to the elements that have it.",
        f"{_PEOPLE} | group_by('of')",
        {"a": [_FIRST, _SECOND]},
    ),
)
