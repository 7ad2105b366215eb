from __future__ import annotations

from typing import Any

import pytest
from jinja2 import nodes

from aggregator.errors import AggregatorError, ExpressionError
from aggregator.templates import (
    FILTERS,
    MISSING,
    TemplateProblem,
    compile_expression,
    compile_url,
    compile_value,
)
from aggregator.templates.expressions.checker import check
from aggregator.templates.expressions.environment import environment

EVIL = [
    "{{7*7}}", "{% for x in range(9) %}", "{# x #}", "${7*7}", "#{7*7}", "{env.SECRET}", "{{env.X}}",
    "${FILE:/etc/passwd}",
    "{id}", "{{ id }}", "%(id)s", "{0.__class__}", '","admin":true,"x":"', "</script>", "\u2028", "__class__",
]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_text_of_a_client_or_an_upstream_is_never_compiled(evil: str) -> None:
    """Data goes through every kind of template as it is, once and as often as it is passed on."""
    data = {"query": {"q": evil}, "order": {"name": evil, "tags": [evil], evil: 1}, "id": "never"}
    once = compile_value({"q": "{{ query.q }}", "n": "<{{ order.name }}>", "t": "{{ order.tags | join }}"}).render(data)
    assert once == {"q": evil, "n": f"<{evil}>", "t": evil}
    again = compile_value("{{ before.n ~ '' }}").render({"before": once, "id": "never"})
    assert again == f"<{evil}>"
    assert b"never" not in compile_url("u:/{order.name}?q={query.q}").renderer()(data)


ESCAPES = [
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "[].__class__.__base__",
    "a.__init__.__globals__",
    "a | attr('__class__')",
    "a | map(attribute='x') | attr('y')",
    "'{0.__class__}'.format(a)",
    "'{0.__class__}' | format(a)",
    "a.format_map(b)",
    "cycler.__init__.__globals__.os",
    "cycler('a')",
    "joiner.__init__",
    "namespace(a=1)",
    "lipsum.__globals__",
    "lipsum()",
    "range(9)",
    "dict(a=1)",
    "self.__init__",
    "self._TemplateReference__context",
    "super()",
    "a | xmlattr",
    "a | map('attr', '__class__')",
    "a | select('callable')",
    "a | urlize",
    "a(1)",
    "(a or b)()",
    "a | default(b)()",
    "a.b.c()",
    "caller()",
    "loop.cycle()",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_known_ways_out_of_the_sandbox_are_refused_at_load(source: str) -> None:
    """No attribute, no call, no dangerous filter: the check of a file refuses each."""
    with pytest.raises(TemplateProblem):
        compile_expression(source)


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__init__", "format", "__globals__", "gi_frame", "real"])
def test_subscripts_are_data_only(name: str) -> None:
    """What could be an attribute of the Python value behind the data is not one here."""
    for value in ("text", 1, 1.5, True, None, [1], {"a": 1}, MISSING):
        assert compile_expression(f"v['{name}']").evaluate({"v": value}) is MISSING
        assert compile_expression("v[name]").evaluate({"v": value, "name": name}) is MISSING
        assert compile_expression(f"[v] | map(attribute='{name}')").evaluate({"v": value}) == [None]


def test_data_never_chooses_what_runs() -> None:
    """Names of filters and tests come from the file; data may only choose among data."""
    rows = [{"a": 2, "b": 1}, {"a": 1, "b": 2}]
    context = {"rows": rows, "query": {"by": "b", "evil": "__class__"}}
    assert compile_expression("rows | sort(attribute=query.by)").evaluate(context) == rows
    assert compile_expression("rows | map(attribute=query.evil)").evaluate(context) == [None, None]
    for source in ("rows | map(query.by)", "rows | select(query.by)", "rows | selectattr('a', query.by)"):
        with pytest.raises(TemplateProblem):
            compile_expression(source)


def test_the_sandbox_itself_calls_nothing() -> None:
    """Were a call ever to get past the check, the environment would refuse it, and has no globals to call."""
    sandbox = environment()
    assert not sandbox.globals
    assert not sandbox.is_safe_callable(len)
    template = sandbox.from_string("{{ f() }}")
    with pytest.raises(Exception, match="nothing can be called"):
        template.render(f=lambda: 1)
    assert sandbox.getattr("", "__class__") is MISSING
    with pytest.raises(ExpressionError, match="no filter of this name"):
        FILTERS["map"].function([""], "attr", "__class__")
    with pytest.raises(TemplateProblem, match="no place in an expression"):
        check(nodes.TemplateData("text", lineno=0), "text")
    assert sandbox.getitem({}, "__class__") is MISSING


def test_an_object_that_is_no_data_gives_nothing_away() -> None:
    """A Python object that slipped into a context has no fields, and its failures no text."""

    class Secretive:
        secret = "s3cret"

        def __eq__(self, other: object) -> bool:
            raise ValueError("s3cret")

        __hash__ = None  # type: ignore[assignment]

    context: dict[str, Any] = {"x": Secretive()}
    assert compile_expression("x.secret").evaluate(context) is MISSING
    with pytest.raises(ExpressionError) as caught:
        compile_expression("x == 1").evaluate(context)
    assert str(caught.value) == "an expression failed"
    with pytest.raises(AggregatorError, match="a value of an unknown kind"):
        compile_expression("x ~ ''").evaluate(context)
