"""Filters that apply another filter or test to every element; its name is checked at load."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import BUDGET, CALL, work_of
from aggregator.templates.expressions.data import MISSING
from aggregator.templates.filters.arrays import ARRAYS
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.encodings import ENCODINGS
from aggregator.templates.filters.numbers import NUMBERS
from aggregator.templates.filters.objects import OBJECTS
from aggregator.templates.filters.ordering import ORDERING
from aggregator.templates.filters.predicates import TESTS, is_in
from aggregator.templates.filters.texts import TEXTS
from aggregator.templates.filters.times import TIMES
from aggregator.templates.filters.wants import reader_of, want_array

PLAIN: Final = TEXTS | NUMBERS | ORDERING | ARRAYS | OBJECTS | ENCODINGS | TIMES
"""The filters that ``map`` can apply."""


def _map(value: Any, filter: Any = None, *arguments: Any, attribute: Any = None, default: Any = None) -> list[Any]:
    items = want_array(value, "map")
    if attribute is not None:
        read = reader_of(attribute, "map")
        return [_or(read(item), default) for item in BUDGET.paced(items, CALL)]
    apply = _named(PLAIN, filter, "filter")
    each = _spend(items, arguments)
    return [_or(_counted(apply(item, *arguments)), default) for item in BUDGET.paced(items, each)]


def _spend(items: list[Any], arguments: tuple[Any, ...]) -> int:
    """Count what it takes to go through *arguments* for every one of *items*; return it for one of them."""
    each = CALL + sum(map(work_of, arguments))
    BUDGET.spend(len(items) * each)
    return each


def _counted(value: Any) -> Any:
    BUDGET.spend(work_of(value))
    return value


def _or(value: Any, default: Any) -> Any:
    return default if value is MISSING else value


def _select(value: Any, test: Any = None, *arguments: Any) -> list[Any]:
    items = want_array(value, "select")
    passes, paced = _test(test, arguments, items)
    return [item for item in paced if passes(item)]


def _reject(value: Any, test: Any = None, *arguments: Any) -> list[Any]:
    items = want_array(value, "reject")
    passes, paced = _test(test, arguments, items)
    return [item for item in paced if not passes(item)]


def _selectattr(value: Any, attribute: Any, test: Any = None, *arguments: Any) -> list[Any]:
    read, items = reader_of(attribute, "selectattr"), want_array(value, "selectattr")
    passes, paced = _test(test, arguments, items)
    return [item for item in paced if passes(read(item))]


def _rejectattr(value: Any, attribute: Any, test: Any = None, *arguments: Any) -> list[Any]:
    read, items = reader_of(attribute, "rejectattr"), want_array(value, "rejectattr")
    passes, paced = _test(test, arguments, items)
    return [item for item in paced if not passes(read(item))]


def _test(name: Any, arguments: tuple[Any, ...], items: list[Any]) -> tuple[Callable[[Any], bool], Iterable[Any]]:
    """Return the test *name* with *arguments*, and *items* to go through with it; the work of that is counted."""
    if name is None:
        return bool, items
    test = _named(TESTS, name, "test")
    if name == "in" and len(arguments) == 1 and isinstance(arguments[0], list):
        try:
            return partial(_is_among, frozenset(arguments[0])), BUDGET.paced(items, _spend(items, ()))
        except TypeError:  # objects and arrays are compared one by one
            pass
    if name == "in":
        test = is_in  # counted here, for all elements at once
    each = _spend(items, arguments)
    return lambda item: bool(test(item, *arguments)), BUDGET.paced(items, each)


def _is_among(members: frozenset[Any], item: Any) -> bool:
    """Return whether *item* is one of *members*, none of which is an object or an array."""
    return isinstance(item, Hashable) and item in members


def _named(docs: dict[str, FilterDoc], name: Any, what: str) -> Callable[..., Any]:
    doc = docs.get(name) if isinstance(name, str) else None
    if doc is None:
        raise ExpressionError(f"there is no {what} of this name")
    return doc.function


_ITEMS: Final = "[{'n': 1}, {'n': 2}]"
APPLYING: Final = table(
    FilterDoc(
        "map",
        _map,
        "A field of each element, or each element through a *filter*.",
        f"{_ITEMS} | map(attribute='n')",
        [1, 2],
    ),
    FilterDoc(
        "select",
        _select,
        "Elements that pass a *test*; without one, that are true.",
        "[0, 1] | select('odd')",
        [1],
    ),
    FilterDoc(
        "reject",
        _reject,
        "Elements that fail a *test*; without one, that are not true.",
        "[0, 1] | reject",
        [0],
    ),
    FilterDoc(
        "selectattr",
        _selectattr,
        "Elements whose field passes a *test*.",
        f"{_ITEMS} | selectattr('n', 'gt', 1)",
        [{"n": 2}],
    ),
    FilterDoc(
        "rejectattr",
        _rejectattr,
        "Elements whose field fails a *test*.",
        f"{_ITEMS} | rejectattr('n', 'gt', 1)",
        [{"n": 1}],
    ),
)
