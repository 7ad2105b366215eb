from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates import (
    MISSING,
    Const,
    Expr,
    Expression,
    ListNode,
    MapNode,
    TemplateProblem,
    Text,
    compile_expression,
    compile_value,
)

DATA: dict[str, Any] = {"id": 7, "f": 1.0, "yes": True, "none": None, "list": [1, "b"], "o": {"a": None}, "s": "x"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ list }}", [1, "b"]),
        ("{{id}}", 7),
        ("{{ id }}\n", 7),
        (" {{ id }}", " 7"),
        ("{{ s }}{{ s }}", "xx"),
        ("{{ '[1,2]' }}", "[1,2]"),
        ("n {{ id }} {{ f }} {{ yes }} {{ none }}|{{ nope }}|{{ list }} {{ o }}", 'n 7 1.0 true ||[1,"b"] {"a":null}'),
        ("plain", "plain"),
        ("", ""),
        ("a } }} b { c", "a } }} b { c"),
        ("{{ '{{' }} x }}", "{{ x }}"),
        ("{{ '{%' }}", "{%"),
        ("{{ '}}' }}", "}}"),
        ('{{ "it\'s }}" }}!', "it's }}!"),
        ("{{ {'a': {'b': id}} }}", {"a": {"b": 7}}),
        ("{{ {'a': [{'b': id}]}.a[0].b }}", 7),
        (
            {"a": "{{ id }}", "b": [1, "{{ s }}!", None, 1.5, True], "c": {"d": "e"}},
            {"a": 7, "b": [1, "x!", None, 1.5, True], "c": {"d": "e"}},
        ),
        (MappingProxyType({"a": ("{{ id }}",)}), {"a": [7]}),
        ({}, {}),
        ([], []),
        (12, 12),
        (None, None),
    ],
)
def test_a_value_renders(value: Any, expected: Any) -> None:
    """One expression keeps its type, anything else is text, and structure stays structure."""
    result = compile_value(value).render(DATA)
    assert result == expected
    assert type(result) is type(expected)


def test_a_string_from_data_keeps_its_type() -> None:
    """Text that looks like JSON, a number or a template stays that text."""
    for text in ("123", "[1]", "true", "{{ id }}", "{% x %}", "${HOME}"):
        assert compile_value("{{ s }}").render({"s": text}) == text
        assert compile_value("<{{ s }}>").render({"s": text}) == f"<{text}>"


def test_missing_by_policy() -> None:
    """A missing value is null, an error, or left out; null itself is always kept."""
    template = compile_value(
        {"a": "{{ nope.x }}", "b": ["{{ nope }}", 1], "c": "x{{ nope }}", "n": "{{ none }}", "k": 1}
    )
    assert template.render(DATA) == {"a": None, "b": [None, 1], "c": "x", "n": None, "k": 1}
    assert template.render(DATA, "omit") == {"b": [1], "n": None, "k": 1}
    with pytest.raises(ExpressionError, match=r"^`nope\.x` is missing$"):
        template.render(DATA, "error")
    with pytest.raises(ExpressionError, match=r"^the value of an expression is missing$"):
        compile_value("{{ nope if id }}").render({"id": 1}, "error")
    with pytest.raises(ExpressionError, match=r"^`nope` is missing$"):
        compile_value("x{{ nope }}").render(DATA, "error")
    assert compile_value("{{ nope }}").render(DATA, "omit") is MISSING
    assert compile_value("x{{ nope }}").render(DATA, "omit") is MISSING


def test_text_of_a_value() -> None:
    """A header or a form field takes any value as the text it would be within a longer one."""
    assert compile_value("{{ id }}").render_text(DATA) == "7"
    assert compile_value({"a": "{{ id }}"}).render_text(DATA) == '{"a":7}'
    assert compile_value("{{ nope }}").render_text(DATA) == ""
    assert compile_value("{{ nope }}").render_text(DATA, "omit") is None


def test_the_tree_is_public() -> None:
    """A plan sees which leaf is a constant, an expression or text."""
    template = compile_value({"a": "{{ order.id }}", "b": ["x {{ n }}", 1], "c": [1, {"d": 2}]})
    order, number = compile_expression("order.id"), compile_expression("n")
    assert template.node == MapNode(
        (
            ("a", Expr(order)),
            ("b", ListNode((Text(("x ", number)), Const(1)))),
            ("c", Const([1, {"d": 2}])),
        )
    )
    assert template.references == {("order", "id"), ("n",)}
    assert template.roots == {"order", "n"}
    assert [one.source for one in template.node.expressions()] == ["order.id", "n"]
    assert list(Const(1).expressions()) == []
    assert all(isinstance(one, Expression) for one in template.node.expressions())


def test_constants_collapse() -> None:
    """What reads nothing is one constant, however it was written."""
    for value, constant in (
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]}),
        ("{{ 1 + 1 }}", 2),
        ("a{{ 1 }}b{{ true }}", "a1btrue"),
        (["{{ 'x' }}"], ["x"]),
    ):
        template = compile_value(value)
        assert template.node == Const(constant)
        assert template.is_constant
        assert template.references == frozenset()
    assert not compile_value("{{ a }}").is_constant


def test_a_constant_without_a_value_is_missing() -> None:
    """An expression that can only be missing is one at run time, by the policy there."""
    assert compile_value("{{ {}.a }}").render({}, "omit") is MISSING
    assert compile_value("{{ {}.a }}").render({}) is None


def test_templates_compare_as_json() -> None:
    """A plan changes when 1 becomes true or 1.0."""
    assert compile_value({"a": 1}) == compile_value({"a": 1})
    assert compile_value(1) != compile_value(True)
    assert compile_value([1]) != compile_value([1.0])
    assert hash(compile_value({"a": [1]}).node) == hash(Const({"a": [1]}))
    assert Const(1) != 1
    assert compile_value("{{ a }}") == compile_value("{{ a }}")


@pytest.mark.parametrize(
    ("value", "path", "spot", "message", "hint"),
    [
        ("x {{ a", (), "{{", "`{{` is never closed", "for text write `{{ '{{' }}`"),
        ("x {% if a %}", (), "{%", "statements are not supported", "`{{ a if x else b }}`"),
        ("x {# a #}", (), "{#", "comments are not supported in values", "a YAML comment"),
        ("{{- a }}", (), "{{-", "`{{-` has no meaning here", "put a space between: `{{ -`"),
        ("ab {{ x | nope }}", (), "nope", "there is no filter `nope`", None),
        ("ab {{ }}", (), " ", "the expression is empty", None),
        ("{{ (a }} b", (), "a", "the expression is not finished", None),
        ("{{ 'a }} b", (), "'", 'unexpected "\'"', None),
        ({"a": ["b", "{{ x! }}"]}, ("a", 1), "!", "unexpected '!'", "write `not`"),
    ],
)
def test_a_problem_knows_its_string(
    value: Any, path: tuple[Any, ...], spot: str, message: str, hint: str | None
) -> None:
    """The path leads to the string, the offset into it."""
    with pytest.raises(TemplateProblem) as caught:
        compile_value(value)
    problem = caught.value
    for key in path:
        value = value[key]
    assert problem.path == path
    assert problem.message == message
    assert value[problem.offset : problem.offset + problem.length] == spot
    assert hint is None or (problem.hint and hint in problem.hint)


def test_all_problems_at_once() -> None:
    """Whoever wants every problem gets them in reading order, keys included."""
    found: list[TemplateProblem] = []
    value = {"a": "{{ }}", "{{ k }}": 1, 5: "x", "b": ["{% x %}", float("nan"), object()], "ok": "{{ x }}"}
    template = compile_value(value, found.append)
    assert [(one.path, one.key, one.message) for one in found] == [
        (("a",), False, "the expression is empty"),
        (("{{ k }}",), True, "a key cannot hold an expression"),
        (("5",), True, "a key is text"),
        (("b", 0), False, "statements are not supported"),
        (("b", 1), False, "a number that JSON cannot say"),
        (("b", 2), False, "a value of an unknown kind that JSON cannot say"),
    ]
    assert template.render({"x": 1}) == {"a": None, "b": [None, None, None], "ok": 1}


def test_only_short_texts_are_kept() -> None:
    """A text that many endpoints say is compiled once; large ones, saved again and again, do not pile up."""
    short, long = "a {{ b }}", "a {{ b }}" + "c" * 1000
    assert compile_value(short).node is compile_value(short).node
    assert compile_value(long).node is not compile_value(long).node
