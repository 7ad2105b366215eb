"""Which parts a call names: in its URL, query, headers, body, condition, list, and in the calls inside it.

What its upstream adds to it counts as its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aggregator.config.model.calls.call import CallSettings, FanOutSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.policies.hosts.settings import HashSettings
from aggregator.templates import compile_url, compile_value

Reference = tuple[str, ...]
Groups = Mapping[str, Mapping[str, CallSettings]]


def calls_of(fan: FanOutSettings, groups: Groups) -> dict[str, CallSettings]:
    """Return all calls of *fan*: those of its groups first, then its own."""
    used = (fan.use,) if isinstance(fan.use, str) else fan.use
    return {name: call for source in (*(groups[name] for name in used), fan.calls) for name, call in source.items()}


def references_of(settings: CallSettings, names: Iterable[str], root: RootSettings) -> set[str]:
    """Return those of *names*, the parts beside it, that *settings* needs or anything inside it refers to."""
    known = set(names)
    return {name for name in (*settings.needs, *map(part_named, _references(settings, root))) if name in known}


def part_named(reference: Reference) -> str:
    """Return the part that *reference* speaks of: ``("order", "id")``, ``("calls", "order", "status")`` → ``order``."""
    return reference[1] if reference[0] == "calls" and len(reference) > 1 else reference[0]


def _references(settings: CallSettings, root: RootSettings) -> Iterator[Reference]:
    for text in [one.url for one in settings.choose] or ([] if settings.url is None else [settings.url]):
        url = compile_url(text)
        yield from url.references
        if (upstream := root.upstreams.get(url.upstream or "")) is not None:
            yield from _shared(upstream, settings)
    for value in _values(settings):
        if value:
            yield from compile_value(value).references
    for inner in (*settings.fallback, *settings.race):
        yield from _references(inner, root)
    if settings.fan_out is not None:
        own = calls_of(settings.fan_out, root.groups)
        for inner in own.values():
            yield from (found for found in _references(inner, root) if part_named(found) not in own)


def _shared(upstream: UpstreamSettings, settings: CallSettings) -> Iterator[Reference]:
    own = {name.lower() for name in settings.headers}
    headers = (value for name, value in upstream.headers.items() if name.lower() not in own)
    query = (value for name, value in upstream.query.items() if name not in settings.query)
    key = (upstream.breaker.per,) if upstream.breaker is not None else ()
    choice = (upstream.balance.hash,) if isinstance(upstream.balance, HashSettings) else ()
    when = (upstream.mock.when,) if upstream.mock is not None and upstream.mock.when else ()
    by = (upstream.route.by,) if upstream.route is not None else ()
    for value in (*headers, *query, *key, *choice, *when, *by):
        if isinstance(value, str) and "{{" in value:
            yield from compile_value(value).references


def _values(settings: CallSettings) -> Iterator[Any]:
    yield from (
        settings.query,
        settings.headers,
        settings.json_,
        settings.form,
        settings.multipart,
        settings.body,
    )
    yield from (settings.when, settings.default, settings.sticky)
    if settings.graphql is not None:
        yield settings.graphql.variables
    if settings.for_each is not None:
        yield from (settings.for_each.items, settings.for_each.key)
    if settings.success is not None:
        yield settings.success.when
    if settings.select is not None and "{{" in settings.select:
        yield settings.select
    for row in settings.status_map:
        yield from (row.when, row.title, row.detail, row.body, row.headers)
