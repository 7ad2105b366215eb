"""Filters that apply another filter or test to every element; its name is checked at load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import MISSING
from aggregator.templates.filters.arrays import ARRAYS
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.encodings import ENCODINGS
from aggregator.templates.filters.numbers import NUMBERS
from aggregator.templates.filters.objects import OBJECTS
from aggregator.templates.filters.ordering import ORDERING
from aggregator.templates.filters.predicates import TESTS
from aggregator.templates.filters.texts import TEXTS
from aggregator.templates.filters.times import TIMES
from aggregator.templates.filters.wants import reader_of, want_array

PLAIN: Final = TEXTS | NUMBERS | ORDERING | ARRAYS | OBJECTS | ENCODINGS | TIMES
"""The filters that ``map`` can apply."""


def _map(value: Any, filter: Any = None, *arguments: Any, attribute: Any = None, default: Any = None) -> list[Any]:
    items = want_array(value, "map")
    if attribute is not None:
        read = reader_of(attribute, "map")
        return [_or(read(item), default) for item in items]
    apply = _named(PLAIN, filter, "filter")
    return [_or(apply(item, *arguments), default) for item in items]


def _or(value: Any, default: Any) -> Any:
    return default if value is MISSING else value


def _select(value: Any, test: Any = None, *arguments: Any) -> list[Any]:
    passes = _test(test, arguments)
    return [item for item in want_array(value, "select") if passes(item)]


def _reject(value: Any, test: Any = None, *arguments: Any) -> list[Any]:
    passes = _test(test, arguments)
    return [item for item in want_array(value, "reject") if not passes(item)]


def _selectattr(value: Any, attribute: Any, test: Any = None, *arguments: Any) -> list[Any]:
    read, passes = reader_of(attribute, "selectattr"), _test(test, arguments)
    return [item for item in want_array(value, "selectattr") if passes(read(item))]


def _rejectattr(value: Any, attribute: Any, test: Any = None, *arguments: Any) -> list[Any]:
    read, passes = reader_of(attribute, "rejectattr"), _test(test, arguments)
    return [item for item in want_array(value, "rejectattr") if not passes(read(item))]


def _test(name: Any, arguments: tuple[Any, ...]) -> Callable[[Any], bool]:
    if name is None:
        return bool
    test = _named(TESTS, name, "test")
    return lambda item: bool(test(item, *arguments))


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
