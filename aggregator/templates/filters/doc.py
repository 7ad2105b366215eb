"""What the reference says of a filter or a test, next to the function that does it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from aggregator.templates.expressions.data import MISSING


class FilterDoc(Struct, frozen=True):
    """One filter or test.

    *function* takes the value and the arguments, all JSON data or `MISSING`; it changes nothing and
    raises `ExpressionError`. *example* is an expression without names, *result* what it gives.
    """

    name: str
    function: Callable[..., Any]
    summary: str
    example: str
    result: Any
    aliases: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The arguments as the file writes them, such as ``(old, new)``; empty when there are none."""
        shown = [_shown(parameter) for parameter in self._parameters()]
        return f"({', '.join(shown)})" if shown else ""

    def accepts(self, positional: int, named: list[str]) -> bool:
        """Whether a call with so many positional arguments, and these named ones, fits."""
        try:
            inspect.signature(self.function).bind(None, *[None] * positional, **dict.fromkeys(named))
        except TypeError:
            return False
        return True

    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.function).parameters.values())[1:]


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{parameter.name}…"
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    if parameter.default is MISSING:
        return f"{parameter.name}?"
    shown = {True: "true", False: "false", None: "null"}
    default = parameter.default
    return f"{parameter.name}={shown[default] if default is None or type(default) is bool else repr(default)}"


def table(*docs: FilterDoc) -> dict[str, FilterDoc]:
    """*docs* by name, then by alias."""
    return {doc.name: doc for doc in docs} | {alias: doc for doc in docs for alias in doc.aliases}
