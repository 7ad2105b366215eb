"""Message brokers: only background calls send to them, and what is about HTTP means nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final, NamedTuple

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.templates import TemplateProblem, compile_url


class _Kind(NamedTuple):
    """What one kind of broker knows: the *package* of its client, in our *extra*; the keys of `broker` and `auth`."""

    package: str
    extra: str
    keys: frozenset[str]
    auth: frozenset[str]
    has_sockets: bool = False


_KINDS: Final = {
    "redis+stream": _Kind("redis", "redis", frozenset({"max_length"}), frozenset({"basic"}), has_sockets=True),
    "nats": _Kind("nats", "nats", frozenset({"jetstream"}), frozenset({"basic", "bearer"})),
    "amqp": _Kind("aiormq", "amqp", frozenset({"exchange"}), frozenset({"basic"})),
}
_PLAIN: Final = {"rediss+stream": "redis+stream", "nats+tls": "nats", "amqps": "amqp"}
"""Schemes by TLS, with those without it."""

_OF_HTTP: Final = (
    "resolve", "balance", "eject", "health", "slow_start", "host_header", "hedge", "query", "status_map", "cache",
    "coalesce", "format", "xml", "csv", "max_body", "redirects", "batch",
)  # fmt: skip
"""Keys of an upstream that are about several hosts, or about answers."""
_OF_CALLS: Final = (
    "query", "success", "format", "xml", "csv", "transform", "max_body", "redirects", "hedge", "graphql", "choose",
)  # fmt: skip
"""Keys of a call that are about the query of a URL, or about answers."""
_TIMEOUTS: Final = frozenset({"total", "connect"})
_LIMITS: Final = frozenset({"max_waiting"})


def broker_problem(scheme: str, rest: str) -> tuple[str, str | None] | None:
    """Return what is wrong with the path *rest* in the URL of a broker, and the way out."""
    kind = _PLAIN.get(scheme, scheme)
    if kind == "redis+stream" and rest and not (rest.isascii() and rest.isdigit()):
        return "the path of this URL is the number of a database", "write it like `redis+stream://events.internal/0`"
    if kind == "nats" and rest:
        return "the URL of a NATS has no path", "write the subject into the URL of each call"
    if kind == "amqp" and "/" in rest:
        return "the path of this URL is a virtual host", "write a `/` in its name as `%2F`"
    return None


def check_broker(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    """Yield what means nothing to the broker *upstream*, and the package that it lacks."""
    scheme = upstream.url.partition("://")[0].lower()
    kind = _KINDS[_PLAIN.get(scheme, scheme)]
    if find_spec(kind.package) is None:
        hint = f"install it: pip install 'aggregator-server[{kind.extra}]'"
        yield Finding("missing-package", f"this broker needs the package {kind.package}", (*path, "url"), hint)
    login = f"write it as {' or '.join(f'`{key}`' for key in sorted(kind.auth))}"
    for steps in _unknown(upstream, kind):
        yield _nothing((*path, *steps), login if steps[0] == "auth" else "remove it")


def _unknown(upstream: UpstreamSettings, kind: _Kind) -> Iterator[Steps]:
    """Yield the places in *upstream* that a broker of this *kind* knows nothing of."""
    yield from ((key,) for key in _OF_HTTP if key in upstream.model_fields_set)
    if upstream.unix_socket is not None and not kind.has_sockets:
        yield ("unix_socket",)
    known = {"timeout": _TIMEOUTS, "limits": _LIMITS, "broker": kind.keys, "auth": kind.auth}
    for key, names in known.items():
        settings = getattr(upstream, key)
        said = () if settings is None else settings.model_fields_set
        yield from ((key, name) for name in sorted(said - names if said else ()))
    if upstream.tls is not None and upstream.tls.server_name is not None:
        yield ("tls", "server_name")
    if upstream.forward is not None and upstream.forward.query:
        yield ("forward", "query")


def check_broker_calls(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with calls that name a broker."""
    is_group = analysis.path[0] == "groups"
    for call in analysis.calls:
        name = None if call.url is None else next((one for one in _named(call) if _is_broker(one, around)), None)
        if name is None:
            continue
        if call.effect is None and not is_group:
            message = f"`{name}` is a broker, which answers nothing"
            at = call.via or call.url_path
            yield Finding("bad-broker", message, at, "send to it under `background`, after the answer")
        elif call.via is None:
            yield from _check_call(call)


def _check_call(call: CallSite) -> Iterator[Finding]:
    said, url = call.settings.model_fields_set, call.url
    assert url is not None
    if "method" in said or url.method is not None:
        at = (*call.path, "method") if "method" in said else call.url_path
        yield Finding("no-effect", "a broker knows no methods", at, "remove it")
    if any(isinstance(part, bytes) and b"?" in part for part in url.segments):
        yield Finding("no-effect", "a message has no query", call.url_path, "write it into `json` or `headers`")
    if url.segments == (b"/",):
        hint = f"write it like `{url.upstream}:/signups`"
        yield Finding("bad-broker", "the path of this URL names nothing", call.url_path, hint)
    yield from (_nothing((*call.path, key)) for key in _OF_CALLS if key in said)


def _named(call: CallSite) -> Iterator[str | None]:
    """Yield the upstreams that the URLs of *call* name."""
    if call.url is not None:
        yield call.url.upstream
    for choice in call.settings.choose:
        try:
            yield compile_url(choice.url).upstream
        except TemplateProblem:
            continue


def _is_broker(name: str | None, around: Surroundings) -> bool:
    upstream = around.upstream(name)
    return upstream is not None and upstream.is_broker


def _nothing(path: Steps, hint: str = "remove it") -> Finding:
    return Finding("no-effect", f"`{path[-1]}` has no effect on a broker", path, hint, at_key=True)
