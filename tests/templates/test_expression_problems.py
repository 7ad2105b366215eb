from __future__ import annotations

import pytest

from aggregator.templates import TemplateProblem, compile_expression


@pytest.mark.parametrize(
    ("source", "spot", "message", "hint"),
    [
        ("", "", "the expression is empty", "write a name, such as `order.id`"),
        ("order.items()", ".items(", "nothing can be called in an expression", "write `value | items`"),
        ("order.get('a')", ".get(", "nothing can be called in an expression", "write `value['key']`, or"),
        ("a.frobnicate(1)", ".frobnicate(", "nothing can be called", "`value.name` reads a field"),
        ("len(order)", "len(", "nothing can be called in an expression", "write `value | length`"),
        ("upper(order)", "upper(", "nothing can be called in an expression", "write `value | upper`"),
        ("lipsum(5)", "lipsum(", "nothing can be called in an expression", "there are only filters"),
        ("range(99999)", "range(", "nothing can be called in an expression", "there are no loops"),
        ("a[0](1)", "(", "nothing can be called in an expression", "there are only filters"),
        ("a | uper", "uper", "there is no filter `uper`", "did you mean `upper`?"),
        ("a | attr('b')", "attr", "there is no filter `attr`", "write `value.name` or `value['name']`"),
        ("a | format(b)", "format", "there is no filter `format`", "write text around"),
        ("a | defined", "defined", "there is no filter `defined`", "write `is defined`"),
        ("a | zzzzzz", "zzzzzz", "there is no filter `zzzzzz`", "the reference lists the filters"),
        ("a is deffined", "deffined", "there is no test `deffined`", "did you mean `defined`?"),
        ("a is not sequence", "sequence", "there is no test `sequence`", "write `is array`"),
        ("a is upper", "upper", "there is no test `upper`", "write `| upper`"),
        ("a is zzzzzz", "zzzzzz", "there is no test `zzzzzz`", "the reference lists the tests"),
        ("a | replace('x')", "replace", "`replace` does not take these arguments", "`replace(old, new)`"),
        ("a | upper(1)", "upper", "`upper` does not take these arguments", "`upper takes no argument`"),
        ("a | sum(atribute='x')", "sum", "`sum` does not take these arguments", "`sum(attribute=null, start=0)`"),
        ("a | join(*b)", "join", "arguments are written out, without `*`", None),
        ("a | join(**b)", "join", "arguments are written out, without `*`", None),
        ("a | map(query.f)", "map", "the name of a filter is written out, in quotes", None),
        ("a | map(filter=query.f)", "map", "the name of a filter is written out, in quotes", None),
        ("a | selectattr('x', query.t)", "selectattr", "the name of a test is written out, in quotes", None),
        ("a | map", "map", "`map` says nothing to apply", "write `map(attribute='name')`"),
        ("a | map('map')", "'map'", "there is no filter `map` to apply", None),
        ("a | map('replace', 'x')", "'replace'", "`replace` does not take these arguments", "`replace(old, new)`"),
        ("a | select('oddd')", "'oddd'", "there is no test `oddd` to apply", "did you mean `odd`?"),
        ("''.__class__", ".__class__", "`__class__` is not a field", "write `['__class__']` for a field"),
        ("a.b.__init__.c", ".__init__", "`__init__` is not a field", None),
        ("__a", "__a", "`__a` cannot be a name", None),
        ("self.x", "self", "`self` cannot be a name", None),
        (
            "headers.x-request-id",
            "x-request-id",
            "`x-request-id` is read as a subtraction",
            "write `headers['x-request-id']`",
        ),
        ("1 + call.headers.x-1", "x-1", "`x-1` is read as a subtraction", "write `headers['x-1']`"),
        ("a[0, 1]", "[", "one key or index at a time", "write `[0][1]`, or a slice `[0:2]`"),
        ("1e999", "1", "a number is too large", None),
        ("'\\ud800'", "'", "a string holds half a surrogate pair", None),
        ("'\\x'", "'\\x'", "", None),
        ("a b", "b", "this does not belong to the expression", None),
        ("a + ", "+", "the expression is not finished", None),
        ("(a", "a", "the expression is not finished", None),
        ("(a b", "b", "`)` is expected here, not `b`", None),
        ("{'a' 1}", "1", "`:` is expected here, not a number", None),
        ("a && b", "&", "unexpected '&'", "write `and`"),
        ("a || b", "|", "", "write `or`"),
        ("a ? b : c", "?", "unexpected '?'", "write `a if condition else b`"),
        ("!a", "!", "unexpected '!'", "write `not`"),
        ("a = 1", "=", "this does not belong", "write `==` to compare"),
        ("a === 1", "=", "", "write `==` or `!=`"),
        ("a ?? 1", "?", "", "write `a or b`"),
        ("a?.b", "?", "", "write `a.b`: what is missing on the way"),
        ("$.a", "$", "", "write names as they are"),
        ("a[*].b", "*", "", "write `list | map(attribute='name')`"),
        ("[x for x in y]", "for", "", "there are no loops"),
        ("'&&' b", "b", "this does not belong to the expression", None),
        ("1 / 0", "1 / 0", "an expression divides by zero", None),
        ("'a' | int", "'a' | int", "`int` takes a number", None),
        ("a_very | long  |  zzzzzz", "zzzzzz", "there is no filter `zzzzzz`", None),
    ],
)
def test_a_problem_points_at_its_place(source: str, spot: str, message: str, hint: str | None) -> None:
    """Each mistake has a sentence, the exact span, and a way out where there is one."""
    with pytest.raises(TemplateProblem) as caught:
        compile_expression(source)
    problem = caught.value
    assert message in problem.message
    assert source[problem.offset : problem.offset + problem.length] == spot
    if hint is not None:
        assert problem.hint is not None
        assert hint in problem.hint


@pytest.mark.parametrize("source", ["9" * 5000, "1 + " + "9" * 5000])
def test_a_number_without_end_is_all_that_is_shown(source: str) -> None:
    """Python does not say where it is."""
    with pytest.raises(TemplateProblem, match="too long") as caught:
        compile_expression(source)
    assert (caught.value.offset, caught.value.length) == (0, len(source))


def test_the_place_counts_leading_space() -> None:
    """The offset is one of the string that was handed in."""
    with pytest.raises(TemplateProblem) as caught:
        compile_expression("  a | nope ")
    assert "  a | nope "[caught.value.offset :][: caught.value.length] == "nope"


@pytest.mark.parametrize(
    "source",
    [
        "(" * 4000,
        "a" + "+a" * 4000,
        "-" * 5000 + "1",
        "[" * 150 + "]" * 150,
        "not " * 2000 + "a",
        "9" * 5000,
        "a" + "+a" * 400,
    ],
)
def test_an_absurd_expression_is_a_problem(source: str) -> None:
    """Nesting without end and numbers without end are refused, not a crash of the parser."""
    with pytest.raises(TemplateProblem, match=r"nested too deeply|too long|not finished"):
        compile_expression(source)


def test_a_source_without_end_is_a_problem() -> None:
    """So many characters are an expression, and one more is too many, wherever blanks stand around them."""
    longest = "'" + "a" * 8190 + "'"
    assert compile_expression(f" {longest} ").evaluate({}) == "a" * 8190
    with pytest.raises(TemplateProblem) as caught:
        compile_expression(f" {longest}a ")
    problem = caught.value
    assert (problem.message, problem.offset, problem.length, problem.hint) == (
        "an expression is at most 8192 characters long", 0, 8195, None,
    )  # fmt: skip
