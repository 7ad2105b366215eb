"""Filters that put elements in an order or tell them apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import BUDGET, CALL
from aggregator.templates.expressions.data import MISSING, is_number, kind_of
from aggregator.templates.expressions.pieces import in_order, place_of
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import reader_of, want_array, want_object, want_text
from aggregator.templates.text import json_text


def _sort(value: Any, reverse: Any = False, case_sensitive: Any = False, attribute: Any = None) -> list[Any]:
    items = want_array(value, "sort", CALL)
    return _sorted(items, reader_of(attribute, "sort"), "sort", bool(case_sensitive), bool(reverse))


def _min(value: Any, case_sensitive: Any = False, attribute: Any = None) -> Any:
    return _first_of(want_array(value, "min", CALL), reader_of(attribute, "min"), "min", bool(case_sensitive), min)


def _max(value: Any, case_sensitive: Any = False, attribute: Any = None) -> Any:
    return _first_of(want_array(value, "max", CALL), reader_of(attribute, "max"), "max", bool(case_sensitive), max)


def _first_of(items: list[Any], read: Callable[[Any], Any], who: str, exact: bool, choose: Callable[..., Any]) -> Any:
    keys = _keys([read(item) for item in BUDGET.paced(items, CALL)], who, exact)
    return items[place_of(choose, keys)] if items else MISSING


def _sorted(items: list[Any], read: Callable[[Any], Any], who: str, exact: bool, reverse: bool) -> list[Any]:
    keys = _keys([read(item) for item in BUDGET.paced(items, CALL)], who, exact)
    found: list[Any] = []
    for places in in_order(keys, reverse=reverse):
        if len(places) < len(items):
            BUDGET.look()
        found += [items[place] for place in places]
    return found


def _keys(values: list[Any], who: str, exact: bool) -> list[Any]:
    if all(is_number(value) for value in values):
        return values
    if all(isinstance(value, str) for value in values):
        return values if exact else [value.casefold() for value in values]
    kinds = " and ".join(sorted({kind_of(value) for value in values}))
    raise ExpressionError(f"`{who}` compares numbers or strings, not {kinds}")


def _dictsort(value: Any, case_sensitive: Any = False, by: Any = "key", reverse: Any = False) -> list[Any]:
    if by not in {"key", "value"}:
        raise ExpressionError("`dictsort` is by 'key' or by 'value'")
    pairs = [list(pair) for pair in want_object(value, "dictsort").items()]
    place = 0 if by == "key" else 1
    return _sorted(pairs, lambda pair: pair[place], "dictsort", bool(case_sensitive), bool(reverse))


def _unique(value: Any, case_sensitive: Any = False, attribute: Any = None) -> list[Any]:
    read, exact = reader_of(attribute, "unique"), bool(case_sensitive)
    first: dict[Any, Any] = {}
    for item in BUDGET.paced(want_array(value, "unique", CALL), CALL):
        first.setdefault(_identity(read(item), exact), item)
    return list(first.values())


def _identity(value: Any, exact: bool) -> Any:
    if isinstance(value, str):
        return value if exact else value.casefold()
    if is_number(value):
        return (value,)  # 1 and 1.0 are one number, true is none
    return ("", None if value is MISSING else json_text(value))


def _reverse(value: Any) -> Any:
    return want_text(value, "reverse")[::-1] if isinstance(value, str) else want_array(value, "reverse")[::-1]


_PAIR: Final = "[{'n': 2}, {'n': 1}]"
ORDERING: Final = table(
    FilterDoc("sort", _sort, "In ascending order, by a field of each if given.", "['b', 'A'] | sort", ["A", "b"]),
    FilterDoc("min", _min, "The least element; nothing if there is none.", f"{_PAIR} | min(attribute='n')", {"n": 1}),
    FilterDoc("max", _max, "The greatest element; nothing if there is none.", "[1, 3, 2] | max", 3),
    FilterDoc(
        "dictsort",
        _dictsort,
        "Fields as [key, value], in order.",
        "{'b': 1, 'a': 2} | dictsort",
        [["a", 2], ["b", 1]],
    ),
    FilterDoc("unique", _unique, "Each element once, the first kept.", "[1, 2, 1] | unique", [1, 2]),
    FilterDoc("reverse", _reverse, "The other way round.", "[1, 2] | reverse", [2, 1]),
)
