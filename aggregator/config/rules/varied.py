"""Names in the key of an answer that make no difference to it, and lives of answers that differ by all headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.config.analysis.endpoints.inherited import nearest_forward
from aggregator.config.analysis.sites import Analysis, Use
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.http import FETCHING

_ASIDE = frozenset({"require", "rate_limit", "concurrency", "background", "cache"})
"""Sections of an endpoint that make nothing of the answer."""


def check_varied(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield a warning for each name of a key that only keeps equal answers apart, and for a life that nobody heeds."""
    settings = analysis.settings
    if settings is None or _has_plugins(analysis, settings):
        return
    if FETCHING.intersection(analysis.methods) and (reason := _nobody(analysis, settings, around)) is not None:
        yield from _kept_by_nobody(analysis, settings, *reason)
    if settings.cache is None or not settings.cache.keeps:
        return
    for key, root, names in (("vary", "headers", settings.cache.vary), ("query", "query", settings.cache.query)):
        read = _read(analysis, around, root)
        what = "header" if root == "headers" else "parameter"
        for index, name in enumerate(names if read is not None else ()):
            if read is not None and (name.lower() if root == "headers" else name) not in read:
                message = f"no call sends the {what} `{name}` and nothing reads it, so equal answers are kept apart"
                hint = f"remove it, or pass it on: `forward: {{{root}: [{name}]}}`"
                yield Finding("no-effect", message, (*analysis.path, "cache", key, index), hint, "warning")


def _nobody(analysis: Analysis, settings: EndpointSettings, around: Surroundings) -> tuple[str, str] | None:
    """Return why ``Vary`` of answers is ``*``, and the way out; None where it names what they depend on."""
    keeps = settings.cache is not None and settings.cache.keeps
    if _read(analysis, around, "headers") is None and not (
        settings.cache is not None and keeps and settings.cache.vary
    ):
        named = "`forward: {headers: [accept]}`"
        hint = ", as in `cache: {ttl: 60s, vary: [accept-language]}`" if keeps else f": {named}"
        return "all headers", f"name those that count{hint}"
    if any(_reads_client(use) for use in analysis.uses):
        return "the address of the client", "leave `request.client` out of what makes the answer, or write `no-store`"
    return None


def _reads_client(use: Use) -> bool:
    return use.path[:1] != ("upstreams",) and _ASIDE.isdisjoint(use.path) and ("request", "client") in use.references


def _kept_by_nobody(analysis: Analysis, settings: EndpointSettings, reason: str, hint: str) -> Iterator[Finding]:
    """Yield a warning for each life that an answer declares to caches although none can keep it, for *reason*."""
    for path, life in _lives(analysis, settings):
        if life != "compute" and "max-age" in life.replace("s-maxage", "max-age"):
            message = f"no cache keeps this for anybody: it depends on {reason}, so the answer says `Vary: *`"
            yield Finding("no-effect", message, path, hint, "warning")


def _lives(analysis: Analysis, settings: EndpointSettings) -> Iterator[tuple[Steps, str]]:
    """Yield what successes, and the rows of failures, say to caches without a ``Vary`` of their own."""
    response, respond = settings.response, settings.respond
    if respond is not None and not _named(respond.headers.values, "vary"):
        yield from _fields((*analysis.path, "respond", "headers", *respond.headers.below), respond.headers.values)
    if response is not None and response.pass_ is None and not _named(response.headers.values, "vary"):
        path = (*analysis.path, "response")
        yield from _fields((*path, "headers", *response.headers.below), response.headers.values)
        if isinstance(response.cache_control, str):
            yield (*path, "cache_control"), response.cache_control
    for rows in analysis.maps:
        if rows.path[: len(analysis.path)] == analysis.path and not (rows.call is not None and rows.call.is_background):
            for index, row in enumerate(rows.rows):
                if not _named(row.headers, "vary"):
                    yield from _fields((*rows.path, index, "headers"), row.headers)


def _fields(path: Steps, headers: Mapping[str, Any]) -> Iterator[tuple[Steps, str]]:
    return (
        ((*path, name), headers[name]) for name in _named(headers, "cache-control") if isinstance(headers[name], str)
    )


def _named(headers: Mapping[str, Any], name: str) -> list[str]:
    return [said for said in headers if said.lower() == name]


def _has_plugins(analysis: Analysis, settings: EndpointSettings) -> bool:
    """Return whether a function has a say in the answer, which may read whatever it likes."""
    response = settings.response
    return (response is not None and response.transform is not None) or any(
        call.settings.transform is not None for call in analysis.calls
    )


def _read(analysis: Analysis, around: Surroundings, root: str) -> set[str] | None:
    """Return the names of *root* (``headers``, ``query``) that the answer depends on; None for all of them."""
    found = {"accept"} if root == "headers" else {"fields"}
    for use in analysis.uses:
        if _ASIDE.isdisjoint(use.path[len(analysis.path) :]):
            for reference in use.references:
                if reference == (root,):
                    return None
                if reference[0] == root:
                    found.add(reference[1].lower() if root == "headers" else reference[1])
    for call in analysis.calls:
        forward = None if call.is_background else nearest_forward(analysis, call, around)
        if forward is None:
            continue
        if forward.all_headers if root == "headers" else forward.all_query:
            return None
        found.update(map(str.lower, forward.headers) if root == "headers" else forward.query)
        if forward.auth:
            found.add("authorization")
    return found
