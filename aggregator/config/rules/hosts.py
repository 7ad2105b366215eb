"""Hosts of upstreams: they are reached alike, each is there once, and there is something to choose from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.rules.resolution import check_resolution
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.policies.breaker.settings import HOST
from aggregator.policies.hosts.settings import HashSettings
from aggregator.transport import Origin

_PATH = re.compile(r"/[!\"$-z|~]*")
_CHOICES = ("balance", "eject", "health", "slow_start")


def check_hosts(upstream: UpstreamSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the hosts of *upstream*, at *path*, whose URLs are right each for itself."""
    if upstream.route is not None and upstream.hosts:
        message = "`hosts` has no effect beside `route`"
        yield Finding("no-effect", message, (*path, "hosts"), "remove one of the two", at_key=True)
        return
    if upstream.route is not None and upstream.resolve is not None:
        message = "`resolve` has no effect beside `route`"
        yield Finding("no-effect", message, (*path, "resolve"), "remove one of the two", at_key=True)
        return
    if upstream.resolve is not None:
        yield from check_resolution(upstream, upstream.resolve, path, around)
        yield from _check_health(upstream, path)
        return
    if not upstream.hosts and upstream.breaker is not None and upstream.breaker.per == HOST:
        message = "`per: host` has no effect on one host"
        yield Finding("no-effect", message, (*path, "breaker", "per"), "remove it, or write `hosts` or `resolve`")
    if not upstream.hosts:
        for key in _CHOICES:
            if key in upstream.model_fields_set:
                hint = "write `hosts` in the place of `url`, or `resolve`, or remove it"
                yield Finding("no-effect", f"`{key}` has no effect on one host", (*path, key), hint, at_key=True)
        return
    if upstream.unix_socket is not None:
        message = "`unix_socket` has no effect on `hosts`"
        yield Finding("no-effect", message, (*path, "unix_socket"), "remove it, or write a `url`", at_key=True)
    written = value_at(around.written, path)
    if isinstance(written, dict) and "url" in written:
        message = "`url` has no effect beside `hosts`"
        hint = "write it as one of `hosts`, or remove it"
        yield Finding("no-effect", message, (*path, "url"), hint, at_key=True)
    yield from _check_alike(upstream, path)
    yield from _check_order(upstream, path)
    yield from _check_health(upstream, path)


def _check_order(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    """Yield findings about hosts that are never called, and a slow start that has no effect."""
    later = [index for index, host in enumerate(upstream.hosts) if host.priority > _first(upstream)]
    if later and (upstream.eject, upstream.health, upstream.retry) == (None, None, None):
        message = "no call comes here: nothing says when hosts of a lower number are not usable"
        hint = "add `eject: {failures: 5}`, `health` or `retry`"
        yield Finding("no-effect", message, (*path, "hosts", later[0], "priority"), hint, "warning", at_key=True)
    if upstream.slow_start is not None and isinstance(upstream.balance, HashSettings):
        message = "`slow_start` has no effect where hosts are chosen by a key"
        yield Finding("no-effect", message, (*path, "slow_start"), "remove it", at_key=True)


def _check_health(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    said = upstream.health
    if said is not None and not _PATH.fullmatch(said.path):
        hint = "write it like `/health`, with what is no ASCII percent-encoded"
        yield Finding("bad-path", "this is not the path of a request", (*path, "health", "path"), hint)


def _first(upstream: UpstreamSettings) -> int:
    return min(host.priority for host in upstream.hosts)


def url_path(path: Steps, index: int) -> Steps:
    """Return the path to the URL of a host of the upstream at *path*."""
    return (*path, "hosts", index, "url")


def _check_alike(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    first, known = urlsplit(upstream.hosts[0].url), dict[Origin, int]()
    for index, host in enumerate(upstream.hosts):
        at, parts = url_path(path, index), urlsplit(host.url)
        there = Elsewhere(url_path(path, 0), "the first one")
        if parts.scheme.lower() != first.scheme.lower():
            hint = f"write `{first.scheme}://`, or make it an upstream of its own"
            yield Finding("bad-hosts", "all hosts of an upstream have one scheme", at, hint, related=(there,))
        elif parts.path.rstrip("/") != first.path.rstrip("/"):
            hint = "write the same path, or put it into the URLs of calls"
            yield Finding("bad-hosts", "all hosts of an upstream have one path", at, hint, related=(there,))
        origin = Origin.parse(host.url)
        if origin in known:
            there = Elsewhere(url_path(path, known[origin]), "here already")
            hint = "name it once, with a `weight`"
            yield Finding("bad-hosts", "this host is named twice", at, hint, related=(there,))
        known.setdefault(origin, index)
