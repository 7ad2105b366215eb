"""rename and group: fields get other names and places."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.shaping.moves import compile_group, compile_rename
from aggregator.shaping.problems import ShapeProblem


@pytest.mark.parametrize(
    ("renames", "value", "result"),
    [
        ({"a": "b"}, {"x": 0, "a": 1, "y": 2}, {"x": 0, "b": 1, "y": 2}),
        ({"a": "b", "b": "a"}, {"a": 1, "b": 2}, {"b": 1, "a": 2}),
        ({"a": "b", "b": "c", "c": "a"}, {"a": 1, "b": 2, "c": 3}, {"b": 1, "c": 2, "a": 3}),
        ({"a.x": "b.y", "b.y": "a.x"}, {"a": {"x": 1}, "b": {"y": 2}}, {"a": {"x": 2}, "b": {"y": 1}}),
        ({"a.x": "a.y", "a.y": "z"}, {"a": {"x": 1, "y": 2}}, {"a": {"y": 1}, "z": 2}),
        ({"u.n": "n", "u": "p"}, {"u": {"n": 1, "id": 2}}, {"p": {"id": 2}, "n": 1}),
        ({"a": "b", "a.x": "a.y"}, {"a": {"x": 1}}, {"b": {"y": 1}}),
        ({"a": "b.c"}, {"a": 1, "b": {"d": 2}}, {"b": {"d": 2, "c": 1}}),
        ({"a": "b.c.d"}, {"a": 1}, {"b": {"c": {"d": 1}}}),
        ({"a": "b"}, {"b": 1, "a": 2}, {"b": 2}),
        ({"a": "b"}, {"b": 1, "x": 0, "a": 2}, {"x": 0, "b": 2}),
        ({"a": "b"}, {"b": 1}, {"b": 1}),
        ({"a": "a.b"}, {"a": 1}, {"a": {"b": 1}}),
        ({"a.b": "a"}, {"a": {"b": 1, "c": 2}}, {"a": 1}),
        ({"a": "a"}, {"a": 1}, {"a": 1}),
        ({"a": "b", "x.y.z": "q"}, {"c": 1}, {"c": 1}),
        ({"x.y": "q"}, {"x": None}, {"x": None}),
        ({"items.sku": "items.code"}, {"items": [{"sku": 1}, {"n": 2}, 3]}, {"items": [{"code": 1}, {"n": 2}, 3]}),
        ({"items.*.p.sku": "items.*.sku"}, {"items": [{"p": {"sku": 1}}]}, {"items": [{"p": {}, "sku": 1}]}),
        ({"items.0.a": "items.0.b"}, {"items": [{"a": 1}, {"a": 2}]}, {"items": [{"b": 1}, {"a": 2}]}),
        ({"*.id": "*.key"}, {"x": {"id": 1}, "y": {"id": 2}}, {"x": {"key": 1}, "y": {"key": 2}}),
        ({"a": "b"}, [{"a": 1}, [{"a": 2}]], [{"b": 1}, [{"b": 2}]]),
        ({'"a.b"': "c"}, {"a.b": 1}, {"c": 1}),
        ({"a": "b"}, "text", "text"),
        ({}, {"a": 1}, {"a": 1}),
    ],
)
def test_fields_move_all_at_once(renames: dict[str, str], value: Any, result: Any) -> None:
    """Swaps and chains work, in place keeps the place, and the input stays as it was."""
    before = copy.deepcopy(value)
    renamed = compile_rename(renames)(value)
    assert renamed == result
    assert repr(renamed) == repr(result), "the order of keys counts"
    assert value == before


@pytest.mark.parametrize(
    ("renames", "message"),
    [
        ({"a..b": "c"}, "needs a name"),
        ({"a": "c."}, "The new name of `a` is wrong"),
        ({"a": "c", "b": "c"}, "`a` and `b` both become `c`"),
        ({"items.*.a": "x"}, "cannot leave its array"),
        ({"x": "items.*.a"}, "cannot leave its array"),
        ({"a.b": "z", "a.b.c": "a.b.d"}, "`a.b` moves"),
        ({"k.a.b": "k.z", "k.a.b.c": "k.a.b.d"}, "`a.b` moves"),
    ],
)
def test_wrong_renames_are_found_at_load(renames: dict[str, str], message: str) -> None:
    """What could depend on an order, or has no place to go, is refused when compiled."""
    with pytest.raises(ShapeProblem, match=message):
        compile_rename(renames)


@pytest.mark.parametrize(
    ("renames", "value"),
    [({"items.sku": "skus"}, {"items": [{"sku": 1}]}), ({"a": "b.c"}, {"a": 1, "b": 3}), ({"a.b": "c"}, {"a": "text"})],
)
def test_data_in_the_way_is_an_error(renames: dict[str, str], value: Any) -> None:
    """A value that is no object is neither searched nor overwritten silently."""
    with pytest.raises(ExpressionError, match="is no object"):
        compile_rename(renames)(value)


def test_endless_nesting_is_an_error() -> None:
    """Arrays in arrays end somewhere."""
    value: Any = []
    for _ in range(2000):
        value = [value]
    with pytest.raises(ExpressionError, match="too deeply"):
        compile_rename({"a": "b"})(value)


def test_groups_nest() -> None:
    """A value is put under a path."""
    assert compile_group("a.b")([1]) == {"a": {"b": [1]}}
    for text, offset in (("a.*", 2), ("a[].b", 1)):
        with pytest.raises(ShapeProblem) as caught:
            compile_group(text)
        assert caught.value.offset == offset
