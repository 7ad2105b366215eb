from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.templates import MISSING, compile_expression

DATA: dict[str, Any] = {
    "order": {"id": 7, "total": 12.5, "name": "Ann", "note": None, "tags": ["new"], "lines": [{"n": 2}, {"n": 3}]},
    "response": {"status": 200},
}


def value_of(source: str, context: dict[str, Any] = DATA) -> Any:
    """What *source* gives for *context*."""
    return compile_expression(source).evaluate(context)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("order.total > 10 and response.status < 300", True),
        ("order.id + 1", 8),
        ("order.id / 2", 3.5),
        ("order.id // 2 * 10 - 1", 29),
        ("order.id % 4", 3),
        ("2 ** 10", 1024),
        ("-order.id", -7),
        ("+order.id", 7),
        ("order.name + '!'", "Ann!"),
        ("order.tags + ['x']", ["new", "x"]),
        ("'#' ~ order.id ~ order.note ~ true ~ order.tags", '#7true["new"]'),
        ("order.name if order.id else 'nobody'", "Ann"),
        ("'yes' if order.nope", MISSING),
        ("order.nope or 'other'", "other"),
        ("not order.nope", True),
        ("order.nope == 1", False),
        ("order.nope == order.nope", False),
        ("order.nope != 1", True),
        ("order.nope in ['a']", False),
        ("'a' in order.nope", False),
        ("'new' in order.tags", True),
        ("'old' not in order.tags", True),
        ("'nn' in order.name", True),
        ("1 in order.name", False),
        ("'id' in order", True),
        ("1 < order.id < 10", True),
        ("order.id is integer and order.nope is not defined", True),
        ("{'id': order.id, 'none': order.nope, 1: 2}", {"id": 7, "none": None, "1": 2}),
        ("[order.id, order.nope]", [7, None]),
        ("(1, 2)", [1, 2]),
        ("order.lines[:1]", [{"n": 2}]),
        ("order.name[1:]", "nn"),
        ("order.nope[1:]", MISSING),
        ("order.lines[order.zero]", MISSING),
        ("order[order.tags[0]]", MISSING),
        ("order['to' ~ 'tal']", 12.5),
        ("order[true]", MISSING),
        ("order[order.tags]", MISSING),
        ("null", None),
        ("None", None),
        ("null.x", MISSING),
        ("order.note == null", True),
        ("order.nope == null", False),
        ("order.lines | map(attribute='n') | sum", 5),
        ("'it''s'", "its"),
        ("'\\n'", "\n"),
        ("1.5", 1.5),
        ("-1", -1),
        ("'a'", "a"),
        ('"a"', "a"),
    ],
)
def test_expressions(source: str, expected: Any) -> None:
    """What an operator writes gives JSON data of its own type."""
    result = value_of(source)
    assert result is expected or (result == expected and type(result) is type(expected))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("order.nope + 1", "`+` cannot take a missing value and a number"),
        ("1 - order.note", "`-` cannot take a number and null"),
        ("headers.x - 1", "`-` cannot take a missing value and a number"),
        ("order.name * 3", "`*` cannot take a string and a number"),
        ("'%s' % order.id", "`%` cannot take a string and a number"),
        ("order.id + '1'", "`+` cannot take a number and a string"),
        ("true + 1 + order.id", "`+` cannot take a boolean and a number"),
        ("-order.name", "`-` cannot take a string"),
        ("+order.nope", "`+` takes a number, not a missing value; give it a `default`"),
        ("order.nope < 1", "`<` cannot compare a missing value and a number"),
        ("order.name >= 1", "`>=` cannot compare a string and a number"),
        ("1 < order.nope < 3", "`<` cannot compare a number and a missing value"),
        ("1 < order.name < 3", "`<` cannot compare a number and a string"),
        ("1 in order.note", "`in` cannot look into null"),
        ("order.id / 0", "an expression divides by zero"),
        ("order.id[1:]", "`[:]` takes an array, not a number"),
        ("order.tags['a':]", "a slice goes from integer to integer"),
        ("order.tags[::0]", "a slice goes from integer to integer"),
        ("{order.tags: 1}", "the key of an object is a string, not an array"),
        ("order.total * 1e308", "a calculation has no finite result"),
        ("0 ** (order.id - 8)", "an expression divides by zero"),
        ("(0 - order.id) ** 0.5", "a calculation has no finite result"),
        ("1 if [order.id] in {} else 2", "an expression compares or combines values of kinds that do not go together"),
    ],
)
def test_data_that_does_not_fit_is_one_error(source: str, message: str) -> None:
    """Everything that can go wrong with data is an ExpressionError that quotes none of it."""
    with pytest.raises(ExpressionError) as caught:
        value_of(source)
    assert str(caught.value) == message


def test_truth() -> None:
    """Missing, null, zero and empty are false; all else is true."""
    assert compile_expression("a.b").truth({"a": {"b": [0]}})
    for nothing in ({}, {"b": None}, {"b": 0}, {"b": ""}, {"b": []}):
        assert not compile_expression("a.b").truth({"a": nothing})


def test_a_constant_is_computed_at_load() -> None:
    """An expression that reads nothing is evaluated once."""
    expression = compile_expression("[1, 2] | sum")
    assert expression.is_constant
    assert expression.references == frozenset()
    assert expression.evaluate({}) == 3


def test_the_same_source_is_the_same_expression() -> None:
    """Expressions compare by source, so that plans compare; a reload compiles nothing twice."""
    assert compile_expression(" a + 1 ") is compile_expression("a + 1")
    assert compile_expression("a+1") != compile_expression("a + 1")
    assert len({compile_expression("a.b"), compile_expression("a.b ")}) == 1
    assert compile_expression("a.b") != "a.b"
    assert repr(compile_expression("a.b")) == "Expression('a.b')"


def test_an_error_of_a_lazy_root_passes_unchanged() -> None:
    """When looking a root up fails, that failure is the outcome, not an ExpressionError about it."""

    class Lazy(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            raise CallError(Cause.MALFORMED, "The body is not JSON.")

    for source in ("a.b", "a.b + 1"):
        with pytest.raises(CallError):
            compile_expression(source).evaluate(Lazy())


def test_evaluation_changes_no_data() -> None:
    """Filters and operators build new values."""
    data = copy.deepcopy(DATA)
    for source in ("order.tags + ['x']", "order | merge({'id': 0})", "order.lines | sort(attribute='n', reverse=true)"):
        value_of(source, data)
    assert data == DATA


def test_missing_is_one_object() -> None:
    """MISSING survives copying and pickling, is empty and false, and says its name."""
    assert copy.deepcopy(MISSING) is MISSING
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING
    assert not MISSING
    assert 1 not in MISSING
    assert MISSING != MISSING
    assert len({MISSING, MISSING}) == 1
    assert repr(MISSING) == "MISSING"


@pytest.mark.long
def test_data_nested_too_deeply_is_an_error() -> None:
    """A comparison of data without end ends in an ExpressionError."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    other: list[Any] = []
    for _ in range(100_000):
        other = [other]
    with pytest.raises(ExpressionError, match="nested too deeply"):
        value_of("a == b", {"a": deep, "b": other})
    while deep:
        deep = deep[0]
    while other:
        other = other[0]
