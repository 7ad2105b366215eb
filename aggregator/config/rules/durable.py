"""Background calls that are kept: what is sent is fixed when the request ends, and there is a place to keep it."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.http import IDEMPOTENT
from aggregator.policies.retry.settings import MOST_ATTEMPTS, NO_RETRY
from aggregator.telemetry.redaction import is_secret
from aggregator.templates import compile_value

_ONLY_DURABLE = ("order", "delay", "at", "dedupe")
_NOT_DURABLE = {
    "choose": "name one `url`",
    "hedge": "remove it: an effect is sent again by its `retry`",
    "redirects": "name the URL to which it leads",
    "idempotent": "write it on the upstream",
}
_OF_RESULTS = ("concurrency", "on_error")
"""What of a list is about calls that are made at once, and wait for each other."""
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_UNSENT = "when"
"""What of a call is read, and is no part of what is kept."""


def check_durable(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about durable calls that cannot be kept, or delivered; and what has an effect on them alone."""
    for call in analysis.calls:
        if call.effect is None:
            continue
        if not call.is_durable:
            if call.settings is call.effect:
                yield from _check_plain(call, call.effect)
            continue
        if call.settings is call.effect:
            yield from _check_whole(analysis, call, call.effect, around)
        if call.settings.kind == "url":
            yield from _check_sent(call)
            yield from _check_credentials(analysis, call, around)
            yield from _check_upstream(call, around)
        elif call.settings is not call.effect and (call.settings.fan_out is not None or call.via is not None):
            message = "what is kept by itself is one call"
            hint = "name its calls side by side" if call.settings.fan_out is not None else "write `fallback`"
            yield Finding("bad-durable", message, (*call.path, call.settings.kind), hint, at_key=True)
    yield from _check_reads(analysis)


def _check_whole(
    analysis: Analysis, call: CallSite, effect: BackgroundCallSettings, around: Surroundings
) -> Iterator[Finding]:
    """Yield findings about what is said of all effects of one background call."""
    yield from _check_keys(analysis, call, effect, around)
    yield from _check_dedupe(analysis, call, effect)
    yield from _check_read(analysis, call, _places(around))
    if effect.fan_out is not None and effect.timeout is not None:
        message = "`timeout` has no effect beside the `fan_out` of a call that is kept: each is delivered by itself"
        yield Finding("no-effect", message, (*call.path, "timeout"), "write it on each call", at_key=True)


def _check_reads(analysis: Analysis) -> Iterator[Finding]:
    """Yield findings about durable calls that read each other's results: they are fixed when the request ends."""
    for fan in analysis.fans:
        effect = analysis.effect_at(fan.path)
        if effect is None or effect.durable is None:
            continue
        for part in fan.parts.values():
            for name, place in part.reads.items():
                if name in fan.parts and name != part.name and "needs" not in place[-2:]:
                    message = f"`{part.name}` cannot read `{name}`: what is sent is fixed when the request ends"
                    hint = f"call `{name}` before the answer, or remove `durable`"
                    yield Finding("bad-durable", message, place, hint, text=name)


def _check_dedupe(analysis: Analysis, call: CallSite, effect: BackgroundCallSettings) -> Iterator[Finding]:
    """Yield findings about a key by which the first item of a list takes the place of all others."""
    if effect.dedupe is None:
        return
    place = (*call.path, "dedupe", "key")
    if effect.for_each is not None:
        names = {reference[0] for use in analysis.uses if use.path == place for reference in use.references}
        if names & {"item", "index"}:
            return
        hint = "name the item in it, as in `{{ item.id }}`"
    elif any(one.settings.for_each is not None and one.effect is effect for one in analysis.calls):
        hint = "make the list a background call of its own"
    else:
        return
    yield Finding("bad-durable", "the key is the same for every item, so one of them alone is kept", place, hint)


def _check_plain(call: CallSite, settings: BackgroundCallSettings) -> Iterator[Finding]:
    if settings.fan_out is not None and settings.retry is not None:
        message = "`retry` has no effect beside `fan_out`"
        yield Finding("no-effect", message, (*call.path, "retry"), "write it on each call", at_key=True)
        return
    for key in _ONLY_DURABLE:
        if key in settings.model_fields_set:
            message = f"`{key}` has an effect on calls that are kept only"
            yield Finding("no-effect", message, (*call.path, key), "add `durable: true`, or remove it", at_key=True)
    retry = settings.retry
    if retry is not None and retry is not NO_RETRY and retry.attempts > MOST_ATTEMPTS:
        message = f"a call that is not kept is sent {MOST_ATTEMPTS} times at most"
        yield Finding("bad-retry", message, (*call.path, "retry"), "add `durable: true`, or name fewer", at_key=True)


def _check_keys(
    analysis: Analysis, call: CallSite, settings: BackgroundCallSettings, around: Surroundings
) -> Iterator[Finding]:
    at = (*call.path, "durable")
    if around.settings.state is None and around.settings.background.durable.store == "sqlite":
        message = "there is no place where it could be kept"
        hint, lacks = (
            "name a folder at the top level: `state: ./state`",
            (("state",), ("background", "durable", "store")),
        )
        yield Finding("bad-durable", message, at, hint, at_key=True, lacks=lacks)
    if analysis.settings is not None and analysis.settings.stream and settings.durable == "stored":
        message = "a stream leaves before it has ended, so nothing can be stored before it"
        yield Finding("bad-durable", message, at, "write `durable: accepted`", at_key=True)
    if settings.order is not None and compile_value(settings.order).is_constant:
        message = "the key is always the same, so all of them wait for each other"
        hint = "name what tells them apart, such as `{{ body.account }}`"
        yield Finding("bad-durable", message, (*call.path, "order"), hint, "warning")


def _check_sent(call: CallSite) -> Iterator[Finding]:
    """Yield findings about keys of one call, or an alternative, without an effect on what is delivered later."""
    settings = call.settings
    for key, hint in _NOT_DURABLE.items():
        if key in settings.model_fields_set:
            message = f"`{key}` has no effect on a call that is kept"
            yield Finding("no-effect", message, (*call.path, key), hint, at_key=True)
    each = settings.for_each
    for key in _OF_RESULTS if each is not None else ():
        if each is not None and key in each.model_fields_set:
            message = f"`{key}` has no effect on calls that are kept: each item is delivered by itself"
            yield Finding("no-effect", message, (*call.path, "for_each", key), "remove it", at_key=True)
    retry = settings.retry
    if retry is not None and retry is not NO_RETRY:
        for key in ("per_try", "budget"):
            if key in retry.model_fields_set:
                message = f"`{key}` has no effect on a call that is kept: `timeout` limits each delivery"
                yield Finding("no-effect", message, (*call.path, "retry", key), "remove it", at_key=True)


def _check_credentials(analysis: Analysis, call: CallSite, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about headers that are never written to a disk, and about what reads like them."""
    settings, places = call.settings, _places(around)
    secret = {name for root, name in places if root == "headers"}
    for name in settings.headers:
        if name.lower() in secret:
            message = f"`{name}` is not kept: credentials are never written to the disk"
            hint = "write it under `headers` or `auth` of the upstream, which adds it when the call is delivered"
            yield Finding("bad-durable", message, (*call.path, "headers", name), hint, at_key=True)
    for key, names in (("headers", settings.headers), ("query", settings.query)):
        for name in names:
            if is_secret(name) and (key == "query" or name.lower() not in secret):
                message = f"`{name}` is kept as it is, and a credential should be in the file alone"
                hint = f"write it under `{key}` of the upstream, which adds it when the call is delivered"
                yield Finding("bad-durable", message, (*call.path, key, name), hint, "warning", at_key=True)
    for path, forward in _forwards(analysis, call, settings, around):
        named = [name for name in forward.headers if name.lower() in secret]
        if named or forward.auth:
            what = f"`{named[0]}`" if named else "the credential of the caller"
            message = f"{what} is not kept: credentials are never written to the disk"
            there = Elsewhere((*path, "forward"), "passes it on", at_key=True)
            hint = "give the upstream a credential of its own, under its `auth`"
            yield Finding("bad-durable", message, _place_of(call), hint, at_key=True, related=(there,))


def _place_of(call: CallSite) -> Steps:
    """Return what the file says that makes *call* one that is kept."""
    return (*call.path, "durable") if call.settings is call.effect else call.url_path


def _check_read(analysis: Analysis, call: CallSite, places: frozenset[tuple[str, str]]) -> Iterator[Finding]:
    """Yield findings about expressions that put a credential of the caller into what is kept."""
    roots = {root for root, _ in places}
    for use in analysis.uses:
        place = (use.via or use.path) if use.path[0] == "groups" else use.path
        if place[: len(call.path)] != call.path or use.path[-1] == _UNSENT:
            continue
        for root, *rest in use.references:
            is_whole = not rest and root in roots
            if is_whole or (root, str(rest[0]).lower() if rest else "") in places:
                what = f"`{root}`, where credentials are," if is_whole else f"`{'.'.join((root, *rest))}`"
                message = f"{what} is not kept: credentials are never written to the disk"
                hint = "name the fields that are no credential" if is_whole else "name the caller by `auth.subject`"
                yield Finding("bad-durable", message, use.path, hint)


def _places(around: Surroundings) -> frozenset[tuple[str, str]]:
    """Return where callers have their credentials: the name in expressions, and that of the field in lower case."""
    found = {("headers", name) for name in _CREDENTIALS}
    for scheme in around.settings.auth.values():
        if scheme.api_key is not None:
            places = {"headers": scheme.api_key.header, "query": scheme.api_key.query, "cookies": scheme.api_key.cookie}
            found |= {(root, name.lower()) for root, name in places.items() if name is not None}
        if scheme.jwt is not None and scheme.jwt.from_ is not None:
            found.add(("cookies", scheme.jwt.from_.cookie.lower()))
        if scheme.external is not None:
            found |= {("headers", name.lower()) for name in scheme.external.headers}
    return frozenset(found)


def _forwards(
    analysis: Analysis, call: CallSite, settings: CallSettings, around: Surroundings
) -> Iterator[tuple[Steps, ForwardSettings]]:
    """Yield what is passed on with a call, and where that is said."""
    name = call.url.upstream if call.url else None
    endpoint, upstream = analysis.settings, around.upstream(name)
    levels: tuple[tuple[Steps, ForwardSettings | None], ...] = (
        (call.path, settings.forward),
        (analysis.path, endpoint.forward if endpoint else None),
        (("upstreams", str(name)), upstream.forward if upstream else None),
        (("defaults",), around.settings.defaults.forward),
    )
    yield from ((path, forward) for path, forward in levels if forward is not None)


def _check_upstream(call: CallSite, around: Surroundings) -> Iterator[Finding]:
    name = call.url.upstream if call.url else None
    upstream = around.upstream(name)
    if upstream is None:
        return
    at = _place_of(call)
    if upstream.route is not None:
        message = f"`{name}` has a `route`, so where it leads is not known when the call is delivered"
        yield Finding("bad-durable", message, at, "name one of its services as an upstream", at_key=True)
    if _asks_caller(upstream):
        message = f"`{name}` is called in the name of the caller, whose credential is not kept"
        hint = "call an upstream whose `auth` does not depend on the request"
        yield Finding("bad-durable", message, at, hint, at_key=True)
    if call.method not in IDEMPOTENT and upstream.idempotent is None and not upstream.is_broker:
        message = f"a {call.method} may arrive twice at `{name}`, which does not say that twice is as good as once"
        hint = "add `idempotent: true` to the upstream if it heeds the `Idempotency-Key`"
        lacks = (("upstreams", str(name), "idempotent"),)
        yield Finding("bad-durable", message, at, hint, "warning", at_key=True, lacks=lacks)


def _asks_caller(upstream: UpstreamSettings) -> bool:
    auth = upstream.auth
    return auth is not None and auth.oauth2 is not None and auth.oauth2.grant == "token_exchange"
