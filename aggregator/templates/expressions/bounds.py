"""Limits on what an expression may build, and operators that keep them (each raises `ExpressionError`)."""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, runtime_checkable

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import is_number, kind_of

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of a text that an expression puts together."""
MAX_ITEMS: Final = 100_000
"""Elements of an array that an expression puts together."""
MAX_BITS: Final = 4096
"""Size of an integer that an expression computes."""

MAX_WORK: Final = 64 * 1024 * 1024 - 1
"""Characters that one expression may go through or put together: more than half a second of work."""
ELEMENT: Final = 16
"""What an element of an array counts, in characters: comparing it takes that much longer."""
CALL: Final = 64
"""What an element counts that is written, put in an order, told apart, or given to a filter or test."""


_LOOK: Final = 64 * 1024
"""Work between two looks at the clock, well below a millisecond: what takes less never looks."""
LARGE: Final = 4096
"""Elements of an array, or sixteenths of the characters of a text, that take long enough for a look at the clock."""


@runtime_checkable
class Timed(Protocol):
    """Names whose request has a deadline."""

    def check_time(self) -> None:
        """Raise ``CallError`` (``deadline``) when the request is over."""


class Budget(threading.local):
    """The work, and through *names* the time, left to the expression which is being evaluated in this thread.

    Whoever evaluates one sets both before, and forgets the names after, which hold a whole request.
    """

    left = MAX_WORK
    names: object = None

    def spend(self, work: int) -> None:
        """Subtract *work*; raise ``ExpressionError`` when nothing is left, or no time is."""
        before, self.left = self.left, self.left - work
        if self.left // _LOOK != before // _LOOK:
            if self.left < 0:
                raise ExpressionError(
                    "an expression takes too much work: its arrays or texts are too large for what it does"
                )
            self.look()

    def look(self) -> None:
        """Check the clock; raise when the deadline of the request has passed."""
        if isinstance(self.names, Timed):
            self.names.check_time()

    def paced(self, items: list[Any], each: int) -> Iterable[Any]:
        """Return *items*, each of which takes the work *each*, with a look at the clock every now and then."""
        step = max(1, _LOOK // each)
        return items if len(items) <= step else self._watched(items, step)

    def _watched(self, items: list[Any], step: int) -> Iterator[Any]:
        for start in range(0, len(items), step):
            self.look()
            yield from items[start : start + step]


BUDGET: Final = Budget()


def work_of(value: Any) -> int:
    """Return the work of going through *value* once."""
    if isinstance(value, str):
        return len(value)
    return ELEMENT * len(value) if isinstance(value, list | tuple | Mapping) else 1


def check_length(length: int) -> None:
    """Refuse a text of *length* characters before it is built."""
    if length > 16 * LARGE:
        BUDGET.look()
    if length > MAX_TEXT:
        raise ExpressionError(f"an expression cannot build a text of more than {MAX_TEXT} characters")


def check_items(count: int) -> None:
    """Refuse an array of *count* elements before it is built."""
    if count > LARGE:
        BUDGET.look()
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
