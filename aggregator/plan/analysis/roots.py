"""Which names a piece of a plan reads, found by walking its frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from aggregator.plan.calls import BatchPlan
from aggregator.plan.types import DocPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.templates import Expression, Template, UrlTemplate

Reference = tuple[str, ...]
_SPEAKING = (Expression, Template, UrlTemplate)
_SILENT = frozenset({UpstreamPlan, BatchPlan, DocPlan})
_HOLDERS = ("Expression", "Template", "Plan")
SHORT = frozenset({"params", "query", "headers", "cookies", "request", "auth", "index", "now"})
"""Names of what the head of a request bounds."""


def references_in(value: Any) -> set[Reference]:
    """Return every path that expressions and URLs anywhere in *value* read."""
    return {reference for holder in holders_in(value) for reference in holder.references}


def holders_in(value: Any) -> Iterator[Expression | Template | UrlTemplate]:
    """Yield the expressions, templates and URLs anywhere in *value*."""
    if isinstance(value, tuple):
        for item in value:
            yield from holders_in(item)
    elif isinstance(value, _SPEAKING):
        yield value
    else:
        for name in _fields_of(type(value)):
            inner = getattr(value, name)
            if inner:
                yield from holders_in(inner)


_KNOWN: dict[type[Any], tuple[str, ...]] = {}


def _fields_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of *kind* that may hold an expression: none for what is no struct."""
    fields = _KNOWN.get(kind)
    if fields is None:
        fields = _KNOWN[kind] = tuple(_holders(kind)) if issubclass(kind, Struct) and kind not in _SILENT else ()
    return fields


def _holders(kind: type[Any]) -> Iterator[str]:
    for name, annotation in kind.__annotations__.items():
        if any(word in str(annotation) for word in _HOLDERS):
            yield name


def roots_in(value: Any) -> frozenset[str]:
    """Return the first names of those paths."""
    return frozenset(reference[0] for reference in references_in(value))


def slow_in(value: Any, params: tuple[str, ...] = ()) -> tuple[Expression, ...]:
    """Return the expressions in *value* that compute something of values that may be long, each once.

    Path parameters, *params*, are short. Placeholders of a URL only look up single values, which takes no time.
    """
    short = short_with(params)
    computing = (one for one in _expressions_in(value) if one.path is None and not one.roots <= short)
    return tuple(dict.fromkeys(computing))


def short_with(params: tuple[str, ...]) -> frozenset[str]:
    """Return the names of what is short, the placeholders *params* among it."""
    return SHORT.union(name.partition(":")[0] for name in params)


def _expressions_in(value: Any) -> Iterator[Expression]:
    for holder in holders_in(value):
        if isinstance(holder, Expression):
            yield holder
        elif isinstance(holder, Template):
            yield from holder.node.expressions()
