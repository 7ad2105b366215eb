"""Values of the file with expressions in them: ``{id: "{{ order.id }}", name: "{{ a }} and {{ b }}"}``.

A string that is exactly one ``{{ … }}`` keeps the type of its result; any other is text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from msgspec import Struct

from aggregator.errors import References
from aggregator.templates.expressions.data import MISSING, kind_of
from aggregator.templates.expressions.expression import Expression, compile_expression
from aggregator.templates.nodes import Const, Context, Expr, ListNode, MapNode, Node, OnMissing, Text
from aggregator.templates.problem import TemplateProblem
from aggregator.templates.spans import OPENING, closing
from aggregator.templates.text import text_of

_SHORT: Final = 200
"""Longer texts are compiled each time, so that what is kept of them cannot grow large over many reloads."""

OnProblem: TypeAlias = Callable[[TemplateProblem], None]


class Template(Struct, frozen=True):
    """A compiled value; two are equal when they render the same way."""

    node: Node

    @property
    def references(self) -> References:
        """The paths that all expressions in it read, root first."""
        return frozenset().union(*(expression.references for expression in self.node.expressions()))

    @property
    def roots(self) -> frozenset[str]:
        """The first parts of `references`: the names that the context is asked for."""
        return frozenset(reference[0] for reference in self.references)

    @property
    def is_constant(self) -> bool:
        """Whether it renders to the same value for every request."""
        return isinstance(self.node, Const)

    def render(self, context: Context, missing: OnMissing = "null") -> Any:
        """The value as JSON data; with ``omit`` it may be `MISSING` as a whole. Raises `ExpressionError`."""
        return self.node.render(context, missing)

    def render_text(self, context: Context, missing: OnMissing = "null") -> str | None:
        """The value as text, as it would stand in a longer one; None where ``omit`` leaves nothing."""
        value = self.node.render(context, missing)
        return None if value is MISSING else text_of(value)


def compile_value(value: Any, on_problem: OnProblem | None = None) -> Template:
    """Compile any value of the file: nested objects and arrays, whose strings may hold ``{{ … }}``.

    Raises the first `TemplateProblem`, or hands all of them to *on_problem* and takes null instead. The
    *path* of a problem leads to the string at fault.
    """
    return Template(_Compiler(on_problem or _raise).compile(value, ()))


def _raise(problem: TemplateProblem) -> None:
    raise problem


class _Compiler(Struct, frozen=True):
    on_problem: OnProblem

    def compile(self, value: Any, path: tuple[str | int, ...]) -> Node:
        if isinstance(value, str):
            return self._string(value, path)
        if isinstance(value, Mapping):
            return self._map(value, path)
        if isinstance(value, list | tuple):
            items = tuple(self.compile(item, (*path, index)) for index, item in enumerate(value))
            constants = [item.value for item in items if isinstance(item, Const)]
            return Const(constants) if len(constants) == len(items) else ListNode(items)
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return Const(value)
        name = "a number" if isinstance(value, float) else kind_of(value)
        self.on_problem(TemplateProblem(f"{name} that JSON cannot say", path=path, hint="write it in quotes"))
        return Const(None)

    def _string(self, source: str, path: tuple[str | int, ...]) -> Node:
        try:
            return compile_string(source)
        except TemplateProblem as problem:
            self.on_problem(problem.at(0, path=path))
            return Const(None)

    def _map(self, value: Mapping[Any, Any], path: tuple[str | int, ...]) -> Node:
        entries: list[tuple[str, Node]] = []
        for key, item in value.items():
            name = str(key)
            if not isinstance(key, str):
                self._key_problem("a key is text", 0, len(name), f'write `"{name}"`', (*path, name))
            elif opening := OPENING.search(key):
                self._key_problem("a key cannot hold an expression", opening.start(), 2, None, (*path, name))
            else:
                entries.append((key, self.compile(item, (*path, key))))
        constants = {key: node.value for key, node in entries if isinstance(node, Const)}
        return Const(constants) if len(constants) == len(entries) else MapNode(tuple(entries))

    def _key_problem(
        self, message: str, offset: int, length: int, hint: str | None, path: tuple[str | int, ...]
    ) -> None:
        self.on_problem(TemplateProblem(message, offset, length, hint, path=path, key=True))


def compile_string(source: str) -> Node:
    """Compile one string; a literal ``{{`` is written ``{{ '{{' }}``. Raises `TemplateProblem`.

    Line breaks behind the only expression do not make it text: a block scalar of YAML ends with one.
    """
    return _compile_short(source) if len(source) <= _SHORT else _compile_string(source)


@lru_cache(maxsize=16_384)  # checked first, compiled afterwards; many endpoints say the same
def _compile_short(source: str) -> Node:
    return _compile_string(source)


def _compile_string(source: str) -> Node:
    parts = list(_split(source))
    if parts and isinstance(parts[0], Expression) and all(part in ("", "\n") for part in parts[1:]):
        return _node_of(parts[0])
    folded: list[str | Expression] = []
    for part in map(_fold, parts):
        if isinstance(part, str) and folded and isinstance(folded[-1], str):
            folded[-1] += part
        else:
            folded.append(part)
    if any(isinstance(part, Expression) for part in folded):
        return Text(tuple(folded))
    return Const("".join(map(str, folded)))


def _node_of(expression: Expression) -> Node:
    value = expression.evaluate({}) if expression.is_constant else MISSING
    return Expr(expression) if value is MISSING else Const(value)


def _fold(part: str | Expression) -> str | Expression:
    return text_of(part.evaluate({})) if isinstance(part, Expression) and part.is_constant else part


def _split(source: str) -> Iterator[str | Expression]:
    position = 0
    while opening := OPENING.search(source, position):
        if opening.start() > position:
            yield source[position : opening.start()]
        start = opening.end()
        _check_opening(source, opening)
        end = closing(source, start)
        if end == -1:
            raise TemplateProblem(
                "`{{` is never closed", opening.start(), 2, "end it with `}}`; for text write `{{ '{{' }}`"
            )
        try:
            yield compile_expression(source[start:end])
        except TemplateProblem as problem:
            raise problem.at(start) from None
        position = end + 2
    if position < len(source):
        yield source[position:]


def _check_opening(source: str, opening: re.Match[str]) -> None:
    place, follower = opening.start(), source[opening.end() : opening.end() + 1]
    if opening[0] == "{%":
        raise TemplateProblem("statements are not supported", place, 2, "write `{{ a if x else b }}`, or a filter")
    if opening[0] == "{#":
        raise TemplateProblem("comments are not supported in values", place, 2, "write a YAML comment, or `{{ '{#' }}`")
    if follower in {"-", "+"}:
        raise TemplateProblem(
            f"`{{{{{follower}` has no meaning here", place, 3, f"put a space between: `{{{{ {follower}`"
        )
