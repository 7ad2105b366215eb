"""Tests: what may stand behind ``is`` and ``is not``, and be named in ``select`` and ``reject``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import BUDGET, LARGE, work_of
from aggregator.templates.expressions.data import MISSING, is_number, kind_of
from aggregator.templates.expressions.pieces import are_equal, holds
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.patterns import matches
from aggregator.templates.filters.wants import want_number, want_text


def _defined(value: Any) -> bool:
    return value is not MISSING


def _undefined(value: Any) -> bool:
    return value is MISSING


def _none(value: Any) -> bool:
    return value is None


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _true(value: Any) -> bool:
    return value is True


def _false(value: Any) -> bool:
    return value is False


def _integer(value: Any) -> bool:
    return type(value) is int


def _float(value: Any) -> bool:
    return type(value) is float


def _string(value: Any) -> bool:
    return isinstance(value, str)


def _array(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _empty(value: Any) -> bool:
    return value is None or value is MISSING or (isinstance(value, str | list | tuple | Mapping) and not value)


def _odd(value: Any) -> bool:
    return bool(want_number(value, "odd") % 2 == 1)


def _even(value: Any) -> bool:
    return bool(want_number(value, "even") % 2 == 0)


def _divisibleby(value: Any, number: Any) -> bool:
    divisor = want_number(number, "divisibleby")
    if not divisor:
        raise ExpressionError("`divisibleby` cannot take zero")
    return bool(want_number(value, "divisibleby") % divisor == 0)


def _startswith(value: Any, prefix: Any) -> bool:
    return want_text(value, "startswith").startswith(want_text(prefix, "startswith"))


def _endswith(value: Any, suffix: Any) -> bool:
    return want_text(value, "endswith").endswith(want_text(suffix, "endswith"))


def _in(value: Any, container: Any) -> bool:
    if isinstance(container, list) and len(container) <= LARGE:  # as nearly always
        return value in container
    if isinstance(container, str | list) and len(container) > LARGE:
        BUDGET.spend(work_of(container))
    return is_in(value, container)


def is_in(value: Any, container: Any) -> bool:
    """Return whether *value* is in *container*; who asks has counted the work of going through that.

    Raises ``ExpressionError`` for a container that has nothing in it, such as a number.
    """
    if isinstance(container, str) and not isinstance(value, str):
        return False
    if container is None or is_number(container) or isinstance(container, bool):
        raise ExpressionError(f"`in` cannot look into {kind_of(container)}")
    return holds(container, value) if isinstance(container, list) else value in container


def _eq(value: Any, other: Any) -> bool:
    return are_equal(value, other)


def _ne(value: Any, other: Any) -> bool:
    return not are_equal(value, other)


def _ordered(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, other: Any) -> bool:
        comparable = (is_number(value) and is_number(other)) or (isinstance(value, str) and isinstance(other, str))
        if not comparable:
            raise ExpressionError(f"`{name}` cannot compare {kind_of(value)} and {kind_of(other)}")
        return compare(value, other)

    return test


TESTS: Final = table(
    FilterDoc("defined", _defined, "There is such a value, null included.", "{}.a is defined", False),
    FilterDoc("undefined", _undefined, "There is no such value.", "{}.a is undefined", True),
    FilterDoc("none", _none, "Null.", "null is none", True, ("null",)),
    FilterDoc("empty", _empty, "Missing, null, or without elements, fields or characters.", "[] is empty", True),
    FilterDoc("boolean", _boolean, "True or false.", "false is boolean", True),
    FilterDoc("true", _true, "True itself.", "1 is true", False),
    FilterDoc("false", _false, "False itself.", "false is false", True),
    FilterDoc("number", is_number, "A number.", "1.5 is number", True),
    FilterDoc("integer", _integer, "A number without a fraction.", "1.0 is integer", False),
    FilterDoc("float", _float, "A number with a fraction.", "1.0 is float", True),
    FilterDoc("string", _string, "Text.", "'a' is string", True),
    FilterDoc("array", _array, "An array.", "[] is array", True),
    FilterDoc("object", _object, "An object.", "{} is object", True, ("mapping",)),
    FilterDoc("odd", _odd, "An odd number.", "3 is odd", True),
    FilterDoc("even", _even, "An even number.", "3 is even", False),
    FilterDoc("divisibleby", _divisibleby, "A multiple of *number*.", "9 is divisibleby(3)", True),
    FilterDoc("startswith", _startswith, "Text that begins with *prefix*.", "'abc' is startswith('ab')", True),
    FilterDoc("endswith", _endswith, "Text that ends with *suffix*.", "'abc' is endswith('ab')", False),
    FilterDoc(
        "matches",
        matches,
        "Text that fits the regular expression *pattern* as a whole, in linear time.",
        "'A-17' is matches('[A-Z]-[0-9]+')",
        True,
    ),
    FilterDoc("in", _in, "An element, a key, or a piece of *container*.", "2 is in([1, 2])", True),
    FilterDoc("eq", _eq, "Equal.", "1 is eq(1)", True, ("equalto", "==")),
    FilterDoc("ne", _ne, "Not equal.", "1 is ne(1)", False, ("!=",)),
    FilterDoc("lt", _ordered("<", operator.lt), "Less.", "1 is lt(2)", True, ("lessthan", "<")),
    FilterDoc("le", _ordered("<=", operator.le), "Less or equal.", "2 is le(2)", True, ("<=",)),
    FilterDoc("gt", _ordered(">", operator.gt), "Greater.", "1 is gt(2)", False, ("greaterthan", ">")),
    FilterDoc("ge", _ordered(">=", operator.ge), "Greater or equal.", "1 is ge(2)", False, (">=",)),
)
