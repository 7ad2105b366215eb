"""What is kept: calls that only read, keys that come again, and times that act."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.endpoints.inherited import auth_of
from aggregator.config.analysis.endpoints.key import methods_of
from aggregator.config.analysis.scope import OF_ONE_REQUEST
from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.http import SAFE
from aggregator.policies.cache.settings import CallCacheSettings
from aggregator.templates import compile_value


def check_caches(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with what calls keep, those of groups where the group is checked."""
    yield from _answers(analysis, around)
    yield from _lists_in_tags(analysis)
    for call in analysis.calls:
        if call.via is not None or call.url is None:
            continue
        own = call.settings.cache
        upstream = around.upstream(call.url.upstream)
        if own is not None:
            yield from _unsafe(call, own)
        elif call.settings.coalesce and call.method not in SAFE:
            may_read = "`cache: {ttl: 0s, methods: [POST]}`" if call.method == "POST" else ""
            hint = f"leave it out, or say that it only reads: {may_read}" if may_read else "leave it out"
            message = f"{call.method} changes something, so one call for several requests would lose the others"
            yield Finding("unsafe-cache", message, (*call.path, "coalesce"), hint, at_key=True)
        inherited = upstream.cache if upstream is not None else None
        kept = own if own is not None else inherited if call.method in SAFE else None
        if kept is not None and kept.keeps:
            yield from _moments(analysis, call.path)


def _answers(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the cache of whole answers."""
    settings = analysis.settings
    if settings is None or settings.cache is None or not settings.cache.keeps:
        return
    kept, path = settings.cache, (*analysis.path, "cache")
    methods = methods_of(str(analysis.path[-1]).split()[0])
    if methods and not any(method in SAFE or method in kept.methods for method in methods):
        message = f"{methods[0]} changes something, so its answers are not kept"
        hint = "leave it out" + (", or say that it only reads: `methods: [POST]`" if "POST" in methods else "")
        yield Finding("unsafe-cache", message, path, hint, at_key=True)
    pattern = analysis.pattern.source if analysis.pattern is not None else ""
    if kept.public and not isinstance(auth_of(settings, pattern, around.settings), AuthSettings):
        message = "`public` has no effect where nobody is asked who calls"
        yield Finding("no-effect", message, (*path, "public"), "remove it", "warning", at_key=True)
    for use in analysis.uses:
        if "background" in use.path or use.path[len(analysis.path) :][:1] in (("rate_limit",), ("require",)):
            continue
        for reference in sorted(use.references & OF_ONE_REQUEST):
            message = f"`{'.'.join(reference)}` is that of the request for which the answer was made"
            hint = "leave it out, or keep no answers here"
            yield Finding("moment-in-key", message, use.path, hint, "warning", text=reference[0])


def _unsafe(call: CallSite, own: CallCacheSettings) -> Iterator[Finding]:
    if call.method not in SAFE and call.method not in own.methods and own.keeps:
        message = f"{call.method} changes something, so its replies are not kept"
        hint = "leave it out" + (", or say that it only reads: `methods: [POST]`" if call.method == "POST" else "")
        yield Finding("unsafe-cache", message, (*call.path, "cache"), hint, at_key=True)


def _lists_in_tags(analysis: Analysis) -> Iterator[Finding]:
    """Yield the tags of batches that hold their keys as a list, which no purge of one key would ever name."""
    for use in analysis.uses:
        if use.path[-3:-1] != ("cache", "tags") or ("keys",) not in use.references:
            continue
        if any(one.path == ("keys",) for one in compile_value(use.text).node.expressions()):
            message = "`keys` is a list, and no key of its own is in this tag"
            hint = "a tag is made for each key: write `{{ keys[0] }}`"
            yield Finding("list-in-tag", message, use.path, hint, text="keys")


def _moments(analysis: Analysis, path: Steps) -> Iterator[Finding]:
    """Yield what makes each request of a call another one, so that nothing that is kept is ever found."""
    for use in analysis.uses:
        is_sent = use.path[: len(path)] == path and use.path[len(path) : len(path) + 1] in _SENT
        for reference in sorted(use.references & OF_ONE_REQUEST if is_sent else ()):
            message = f"`{'.'.join(reference)}` is another one in each request, so nothing that is kept is ever found"
            hint = "leave it out, or switch the cache off: `cache: 0s`"
            yield Finding("moment-in-key", message, use.path, hint, text=reference[0])


_SENT = {(name,) for name in ("url", "query", "headers", "json", "form", "multipart", "body", "graphql")}
