from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.templates import MISSING, compile_expression, is_name
from aggregator.templates.expressions.environment import compile_checked
from aggregator.templates.expressions.paths import parse_path, read_path
from aggregator.templates.expressions.syntax import parse_checked

ORDER = {"id": 7, "items": [{"sku": "a"}, {"sku": "b"}], "buyer": None, "keys": "data", "0": "zero", "if": 1}


def same(left: Any, right: Any) -> bool:
    """Whether both are missing, or equal data of one type; MISSING itself equals nothing."""
    return left is right or (type(left) is type(right) and left == right)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("order", ORDER),
        ("order.id", 7),
        ("order['id']", 7),
        ('order["id"]', 7),
        ("order.items[1].sku", "b"),
        ("order.items.0.sku", "a"),
        ("order.items[-1].sku", "b"),
        ("order.items[ 0 ]['sku']", "a"),
        ("order.keys", "data"),
        ("order.0", "zero"),
        ("order.if", 1),
        ("order . id", 7),
        ("(order).id", 7),
        ("order.id[0]", MISSING),
        ("order.items[9].sku", MISSING),
        ("order.items.sku", MISSING),
        ("order.buyer", None),
        ("order.buyer.name.first", MISSING),
        ("order.nope.name.first", MISSING),
        ("nope", MISSING),
        ("nope.a[0]['b']", MISSING),
        ("order.items[0].sku[0]", "a"),
    ],
)
def test_a_path_reads_data(source: str, expected: Any) -> None:
    """A path gives what the data holds; over null, absence and scalars it gives MISSING, never an error."""
    assert same(compile_expression(source).evaluate({"order": ORDER}), expected)


@pytest.mark.parametrize("name", ["items", "keys", "values", "get", "pop", "update", "copy", "clear", "__class__"])
def test_methods_of_containers_do_not_exist(name: str) -> None:
    """What Python calls a method is a field like any other, and missing when the data has none."""
    for source in (f"order['{name}']", f"(order | omit('x'))['{name}']"):
        assert compile_expression(source).evaluate({"order": {}}) is MISSING
        assert compile_expression(source).evaluate({"order": {name: 1}}) == 1


def test_references_are_the_paths_read() -> None:
    """References hold every path that is known at load, root first, and nothing shorter beside it."""
    expression = compile_expression("order.buyer.name ~ query['page'] ~ items[0].sku if a.b[c.d].e else order.buyer")
    assert expression.references == {
        ("order", "buyer", "name"),
        ("order", "buyer"),
        ("query", "page"),
        ("items", "0", "sku"),
        ("a", "b"),
        ("c", "d"),
    }
    assert expression.roots == {"order", "query", "items", "a", "c"}
    assert expression.path is None
    assert not expression.is_constant


def test_path_is_set_for_a_path_only() -> None:
    """`path` tells a plan that it may copy the value without evaluating anything."""
    assert compile_expression("order.items[0].sku").path == ("order", "items", 0, "sku")
    assert compile_expression("(order)['items'][-1]").path == ("order", "items", -1)
    assert compile_expression("order.id + 1").path is None
    assert compile_expression("null.x").path is None


class Watched(Mapping[str, Any]):
    """A context that notes what it is asked for."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values_ = values
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.asked.append(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the context was walked through")

    def __len__(self) -> int:
        raise AssertionError("the context was counted")


@pytest.mark.parametrize("source", ["a.x", "a.x + a.y", "a.x if a.y else a.z"])
def test_only_the_roots_are_looked_up_each_once(source: str) -> None:
    """Values may be lazy: an evaluation asks for the roots it names, once, and for nothing else."""
    context = Watched({"a": {"x": 1, "y": 2, "z": 3}, "b": {}})
    compile_expression(source).evaluate(context)
    assert context.asked == ["a"]


def test_a_mapping_of_any_kind_is_an_object() -> None:
    """Headers and other mappings look fields up in their own way."""

    class Headers(Watched):
        def __getitem__(self, name: str) -> Any:
            return {"accept": "*/*"}[name.lower()]

    assert compile_expression("headers['Accept']").evaluate({"headers": Headers({})}) == "*/*"
    assert compile_expression("headers.ACCEPT ~ '!'").evaluate({"headers": Headers({})}) == "*/*!"


@pytest.mark.processes
def test_plain_paths_and_constants_never_import_jinja() -> None:
    """Start stays fast: Jinja is imported for the first expression that is more than a path or a constant."""
    program = """
import sys
from aggregator.templates import compile_expression as c, compile_url, compile_value
c('a.b[0]'), c("'x'"), c('12'), c('true'), compile_url('u:/{a}'), compile_value({'a': '{{ b.c }} d'})
assert 'jinja2' not in sys.modules
c('a + 1')
assert 'jinja2' in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


KEYS = st.sampled_from(["a", "b", "items", "keys", "0", "1"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.lists(
    KEYS.map(lambda key: f"['{key}']") | KEYS.map(lambda key: f".{key}") | st.integers(-3, 3).map(lambda n: f"[{n}]"),
    max_size=4,
)


@pytest.mark.long
@settings(max_examples=150)
@given(data=JSON, steps=STEPS)
def test_a_closure_and_jinja_read_the_same(data: Any, steps: list[str]) -> None:
    """The fast path is an optimisation only: Jinja gives the identical value for every path and all data."""
    source = "root" + "".join(steps)
    path = parse_path(source)
    assert path is not None
    node, parsed, references = parse_checked(source)
    assert parsed == path
    assert references == {tuple(map(str, path))}
    context = {"root": data}
    assert same(compile_checked(node, frozenset({("root",)}), source)(context), read_path(path)(context))


@pytest.mark.parametrize("word", ["a", "_a", "user_id", "ключ", "items", "match"])
def test_names(word: str) -> None:
    """Identifiers are names."""
    assert is_name(word)


@pytest.mark.parametrize("word", ["", "1a", "a-b", "a.b", "if", "not", "null", "self", "__x", "ﬁ"])
def test_no_names(word: str) -> None:
    """Keywords, private words, and what Python would fold into another name are none."""
    assert not is_name(word)
