"""Strings of the file that are one condition or one value: ``when``, ``for_each``, ``success.when``, ``status``."""

from __future__ import annotations

from aggregator.templates import (
    Const,
    Expr,
    Expression,
    Template,
    TemplateProblem,
    compile_expression,
    compile_value,
    is_one_expression,
    json_text,
    text_of,
)


def one_expression(text: str) -> Expression:
    """Return the expression that *text* consists of, braces taken off; raises ``TemplateProblem`` for other text."""
    node = compile_value(text).node
    if isinstance(node, Expr):
        return node.expression
    if isinstance(node, Const) and is_one_expression(text):
        return compile_expression(json_text(node.value))
    raise TemplateProblem("this needs to be one expression", 0, len(text), "write it as {{ … }}")


def optional_expression(text: str | None) -> Expression | None:
    """Return the expression of *text*, or None when there is none."""
    return None if text is None else one_expression(text)


def text_or_template(text: str | None) -> str | Template | None:
    """Return what *text* is for every request as text, or else its template; None when there is none."""
    template = None if text is None else compile_value(text)
    return text_of(template.node.value) if template is not None and isinstance(template.node, Const) else template


def templates(values: dict[str, object]) -> tuple[tuple[bytes, Template], ...]:
    """Return header values compiled, names in lower case as bytes."""
    return tuple((name.lower().encode("ascii"), compile_value(value)) for name, value in values.items())
