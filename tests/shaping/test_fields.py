"""allow, deny and ?fields=: which fields stay."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ExpressionError
from aggregator.shaping.fields import MAX_FIELDS, compile_allow, compile_deny, parse_fields
from aggregator.shaping.problems import ShapeProblem

ORDER = {"id": 7, "buyer": {"name": "Ada", "mail": "a@b.c"}, "items": [{"sku": 1, "n": 2}, {"n": 3}, 5]}


@pytest.mark.parametrize(
    ("paths", "value", "kept", "left"),
    [
        (["id"], ORDER, {"id": 7}, {k: ORDER[k] for k in ("buyer", "items")}),
        (["buyer.name"], ORDER, {"buyer": {"name": "Ada"}}, ORDER | {"buyer": {"mail": "a@b.c"}}),
        (["items.sku"], ORDER, {"items": [{"sku": 1}, {}]}, ORDER | {"items": [{"n": 2}, {"n": 3}, 5]}),
        (["items.*.sku"], ORDER, {"items": [{"sku": 1}, {}]}, ORDER | {"items": [{"n": 2}, {"n": 3}, 5]}),
        (["items.1"], ORDER, {"items": [{"n": 3}]}, ORDER | {"items": [{"sku": 1, "n": 2}, 5]}),
        (["items.*"], ORDER, {"items": ORDER["items"]}, ORDER | {"items": []}),
        (["nope", "id.x"], ORDER, {}, ORDER),
        (["buyer", "buyer.name"], ORDER, {"buyer": ORDER["buyer"]}, {k: ORDER[k] for k in ("id", "items")}),
        (["a"], [{"a": 1, "b": 2}, [{"a": 3}]], [{"a": 1}, [{"a": 3}]], [{"b": 2}, [{}]]),
        (["*.x"], {"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": 1}}, {"a": {"y": 2}, "b": 3}),
        (
            ["a.*", "*.x"],
            {"a": {"q": 1}, "b": {"x": 2, "y": 3}},
            {"a": {"q": 1}, "b": {"x": 2}},
            {"a": {}, "b": {"y": 3}},
        ),
        (["l.0.a", "l.b"], {"l": [{"a": 1, "b": 2}] * 2}, {"l": [{"a": 1, "b": 2}, {"b": 2}]}, {"l": [{}, {"a": 1}]}),
        (["l.0.a", "l.*.b"], {"l": [{"a": 1, "b": 2}] * 2}, {"l": [{"a": 1, "b": 2}, {"b": 2}]}, {"l": [{}, {"a": 1}]}),
        (["0"], {"0": 1, "1": 2}, {"0": 1}, {"1": 2}),
        (["*.*.k"], {"a": {"b": {"k": 1, "l": 2}}}, {"a": {"b": {"k": 1}}}, {"a": {"b": {"l": 2}}}),
        (
            ["a.*.k", "*.b.l"],
            {"a": {"b": {"k": 1, "l": 2, "m": 3}}},
            {"a": {"b": {"k": 1, "l": 2}}},
            {"a": {"b": {"m": 3}}},
        ),
        (["*.*", "a.b"], {"a": {"b": 1}, "c": 2}, {"a": {"b": 1}}, {"a": {}, "c": 2}),
        ([], ORDER, {}, ORDER),
        (["a"], 5, None, 5),
    ],
)
def test_paths_choose_what_stays_and_what_goes(paths: list[str], value: Any, kept: Any, left: Any) -> None:
    """What allow keeps is what deny with the same paths removes; neither changes its input."""
    before = copy.deepcopy(value)
    assert compile_allow(paths)(value) == kept
    assert compile_deny(paths)(value) == left
    assert value == before


def test_fields_keep_their_order() -> None:
    """The order is that of the data, not that of the paths."""
    assert list(compile_allow(["c", "a"])({"a": 1, "b": 2, "c": 3})) == ["a", "c"]


NAMES = st.sampled_from(["a", "b", "c", "0", "1"])
DATA = st.recursive(
    st.integers(0, 9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
PATHS = st.lists(st.lists(NAMES | st.just("*"), min_size=1, max_size=3).map(".".join), max_size=4)


@pytest.mark.long
@given(DATA, PATHS)
def test_removing_after_keeping_leaves_nothing(value: Any, paths: list[str]) -> None:
    """Whatever the data: what is kept holds no value besides those that the same paths remove.

    Indexes are another matter: what is kept of an array has indexes of its own.
    """
    paths = [path for path in paths if not {"0", "1"} & set(path.split("."))]
    kept = compile_allow(paths)(value)
    assert not _scalars(compile_deny(paths)(kept)) or kept is None
    assert _scalars(kept) + _scalars(compile_deny(paths)(value)) == _scalars(value)


def _scalars(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_scalars, value.values()))
    if isinstance(value, list):
        return sum(map(_scalars, value))
    return 0 if value is None else 1


def test_endless_nesting_is_an_error() -> None:
    """Data deeper than the interpreter goes is an error of this call, not of the process."""
    value: Any = []
    for _ in range(2000):
        value = [value]
    for shape in (compile_allow(["a"]), compile_deny(["a"])):
        with pytest.raises(ExpressionError, match="too deeply"):
            shape(value)


def test_clients_ask_for_fields() -> None:
    """Names with dots, through arrays; the caller learns what is asked for."""
    fields = parse_fields("id, buyer.name,items.sku")
    assert fields.paths == (("id",), ("buyer", "name"), ("items", "sku"))
    assert fields.prune(ORDER) == {"id": 7, "buyer": {"name": "Ada"}, "items": [{"sku": 1}, {}]}


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("a,,b", 2),
        ("a,b.", 4),
        ("a, *.b", 3),
        ("a[]", 0),
        ("a, b[]", 3),
        ("a, b..c", 5),
        ("a,  b[0", 5),
        ("a" * 3000, 2000),
        ("a," * MAX_FIELDS + "a", 0),
    ],
)
def test_bad_fields_name_the_offset(text: str, offset: int) -> None:
    """The client learns where its list is wrong; patterns and endless lists are refused."""
    with pytest.raises(ShapeProblem) as caught:
        parse_fields(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",".join(["a" * 199] * 10) + "a", None),
        (",".join(["a" * 199] * 10) + "aa", "The list of fields has at most 2000 characters."),
        (",".join(["a"] * 100), None),
        (",".join(["a"] * 101), "At most 100 fields can be asked for."),
        ("a,*", "Fields are asked for by name."),
    ],
)
def test_lists_of_fields_are_bounded(text: str, message: str | None) -> None:
    """As long as may be, and one more: the client is told which bound it was."""
    if message is None:
        assert len(parse_fields(text).paths) == text.count(",") + 1
    else:
        with pytest.raises(ShapeProblem) as caught:
            parse_fields(text)
        assert caught.value.message == message


def test_digits_of_clients_are_names() -> None:
    """A list of fields made of digits takes no time to work out."""
    text = ",".join(f"{i % 3}.{i % 5}.{i % 7}.{i % 2}.{i}" for i in range(MAX_FIELDS))
    start = time.perf_counter()
    assert {path[0] for path in parse_fields(text).paths} == {"0", "1", "2"}
    assert time.perf_counter() - start < 10
