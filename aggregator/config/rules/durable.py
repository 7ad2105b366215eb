"""Background calls that are kept: what is sent is fixed when the request ends, and there is a place to keep it."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.http import IDEMPOTENT
from aggregator.policies.retry.settings import MOST_ATTEMPTS, NO_RETRY
from aggregator.templates import compile_value

_ONLY_DURABLE = ("order", "delay", "at", "dedupe")
_NOT_DURABLE = {
    "choose": "name one `url`",
    "hedge": "remove it: an effect is sent again by its `retry`",
    "redirects": "name the URL to which it leads",
    "idempotent": "write it on the upstream",
}
_OF_MANY = {
    "for_each": 'remove `durable`, or send the list in one call, as in `json: "{{ body.items }}"`',
    "fan_out": "make each of its calls a background call of its own, or remove `durable`",
    "fallback": "remove `fallback`: an effect is sent again by its `retry`, or `durable`",
}
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_UNSENT = frozenset({"when"})
"""What of a call is read, and is no part of what is kept."""


def check_durable(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Durable calls that cannot be kept, or delivered; and what has an effect on them alone."""
    for call in analysis.calls:
        settings = call.settings
        if not isinstance(settings, BackgroundCallSettings):
            continue
        if settings.durable is None:
            yield from _check_plain(call, settings)
        elif settings.kind != "url":
            yield from _check_keys(analysis, call, settings, around)
        else:
            yield from _check_keys(analysis, call, settings, around)
            yield from _check_credentials(analysis, call, settings, around)
            yield from _check_upstream(call, around)


def _check_plain(call: CallSite, settings: BackgroundCallSettings) -> Iterator[Finding]:
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
    if around.settings.state is None:
        message = "there is no place where it could be kept"
        yield Finding("bad-durable", message, at, "name a folder at the top level: `state: ./state`", at_key=True)
    if analysis.settings is not None and analysis.settings.stream and settings.durable == "stored":
        message = "a stream leaves before it has ended, so nothing can be stored before it"
        yield Finding("bad-durable", message, at, "write `durable: accepted`", at_key=True)
    for key in _OF_MANY:
        if key in settings.model_fields_set:
            message = f"a call with `{key}` cannot be kept"
            yield Finding("bad-durable", message, (*call.path, key), _OF_MANY[key], at_key=True)
    for key, hint in _NOT_DURABLE.items():
        if key in settings.model_fields_set:
            message = f"`{key}` has no effect on a call that is kept"
            yield Finding("no-effect", message, (*call.path, key), hint, at_key=True)
    retry = settings.retry
    if retry is not None and retry is not NO_RETRY:
        for key in ("per_try", "budget"):
            if key in retry.model_fields_set:
                message = f"`{key}` has no effect on a call that is kept: `timeout` limits each delivery"
                yield Finding("no-effect", message, (*call.path, "retry", key), "remove it", at_key=True)
    if settings.order is not None and compile_value(settings.order).is_constant:
        message = "the key is always the same, so all of them wait for each other"
        hint = "name what tells them apart, such as `{{ body.account }}`"
        yield Finding("bad-durable", message, (*call.path, "order"), hint, "warning")


def _check_credentials(
    analysis: Analysis, call: CallSite, settings: BackgroundCallSettings, around: Surroundings
) -> Iterator[Finding]:
    """Headers that are never written to a disk."""
    places = _places(around)
    secret = {name for root, name in places if root == "headers"}
    for name in settings.headers:
        if name.lower() in secret:
            message = f"`{name}` is not kept: credentials are never written to the disk"
            hint = "write it under `headers` or `auth` of the upstream, which adds it when the call is delivered"
            yield Finding("bad-durable", message, (*call.path, "headers", name), hint, at_key=True)
    for path, forward in _forwards(analysis, call, settings, around):
        named = [name for name in forward.headers if name.lower() in secret]
        if named or forward.auth:
            what = f"`{named[0]}`" if named else "the credential of the caller"
            message = f"{what} is not kept: credentials are never written to the disk"
            there = Elsewhere((*path, "forward"), "passes it on", at_key=True)
            hint = "give the upstream a credential of its own, under its `auth`"
            yield Finding("bad-durable", message, (*call.path, "durable"), hint, at_key=True, related=(there,))
    yield from _check_read(analysis, call, places)


def _check_read(analysis: Analysis, call: CallSite, places: frozenset[tuple[str, str]]) -> Iterator[Finding]:
    """Expressions that put a credential of the caller into what is kept."""
    roots = {root for root, _ in places}
    for use in analysis.uses:
        below = use.path[len(call.path) :]
        if use.path[: len(call.path)] != call.path or _UNSENT.intersection(below[:1]):
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
    analysis: Analysis, call: CallSite, settings: BackgroundCallSettings, around: Surroundings
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
    at = (*call.path, "durable")
    if upstream.route is not None:
        message = f"`{name}` has a `route`, so where it leads is not known when the call is delivered"
        yield Finding("bad-durable", message, at, "name one of its services as an upstream", at_key=True)
    if _asks_caller(upstream):
        message = f"`{name}` is called in the name of the caller, whose credential is not kept"
        hint = "call an upstream whose `auth` does not depend on the request"
        yield Finding("bad-durable", message, at, hint, at_key=True)
    if call.method not in IDEMPOTENT and upstream.idempotent is None:
        message = f"a {call.method} may arrive twice at `{name}`, which does not say that twice is as good as once"
        hint = "add `idempotent: true` to the upstream if it heeds the `Idempotency-Key`"
        yield Finding("bad-durable", message, at, hint, "warning", at_key=True)


def _asks_caller(upstream: UpstreamSettings) -> bool:
    auth = upstream.auth
    return auth is not None and auth.oauth2 is not None and auth.oauth2.grant == "token_exchange"
