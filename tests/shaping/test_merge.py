"""Parts become one: the same parts always give the same answer."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.shaping.merge import MergeCollision, compile_merge
from aggregator.shaping.problems import ShapeProblem

PARTS = [
    ("user", {"id": 1, "tags": ["a"], "home": {"city": "Bern", "zip": 1}}),
    ("none", None),
    ("more", {"id": 2, "tags": ["b"], "home": {"zip": 2, "x": {}}, "last": True}),
]


@pytest.mark.parametrize(
    ("how", "merged"),
    [
        ("first", {"id": 1, "tags": ["a"], "home": {"city": "Bern", "zip": 1}, "last": True}),
        ("last", {"id": 2, "tags": ["b"], "home": {"zip": 2, "x": {}}, "last": True}),
        ("deep", {"id": 2, "tags": ["b"], "home": {"city": "Bern", "zip": 2, "x": {}}, "last": True}),
        ("append", {"id": 2, "tags": ["a", "b"], "home": {"city": "Bern", "zip": 2, "x": {}}, "last": True}),
    ],
)
def test_parts_merge_in_declared_order(how: str, merged: dict[str, Any]) -> None:
    """Each rule by its name; keys stand where they came first; null parts and inputs are left alone."""
    before = copy.deepcopy(PARTS)
    result = compile_merge(how)(PARTS)
    assert repr(result) == repr(merged)
    assert before == PARTS


def test_arrays_at_the_root_are_appended() -> None:
    """Only arrays: one array."""
    assert compile_merge("append")([("a", [1]), ("n", None), ("b", [2, 3])]) == [1, 2, 3]
    assert compile_merge("append")([]) == {}


def test_collisions_are_refused_by_name() -> None:
    """The merge ``error`` names the key and both parts."""
    with pytest.raises(MergeCollision, match="`user` and `more` both have the key `id`") as caught:
        compile_merge("error")(PARTS)
    assert (caught.value.key, caught.value.first, caught.value.second) == ("id", "user", "more")
    assert compile_merge("error")([("a", {"x": 1}), ("b", {"y": 2})]) == {"x": 1, "y": 2}


def test_keys_of_upstreams_are_cut_in_messages() -> None:
    """A key of a megabyte does not become a message of one."""
    for key, shown in (("k" * 40, "k" * 40), ("k" * 41, "k" * 39 + "…"), ("k" * 10_000, "k" * 39 + "…")):
        with pytest.raises(MergeCollision) as caught:
            compile_merge("error")([("a", {key: 1}), ("b", {key: 1})])
        assert str(caught.value) == f"The parts `a` and `b` both have the key `{shown}`."


@pytest.mark.parametrize("how", ["first", "last", "deep", "error", "append"])
def test_only_objects_merge(how: str) -> None:
    """A part that is something else is named."""
    with pytest.raises(ExpressionError, match="`b` is an array"):
        compile_merge(how)([("a", {}), ("b", [1])])


def test_arrays_and_objects_are_not_appended_to_each_other() -> None:
    """Both parts are named, whichever came first: each for itself would do."""
    said = "The part `a` is an array and `b` is an object; arrays are appended to arrays, objects to objects."
    for parts in ([("a", [1]), ("b", {})], [("b", {}), ("n", None), ("a", [1]), ("c", 5)]):
        with pytest.raises(ExpressionError) as caught:
            compile_merge("append")(parts)
        assert str(caught.value) == said


def test_an_unknown_merge_gets_a_suggestion() -> None:
    """Found when compiled."""
    with pytest.raises(ShapeProblem, match="did you mean `deep`"):
        compile_merge("deeep")
    with pytest.raises(ShapeProblem, match="one of deep, first"):
        compile_merge("xyz")


def test_endless_nesting_is_an_error() -> None:
    """Objects in objects end somewhere."""
    value: dict[str, Any] = {}
    for _ in range(2000):
        value = {"a": value}
    with pytest.raises(ExpressionError, match="too deeply"):
        compile_merge("deep")([("a", value), ("b", value)])
