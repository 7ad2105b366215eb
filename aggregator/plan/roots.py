"""Which names a piece of a plan reads, found by walking its frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from aggregator.templates import Expression, Template, UrlTemplate

Reference = tuple[str, ...]


def references_in(value: Any) -> Iterator[Reference]:
    """Give every path that expressions and URLs anywhere in *value* read."""
    if isinstance(value, Expression | Template | UrlTemplate):
        yield from value.references
    elif isinstance(value, tuple):
        for item in value:
            yield from references_in(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from references_in(getattr(value, field.name))


def roots_in(value: Any) -> frozenset[str]:
    """Give the first names of those paths."""
    return frozenset(reference[0] for reference in references_in(value))
