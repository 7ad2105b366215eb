"""The tree of a compiled value: constants, expressions, text, lists and maps, each of which renders itself.

Public, so that a plan can write a body piece by piece and copy whole results as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import MISSING
from aggregator.templates.expressions.expression import Expression
from aggregator.templates.expressions.paths import dotted
from aggregator.templates.text import json_text, text_of

OnMissing: TypeAlias = Literal["null", "error", "omit"]
"""What a missing value becomes: null (nothing, in text), an `ExpressionError`, or no entry at all.

With ``omit`` a node gives `MISSING` itself, and lists and maps leave such entries out.
"""

Context: TypeAlias = Mapping[str, Any]


class Const(Struct, frozen=True, eq=False):
    """A JSON value that is the same for every request; nobody changes it. Equal as JSON: 1 is not true."""

    value: Any

    def render(self, _: Context, __: OnMissing) -> Any:
        """The value itself."""
        return self.value

    def expressions(self) -> Iterator[Expression]:
        """None."""
        return iter(())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and json_text(self.value) == json_text(other.value)

    def __hash__(self) -> int:
        return hash(json_text(self.value))


class Expr(Struct, frozen=True):
    """Exactly one expression: its result as it is."""

    expression: Expression

    def render(self, context: Context, missing: OnMissing) -> Any:
        """The result; a missing one as *missing* says."""
        value = self.expression.evaluate(context)
        return _absent(self.expression, missing, None) if value is MISSING else value

    def expressions(self) -> Iterator[Expression]:
        """The one."""
        yield self.expression


class Text(Struct, frozen=True):
    """Text with expressions in it; null becomes nothing, and what is not text is written as JSON."""

    parts: tuple[str | Expression, ...]

    def render(self, context: Context, missing: OnMissing) -> Any:
        """The text, or `MISSING` when a part is missing and *missing* is ``omit``."""
        written: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                written.append(part)
                continue
            value = part.evaluate(context)
            if value is MISSING:
                value = _absent(part, missing, "")
                if value is MISSING:
                    return MISSING
            written.append(text_of(value))
        return "".join(written)

    def expressions(self) -> Iterator[Expression]:
        """The expressions between the pieces of text."""
        return (part for part in self.parts if isinstance(part, Expression))


class ListNode(Struct, frozen=True):
    """An array of nodes, at least one of which is not constant."""

    items: tuple[Node, ...]

    def render(self, context: Context, missing: OnMissing) -> list[Any]:
        """The elements in order."""
        rendered = [item.render(context, missing) for item in self.items]
        return [value for value in rendered if value is not MISSING] if missing == "omit" else rendered

    def expressions(self) -> Iterator[Expression]:
        """The expressions of all elements, in order."""
        return (expression for item in self.items for expression in item.expressions())


class MapNode(Struct, frozen=True):
    """An object in declared order, at least one value of which is not constant; keys are plain text."""

    entries: tuple[tuple[str, Node], ...]

    def render(self, context: Context, missing: OnMissing) -> dict[str, Any]:
        """The entries in declared order."""
        rendered = {key: node.render(context, missing) for key, node in self.entries}
        if missing == "omit":
            return {key: value for key, value in rendered.items() if value is not MISSING}
        return rendered

    def expressions(self) -> Iterator[Expression]:
        """The expressions of all values, in order."""
        return (expression for _, node in self.entries for expression in node.expressions())


Node: TypeAlias = Const | Expr | Text | ListNode | MapNode


def _absent(expression: Expression, missing: OnMissing, nothing: Any) -> Any:
    if missing == "error":
        # a path is made of names; the source of any other expression could hold a secret
        named = f"`{dotted(expression.path)}`" if expression.path else "the value of an expression"
        raise ExpressionError(f"{named} is missing").reading(expression.references)
    return MISSING if missing == "omit" else nothing
