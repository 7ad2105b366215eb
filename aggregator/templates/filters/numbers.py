"""Filters on numbers, and those that make a number."""

from __future__ import annotations

import math
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import CALL, check_number
from aggregator.templates.expressions.data import MISSING, is_number
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import reader_of, refuse, want_array, want_integer, want_number

_LONGEST: Final = 400


def _int(value: Any, default: Any = MISSING) -> Any:
    try:
        return check_number(_whole(value))
    except (ValueError, OverflowError, ExpressionError):
        return (
            refuse(value, "int", "a number, a boolean, or a string with a number in it")
            if default is MISSING
            else default
        )


def _whole(value: Any) -> int:
    if not isinstance(value, str):
        return int(_numeric(value))
    text = _short(value)
    try:
        return int(text)
    except ValueError:
        return int(float(text))


def _float(value: Any, default: Any = MISSING) -> Any:
    try:
        return check_number(float(_short(value) if isinstance(value, str) else _numeric(value)))
    except (ValueError, OverflowError, ExpressionError):
        return (
            refuse(value, "float", "a number, a boolean, or a string with a number in it")
            if default is MISSING
            else default
        )


def _numeric(value: Any) -> Any:
    if is_number(value) or isinstance(value, bool):
        return value
    raise ValueError


def _short(text: str) -> str:
    if len(text) > _LONGEST or "_" in text:
        raise ValueError
    return text


def _round(value: Any, precision: Any = 0, method: Any = "common") -> Any:
    number, places = want_number(value, "round"), want_integer(precision, "round", -30, 30)
    if method == "common":
        return check_number(round(number, places or None))
    if method not in {"ceil", "floor"}:
        raise ExpressionError("the method of `round` is 'common', 'ceil' or 'floor'")
    whole = math.ceil if method == "ceil" else math.floor
    if not places:
        return check_number(whole(number))
    return check_number(whole(number * 10**places) / 10**places)


def _abs(value: Any) -> Any:
    return abs(want_number(value, "abs"))


def _sum(value: Any, attribute: Any = None, start: Any = 0) -> Any:
    read = reader_of(attribute, "sum")
    numbers = [want_number(start, "sum"), *(_summand(read(item)) for item in want_array(value, "sum", CALL))]
    if any(type(number) is float for number in numbers):
        return check_number(math.fsum(numbers))  # 0.1 ten times is 1.0
    return check_number(sum(numbers))


def _summand(value: Any) -> Any:
    return value if is_number(value) else refuse(value, "sum", "an array of numbers")


NUMBERS: Final = table(
    FilterDoc(
        "int",
        _int,
        "A number cut to an integer, or text read as one; *default* if it is none.",
        "'42' | int",
        42,
    ),
    FilterDoc("float", _float, "A number, or text read as one, with a fraction.", "'1.50' | float", 1.5),
    FilterDoc(
        "round",
        _round,
        "Rounded to *precision* digits; *method* is common, ceil or floor.",
        "2.567 | round(1)",
        2.6,
    ),
    FilterDoc("abs", _abs, "The size of a number without its sign.", "-3 | abs", 3),
    FilterDoc(
        "sum",
        _sum,
        "The sum of numbers, or of a field of each element.",
        "[{'n': 1}, {'n': 2}] | sum('n')",
        3,
    ),
)
