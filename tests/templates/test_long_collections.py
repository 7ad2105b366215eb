"""What is done to a long array, object or text is counted before it begins, and lets others run meanwhile."""

from __future__ import annotations

import random
from typing import Any

import pytest

from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.templates import compile_expression
from aggregator.templates.expressions import environment, json_pieces, pieces
from aggregator.templates.expressions.bounds import LARGE, MAX_ITEMS, MAX_TEXT
from aggregator.templates.expressions.pieces import PIECE, are_equal, holds, in_order, place_of
from aggregator.templates.filters import FILTERS, TESTS

LONG: dict[str, Any] = {
    "numbers": [1] * (2 * MAX_ITEMS),
    "texts": ["a"] * (2 * MAX_ITEMS),
    "rows": [{"n": 1}] * (2 * MAX_ITEMS),
    "object": dict.fromkeys(map(str, range(2 * MAX_ITEMS)), 1),
    "text": "a," * MAX_TEXT,
}
SHORT = LARGE
"""Work that is not counted: less than a millisecond."""
ARGUMENTS = {
    "replace": "('a', 'b')", "split": "(',')", "truncate": "(5)", "batch": "(2)", "index_by": "('n')", "get": "('0')",
    "group_by": "('n')", "map": "(attribute='n')", "select": "('odd')", "reject": "('odd')", "pick": "('0')",
    "selectattr": "('n')", "rejectattr": "('n')", "merge": "({})", "omit": "('0')", "default": "(1)",
    "plus": "('1h')", "minus": "('1h')", "divisibleby": "(2)", "startswith": "('a')", "endswith": "('a')", "matches": "('a')", "strftime": "('%Y')",
}  # fmt: skip
LOOK_AT_NO_ELEMENT = {
    "default", "d", "required", "length", "count", "first", "last", "get", "aslist", "all", "truncate", "string",
    "defined", "undefined", "none", "null", "empty", "boolean", "true", "false", "number", "integer", "float", "array",
    "object", "mapping",
}  # fmt: skip
"""Those that take as long for a long value as for a short one; a text is its own text."""


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_counts_its_work(monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    """Each filter refuses a long value for what it is, or for the work; but for those that look at no element of it."""
    monkeypatch.setattr(environment, "MAX_WORK", SHORT)
    source = f"{what} | {name}{ARGUMENTS.get(name, '')}"
    if name in LOOK_AT_NO_ELEMENT and not (name == "string" and what != "text"):
        return
    with pytest.raises(ExpressionError):
        compile_expression(source).evaluate(LONG)


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("name", sorted(set(TESTS) - LOOK_AT_NO_ELEMENT - {"in"}))
def test_a_test_counts_its_work(monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    """Each test refuses a long value too, but for a comparison with a short one, which ends at once."""
    monkeypatch.setattr(environment, "MAX_WORK", SHORT)
    if TESTS[name].function in {TESTS[one].function for one in ("eq", "ne", "lt", "le", "gt", "ge", "string")}:
        return
    with pytest.raises(ExpressionError):
        compile_expression(f"{what} is {name}{ARGUMENTS.get(name, '')}").evaluate(LONG)


@pytest.mark.parametrize(
    "source",
    ["1 in numbers", "1 == 1 in numbers", "1 in numbers == true", "'b' not in texts", "numbers + numbers",
     "text ~ ''", "rows ~ ''", "numbers[1:]", "texts | map('upper')"],
)  # fmt: skip
def test_an_operator_counts_its_work(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """So does what looks into an array, or makes one, also where it stands in a chain."""
    monkeypatch.setattr(environment, "MAX_WORK", SHORT)
    with pytest.raises(ExpressionError):
        compile_expression(source).evaluate(LONG)


def _keys(kind: str) -> list[Any]:
    chance, count = random.Random(7), 5 * PIECE + 77
    return {
        "numbers": lambda: [chance.random() for _ in range(count)],
        "texts": lambda: [str(chance.random()) for _ in range(count)],
        "few": lambda: [chance.randrange(3) for _ in range(count)],
        "ascending": lambda: list(range(count)),
        "descending": lambda: list(range(count, 0, -1)),
        "waves": lambda: [number % PIECE for number in range(count)],
    }[kind]()


@pytest.mark.parametrize("kind", ["numbers", "texts", "few", "ascending", "descending", "waves"])
@pytest.mark.parametrize("reverse", [False, True])
def test_pieces_are_put_in_order_as_the_whole_is(kind: str, reverse: bool) -> None:
    """Equal ones stay as they were, and no part is much larger than two pieces unless all in it are equal."""
    keys = _keys(kind)
    parts = list(in_order(keys, reverse=reverse))
    assert [at for part in parts for at in part] == sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)
    assert all(len(part) <= 2 * PIECE + len(parts) or len({keys[at] for at in part}) == 1 for part in parts)


@pytest.mark.parametrize("kind", ["numbers", "few", "descending"])
@pytest.mark.parametrize("choose", [min, max])
def test_the_first_of_the_least_is_chosen(kind: str, choose: Any) -> None:
    """Whatever pieces there are."""
    keys = _keys(kind)
    assert place_of(choose, keys) == choose(range(len(keys)), key=keys.__getitem__)


def test_long_values_are_compared_as_short_ones() -> None:
    """An array or object is equal to its copy, and to none that differs in one place or in length."""
    array, fields = list(range(3 * PIECE)), {str(number): number for number in range(3 * PIECE)}
    for value, other in (
        (array, [*array[:-1], -1]),
        (fields, {**fields, "0": 1}),
        (array, array[:-1]),
        (array, fields),
    ):
        assert are_equal(value, value.copy())
        assert not are_equal(value, other)
        assert not are_equal(other, value)
        for inside in (lambda one: {"a": [{"b": one}]}, lambda one: [[one], 1], lambda one: [{"b": one}] * 2):
            assert are_equal(inside(value), inside(value.copy()))
            assert not are_equal(inside(value), inside(other))
            assert not are_equal(inside(other), inside(value))
    assert (holds(array, 3 * PIECE - 1), holds(array, -1)) == (True, False)
    context = {"a": array, "b": {"x": array}}
    assert compile_expression("a | tojson").evaluate(context) == str(array).replace(" ", "")
    assert compile_expression("'é<' * 1 if false else b.x == a").evaluate(context) is True


@pytest.mark.parametrize("filter_", ["urlencode", "xml_escape", "merge({'a': 1}) | length", "fromjson | length"])
def test_pieces_make_one_whole(filter_: str) -> None:
    """What is written in pieces has no seams."""
    value: Any = {"urlencode": "é/" * 50_000, "xml_escape": "é<" * 50_000, "fromjson | length": "[" + "1," * 9 + "1]"}
    expected = {"urlencode": "%C3%A9%2F" * 50_000, "xml_escape": "é&lt;" * 50_000, "fromjson | length": 10}
    many = {str(number): number for number in range(3 * PIECE)}
    assert compile_expression(f"a | {filter_}").evaluate({"a": value.get(filter_, many)}) == expected.get(
        filter_, 3 * PIECE + 1
    )


@pytest.mark.parametrize("source", ["0 < a.n < 3 in b", "0 < (a.n + 0) < 3", "a.n in b == true", "'x' not in b in [b]"])
def test_a_chain_is_what_python_says(source: str) -> None:
    """Each link holds, whatever stands between two of them."""
    for number in (-1, 0, 1, 2, 3):
        names = {"a": {"n": number}, "b": [1, 3]}
        plain = source.replace("a.n", str(number)).replace("true", "True")
        assert compile_expression(source).evaluate(names) is eval(plain, {"b": [1, 3]})


def test_the_deadline_ends_a_sort() -> None:
    """It is looked at between two parts."""

    class Names(dict[str, object]):
        looks = 0

        def check_time(self) -> None:
            self.looks += 1
            if self.looks > 2 * PIECE // 1024 + 1:
                raise CallError(Cause.DEADLINE, "late")

    numbers = _keys("numbers")[: 2 * PIECE - 1]
    with pytest.raises(CallError):
        compile_expression("a | sort").evaluate(Names(a=numbers))


def test_many_elements_are_compared_in_pieces_however_deep_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is compared at once has more elements than a few pieces."""
    found: list[tuple[Any, Any]] = []
    real = pieces.pairs_of

    def pairs(one: Any, other: Any) -> list[tuple[Any, Any]]:
        made = list(real(one, other))
        found.extend(made)
        return made

    monkeypatch.setattr(pieces, "pairs_of", pairs)
    array = list(range(40 * PIECE))
    assert are_equal({"a": {"b": array}}, {"a": {"b": array.copy()}})
    assert max(len(one) for one, _ in found if isinstance(one, list) and one is not array) == PIECE


@pytest.mark.parametrize("value", [1, "a", [], [1, 2, 3], {"id": 1, "name": "a", "of": None}])
def test_small_values_are_compared_at_once(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    """Nobody counts how many elements stand in a number, a text, or an array or object that holds few of them."""
    monkeypatch.setattr(pieces, "_is_wide", None)
    assert are_equal(value, value)
    assert not are_equal(value, [[1]])


def test_json_in_a_text_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long text is not decoded at once, and numbers of which each takes long are not waited for."""
    sizes: list[int] = []
    real = json_pieces.in_pieces

    def in_pieces(body: bytes, decode: json_pieces.Decode) -> Any:
        return real(body, lambda piece: (sizes.append(len(piece)), decode(piece))[1])

    monkeypatch.setattr(json_pieces, "in_pieces", in_pieces)
    text = "[" + ", ".join(["1e300"] * 100_000) + "]"
    assert compile_expression("a | fromjson").evaluate({"a": text}) == [1e300] * 100_000
    assert max(sizes) < json_pieces.LARGE
