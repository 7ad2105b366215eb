"""Which names a piece of a plan reads, found by walking its frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from aggregator.plan.calls import BatchPlan, UpstreamPlan
from aggregator.plan.types import DocPlan
from aggregator.templates import Expression, Template, UrlTemplate

Reference = tuple[str, ...]
_SPEAKING = (Expression, Template, UrlTemplate)
_SILENT = frozenset({UpstreamPlan, BatchPlan, DocPlan})
_HOLDERS = ("Expression", "Template", "Plan")


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
