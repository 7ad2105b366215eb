"""What a filter takes: each function gives the value back typed, or raises an error that names the filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import BUDGET, CALL, ELEMENT, LARGE
from aggregator.templates.expressions.data import MISSING, is_number, kind_of
from aggregator.templates.expressions.paths import parse_keys, read_keys


def want_text(value: Any, who: str) -> str:
    """*value*, a string."""
    if not isinstance(value, str):
        refuse(value, who, "a string")
    if len(value) > 16 * LARGE:
        BUDGET.spend(len(value))
    return value


def want_number(value: Any, who: str) -> Any:
    """*value*, an integer or a float."""
    return value if is_number(value) else refuse(value, who, "a number")


def want_integer(value: Any, who: str, low: int, high: int) -> int:
    """*value*, an integer from *low* to *high*."""
    if type(value) is int and low <= value <= high:
        return value
    return refuse(value, who, f"an integer from {low} to {high}")


def want_array(value: Any, who: str, each: int = ELEMENT) -> list[Any]:
    """*value*, an array, of which every element takes the work *each*: that is counted before it is done."""
    if isinstance(value, list):
        if len(value) > LARGE:
            BUDGET.spend(len(value) * each)
        return value
    return list(value) if isinstance(value, tuple) else refuse(value, who, "an array")


def want_object(value: Any, who: str) -> Mapping[str, Any]:
    """*value*, an object."""
    if isinstance(value, Mapping) and len(value) > LARGE:
        BUDGET.spend(len(value) * CALL)
    return value if isinstance(value, Mapping) else refuse(value, who, "an object")


def refuse(value: Any, who: str, wanted: str) -> NoReturn:
    """Raise the error: *who* takes *wanted*; what a missing value or null lacks is a `default`."""
    advice = "; give it a `default`" if value is None or value is MISSING else ""
    raise ExpressionError(f"`{who}` takes {wanted}, not {kind_of(value)}{advice}")


def reader_of(attribute: Any, who: str) -> Callable[[Any], Any]:
    """A function that reads ``attribute='a.b.0'`` (or an index) of an element; null reads the element."""
    if attribute is None:
        return lambda item: item
    return read_keys((attribute,) if type(attribute) is int else parse_keys(want_text(attribute, who)))
