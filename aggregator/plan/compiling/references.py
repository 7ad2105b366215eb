"""Which parts a call names: in its URL, query, headers, body, condition, list, and in the calls inside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aggregator.config.model.call import CallSettings
from aggregator.templates import compile_url, compile_value

Reference = tuple[str, ...]


def references_of(settings: CallSettings, names: Iterable[str]) -> set[str]:
    """Give those of *names* that *settings* refers to."""
    known = set(names)
    return {name for reference in _references(settings) if (name := part_named(reference)) in known}


def part_named(reference: Reference) -> str:
    """Give the part that *reference* speaks of: ``("order", "id")`` and ``("calls", "order", "status")`` → ``order``."""
    return reference[1] if reference[0] == "calls" and len(reference) > 1 else reference[0]


def _references(settings: CallSettings) -> Iterator[Reference]:
    if settings.url is not None:
        yield from compile_url(settings.url).references
    for value in _values(settings):
        if value:
            yield from compile_value(value).references
    for inner in (*settings.fallback, *settings.race):
        yield from _references(inner)
    if settings.fan_out is not None:
        own = settings.fan_out.calls
        for inner in own.values():
            yield from (reference for reference in _references(inner) if part_named(reference) not in own)


def _values(settings: CallSettings) -> Iterator[Any]:
    yield from (
        settings.query,
        settings.headers,
        settings.json_,
        settings.form,
        settings.multipart,
        settings.body,
    )
    yield from (settings.when, settings.default)
    if settings.graphql is not None:
        yield settings.graphql.variables
    if settings.for_each is not None:
        yield from (settings.for_each.items, settings.for_each.key)
    if settings.success is not None:
        yield settings.success.when
    if settings.select is not None and "{{" in settings.select:
        yield settings.select
    for row in settings.status_map:
        yield from (row.when, row.detail, row.body, row.headers)
