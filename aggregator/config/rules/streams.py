"""A streamed answer is one plain call whose body nobody looks into; what is said of it is said before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, Reference, Use
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.marks import Works, keys_without_effect
from aggregator.config.model.response import ResponseSettings
from aggregator.config.model.upstreams.limits import MOST_STREAMS
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.rules.spots import report
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown
from aggregator.http import BODILESS

_OF_ANSWER = frozenset({"status", "headers", "pass_headers", "set_cookies", "compress", "pass_"})
_INSTEAD = {
    "body": "remove it; the body of the call is the answer",
    "cache_control": "write it as a header: `headers: {cache-control: …}`",
}
_KNOWN = "known are the inputs, `calls.call.status` and `calls.call.headers`"
_KNOWN_LATER = "known are `response.status` and `response.headers`"


def check_streams(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about settings that would need the body that is being sent on."""
    settings = analysis.settings
    if settings is None or not settings.stream:
        return
    at = analysis.path
    if settings.call is None:
        message = "only the body of a single `call` can be streamed"
        yield Finding("stream", message, (*at, "stream"), "write `call:`, or remove `stream`")
        return
    if settings.response is not None:
        yield from _check_answer(settings.response, (*at, "response"))
    if settings.cache is not None:
        message = "a stream passes as it comes, and is not kept"
        yield Finding("stream", message, (*at, "cache"), "remove it, or `stream`", at_key=True)
    if settings.call_budget is not None:
        message = "a stream is one call, so there is nothing to count"
        yield Finding("stream", message, (*at, "call_budget"), "remove it, or `stream`", at_key=True)
    if settings.shadow:
        message = "a stream is not kept, so nobody else could get it"
        yield Finding("stream", message, (*at, "shadow"), "remove it, or `stream`", at_key=True)
    if settings.purge:
        message = "a stream has left before it is known to be a success"
        yield Finding("stream", message, (*at, "purge"), "purge by the endpoint that changes something", at_key=True)
    if settings.idempotency is not None:
        message = "a stream passes as it comes, so no repeat of its request could get it"
        yield Finding("stream", message, (*at, "idempotency"), "remove it, or `stream`", at_key=True)
    if settings.body is not None:
        message = "the body of a streaming endpoint is not read, so it cannot be checked"
        yield Finding("stream", message, (*at, "body"), "remove `body`", at_key=True)
    for key in keys_without_effect(type(settings.call), Works.STREAM):
        if key in settings.call.model_fields_set:
            message = f"`{key}` has no effect on a stream"
            yield Finding("stream", message, (*at, "call", key), "remove it", at_key=True)
    if settings.call.success is not None and settings.call.success.when is not None:
        message = "the body of a stream is not read, so it cannot be judged"
        yield Finding("stream", message, (*at, "call", "success", "when"), "judge by `status`")
    yield from _check_places(analysis, around)
    for use in analysis.uses:
        for reference in sorted(use.references):
            yield from _check_reference(use, reference, (*at, "call"))


def _check_places(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about limits on connections of an upstream that its streams do not come under."""
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None and not call.is_background else None
        upstream = around.upstream(name)
        limits = upstream.limits if upstream is not None else None
        if limits is not None and limits.max_connections is not None and limits.max_streams is None:
            message = f"streams do not count among the {limits.max_connections} `max_connections` of `{name}`"
            there = Elsewhere(("upstreams", str(name), "limits", "max_connections"), "of calls that are no streams")
            hint = "write `max_streams` there: how many streams may be open beside them"
            shows = (Shown(str(limits.max_connections), (there.path,)),)
            at = (*analysis.path, "stream")
            yield Finding("stream", message, at, hint, "warning", related=(there,), shows=shows)
        if upstream is not None and upstream.concurrency is not None and not _leave_places(upstream, around):
            yield from _check_shares(analysis, str(name), upstream.concurrency.limit)


def _leave_places(upstream: UpstreamSettings, around: Surroundings) -> bool:
    """Return whether the streams of *upstream* are fewer than the calls that it has to carry."""
    concurrency, own = upstream.concurrency, upstream.limits
    most = (own and own.max_streams) or around.settings.client.limits.max_streams or MOST_STREAMS
    if concurrency is None or not isinstance(concurrency.limit, int) or upstream.resolve is not None:
        return False
    return most * max(1, len(upstream.hosts)) < concurrency.limit


def _check_shares(analysis: Analysis, name: str, limit: int | str) -> Iterator[Finding]:
    """Yield a warning where streams may hold all places of the `concurrency` of upstream *name*, which has *limit*."""
    own = analysis.settings.concurrency if analysis.settings is not None else None
    if own is None or (isinstance(limit, int) and own.limit >= limit):
        all_places = f"all {limit} places" if isinstance(limit, int) else "all places"
        message = f"streams may hold {all_places} of `concurrency` of `{name}`, each to its end, and leave calls none"
        there = Elsewhere(("upstreams", name, "concurrency"), "of calls and streams")
        hint = (
            "give the endpoint a lower `concurrency`, or its streams an upstream of their own, limited by `max_streams`"
        )
        shows = (Shown(all_places, ((*there.path, "limit"),), "all places"),)
        at = (*analysis.path, "stream")
        yield Finding("stream", message, at, hint, "warning", related=(there,), shows=shows)


def _check_answer(response: ResponseSettings, path: Steps) -> Iterator[Finding]:
    """Yield findings about settings of a streamed answer that would need its body."""
    for key in sorted(response.model_fields_set - _OF_ANSWER):
        hint = _INSTEAD.get(key, "remove it; a stream has `status`, `headers`, `pass_headers` and `set_cookies`")
        yield Finding("stream", f"`{key}` has no effect on a stream", (*path, key), hint, at_key=True)
    if response.status in BODILESS:
        message = f"an answer with status {response.status} has no body that could be streamed"
        yield Finding("body-of-status", message, (*path, "status"), "remove it, or choose another status")


def _check_reference(use: Use, reference: Reference, call: Steps) -> Iterator[Finding]:
    if reference[0] == "body":
        message = "the body of a streaming endpoint is not read"
        yield report(use, "stream", message, ("body",), "pass it on with `forward: {body: true}`")
    elif reference[:2] == ("response", "body"):
        yield report(use, "stream", "the body of a stream is not kept", reference[:2], _KNOWN_LATER)
    elif reference[:3] == ("calls", "call", "body"):
        yield report(use, "stream", "the body of a stream is not read", reference[:3], _KNOWN)
    elif reference[0] == "call" and use.path[: len(call)] != call:
        yield report(use, "stream", "the body of a stream is not read", ("call",), _KNOWN)
