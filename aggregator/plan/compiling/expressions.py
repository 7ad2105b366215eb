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
)


def one_expression(text: str) -> Expression:
    """Give the expression that *text* consists of, braces taken off; raises ``TemplateProblem`` for other text."""
    node = compile_value(text).node
    if isinstance(node, Expr):
        return node.expression
    if isinstance(node, Const) and is_one_expression(text):
        return compile_expression(json_text(node.value))
    raise TemplateProblem("this needs to be one expression", 0, len(text), "write it as {{ … }}")


def optional_expression(text: str | None) -> Expression | None:
    """Give the expression of *text*, or None when there is none."""
    return None if text is None else one_expression(text)


def templates(values: dict[str, object]) -> tuple[tuple[bytes, Template], ...]:
    """Give header values compiled, names in lower case as bytes."""
    return tuple((name.lower().encode("ascii"), compile_value(value)) for name, value in values.items())
