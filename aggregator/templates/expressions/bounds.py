"""Limits on what an expression may build, and operators that keep them (each raises `ExpressionError`)."""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import is_number, kind_of

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of a text that an expression puts together."""
MAX_ITEMS: Final = 100_000
"""Elements of an array that an expression puts together."""
MAX_BITS: Final = 4096
"""Size of an integer that an expression computes."""

MAX_WORK: Final = 64 * 1024 * 1024
"""Characters that one expression may go through or put together by filters that are applied to every element."""
_ELEMENT: Final = 16
"""What an element of an array counts, in characters: comparing it takes that much longer."""


class Budget(threading.local):
    """The work that is left to the expression which is being evaluated in this thread."""

    left = MAX_WORK

    def spend(self, work: int) -> None:
        """Take *work* off, and refuse to go on when nothing is left."""
        self.left -= work
        if self.left < 0:
            raise ExpressionError(
                "an expression takes too much work: its arrays or texts are too large for what it does"
            )


BUDGET: Final = Budget()


def work_of(value: Any) -> int:
    """Return the work of going through *value* once."""
    if isinstance(value, str):
        return len(value)
    return _ELEMENT * len(value) if isinstance(value, list | tuple | Mapping) else 1


def check_length(length: int) -> None:
    """Refuse a text of *length* characters before it is built."""
    if length > MAX_TEXT:
        raise ExpressionError(f"an expression cannot build a text of more than {MAX_TEXT} characters")


def check_items(count: int) -> None:
    """Refuse an array of *count* elements before it is built."""
    if count > MAX_ITEMS:
        raise ExpressionError(f"an expression cannot build an array of more than {MAX_ITEMS} elements")


def check_number(value: Any) -> Any:
    """*value* itself, unless it is no JSON number or an integer of more than `MAX_BITS`."""
    if type(value) is int:
        if value.bit_length() > MAX_BITS:
            raise ExpressionError("a number is too large")
    elif type(value) is not float or not math.isfinite(value):
        raise ExpressionError("a calculation has no finite result")
    return value


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        check_length(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        check_items(len(left) + len(right))
        return left + right
    return _calculate("+", operator.add, left, right)


def _calculate(sign: str, operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if not (is_number(left) and is_number(right)):
        raise ExpressionError(f"`{sign}` cannot take {kind_of(left)} and {kind_of(right)}")
    return check_number(operation(left, right))


def _power(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int and left.bit_length() * right > 2 * MAX_BITS:
        raise ExpressionError("a number is too large")
    return _calculate("**", operator.pow, left, right)


def _numeric(sign: str, operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: _calculate(sign, operation, left, right)


BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": _add,
    "-": _numeric("-", operator.sub),
    "*": _numeric("*", operator.mul),
    "/": _numeric("/", operator.truediv),
    "//": _numeric("//", operator.floordiv),
    "%": _numeric("%", operator.mod),
    "**": _power,
}
"""The operators of arithmetic; only ``+`` also joins two texts or two arrays."""


def negate(value: Any) -> Any:
    """``-value``."""
    if not is_number(value):
        raise ExpressionError(f"`-` cannot take {kind_of(value)}")
    return -value
