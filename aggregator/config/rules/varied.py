"""Names in the key of an answer that make no difference to it, and lives of answers that differ by all headers."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.endpoints.inherited import nearest_forward
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.diagnostics.finding import Finding

_ASIDE = frozenset({"require", "rate_limit", "background", "cache"})
"""Sections of an endpoint that make nothing of the answer."""


def check_varied(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield a warning for each name of a key that only keeps equal answers apart, and for a life that nobody heeds."""
    settings = analysis.settings
    if settings is None or _has_plugins(analysis, settings):
        return
    if settings.cache is None or not settings.cache.keeps:
        if _read(analysis, around, "headers") is None:
            yield from _kept_by_nobody(analysis, settings, "name those that count: `forward: {headers: [accept]}`")
        return
    for key, root, names in (("vary", "headers", settings.cache.vary), ("query", "query", settings.cache.query)):
        read = _read(analysis, around, root)
        if read is None:
            if root == "headers" and not names:
                hint = "name those that count, as in `cache: {ttl: 60s, vary: [accept-language]}`"
                yield from _kept_by_nobody(analysis, settings, hint)
            continue
        what = "header" if root == "headers" else "parameter"
        for index, name in enumerate(names):
            if (name.lower() if root == "headers" else name) not in read:
                message = f"no call sends the {what} `{name}` and nothing reads it, so equal answers are kept apart"
                hint = f"remove it, or pass it on: `forward: {{{root}: [{name}]}}`"
                yield Finding("no-effect", message, (*analysis.path, "cache", key, index), hint, "warning")


def _kept_by_nobody(analysis: Analysis, settings: EndpointSettings, hint: str) -> Iterator[Finding]:
    """Yield a warning for a life that an answer declares to caches although it depends on all headers."""
    response = settings.response
    if response is None or response.pass_ is not None or "vary" in map(str.lower, response.headers.values):
        return
    said = response.cache_control
    if isinstance(said, str) and said != "compute" and "max-age" in said.replace("s-maxage", "max-age"):
        message = "no cache keeps this for anybody: it depends on all headers, so the answer says `Vary: *`"
        yield Finding("no-effect", message, (*analysis.path, "response", "cache_control"), hint, "warning")


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
