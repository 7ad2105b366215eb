"""Expressions that tell requests, calls or items apart read something of them: else all share one key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.rules.constants import constant
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.policies.callers.settings import CallerConcurrencySettings
from aggregator.policies.hosts.settings import HashSettings
from aggregator.policies.rate_limit.settings import RateLimitSettings

_BY_WHOM = "count by who asks, such as `{{ auth.subject or request.client }}`, or remove it"


def check_constant_keys(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield warnings about keys of an endpoint and its calls that are the same for every request, or item."""
    settings, at = analysis.settings, analysis.path
    if settings is not None:
        yield from _of_callers(settings.rate_limit, settings.concurrency, at)
        if settings.idempotency is not None and constant(settings.idempotency.subject) is not None:
            message = "this is the same for every request, so the answers of all callers count as those of one"
            hint = "name whose answer it is, such as `{{ body.email }}`, or remove it where `auth` says who calls"
            yield Finding("bad-idempotency", message, (*at, "idempotency", "subject"), hint, "warning")
    for call in analysis.calls:
        if call.via is None:
            yield from _of_call(call)


def check_shared_constant_keys(around: Surroundings) -> Iterator[Finding]:
    """Yield the same about limits of the server, prefixes and all endpoints, about upstreams and schemes."""
    root = around.settings
    yield from _of_callers(root.server.rate_limit, root.server.concurrency, ("server",))
    own = root.defaults.endpoint
    yield from _of_callers(own.rate_limit, own.concurrency, ("defaults", "endpoint"))
    for path, one in root.prefixes.items():
        yield from _of_callers(one.rate_limit, one.concurrency, ("prefixes", path))
    for name, upstream in root.upstreams.items():
        yield from _of_upstream(upstream, ("upstreams", name))
    for name, scheme in root.auth.items():
        if scheme.external is not None and _is_same(scheme.external.subject):
            message = "this is the same for every caller, so all of them are one to limits and to answers that are kept"
            hint = "read who it is from the answer, such as `{{ response.headers['x-user'] }}`, or remove it"
            yield Finding("external", message, ("auth", name, "external", "subject"), hint, "warning")


def _of_callers(
    windows: Sequence[RateLimitSettings] | str | None, at_once: CallerConcurrencySettings | None, at: Steps
) -> Iterator[Finding]:
    places = [] if windows is None or isinstance(windows, str) else [
        ((*at, "rate_limit", index, "by"), window.by) for index, window in enumerate(windows)
    ]  # fmt: skip
    places += [] if at_once is None else [((*at, "concurrency", "by"), at_once.by)]
    for path, by in places:
        if _is_same(by):
            message = "this is the same for every request, so all of them are counted together"
            yield Finding("limit-without-effect", message, path, _BY_WHOM, "warning")


def _of_call(call: CallSite) -> Iterator[Finding]:
    settings = call.settings
    if settings.choose and _is_same(settings.sticky):
        is_nothing = constant(settings.sticky) == (None,)
        message = f"this is the same for every request, so {'chance decides' if is_nothing else 'all get one URL'}"
        hint = "name what requests have in common that belong together, such as `{{ auth.subject }}`, or remove it"
        yield Finding("bad-choose", message, (*call.path, "sticky"), hint, "warning")
    each = settings.for_each
    if each is not None and _is_same(each.key):
        message = "the key is the same for every item, so one call is made for all of them"
        hint = "name what tells items apart, such as `{{ item.id }}`, or remove it"
        yield Finding("same-for-each", message, (*call.path, "for_each", "key"), hint, "warning")


def _of_upstream(upstream: UpstreamSettings, at: Steps) -> Iterator[Finding]:
    if upstream.route is not None and _is_same(upstream.route.by):
        message = "this is the same for every request, so no more than one of the URLs is ever called"
        hint = "name what requests have that belong to one of them, such as `{{ headers['x-tenant'] }}`"
        yield Finding("bad-route", message, (*at, "route", "by"), hint, "warning")
    if isinstance(upstream.balance, HashSettings) and _is_same(upstream.balance.hash):
        hint = "name what tells calls apart, such as `{{ auth.subject }}`, or write `balance: least`"
        message = "this is the same for every call, so all of them go to one host"
        yield Finding("bad-hosts", message, (*at, "balance", "hash"), hint, "warning")
    if upstream.breaker is not None and _is_same(upstream.breaker.per):
        message = "this is the same for every call, so all of them are counted together"
        hint = "name what tells calls apart, such as `{{ tenant }}`, or write `upstream`"
        yield Finding("bad-breaker", message, (*at, "breaker", "per"), hint, "warning")


def _is_same(text: str | None) -> bool:
    """Return whether *text* has braces and the same value for everybody; of one without another rule speaks."""
    return text is not None and "{{" in text and constant(text) is not None
