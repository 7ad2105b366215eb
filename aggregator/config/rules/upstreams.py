"""An upstream is a service that can be reached: its name, its URL, how it is connected to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.analysis.walking import walk_rows
from aggregator.config.findings import value_at
from aggregator.config.hints.twins import told
from aggregator.config.model.failure import StatusRow
from aggregator.config.model.upstreams.limits import LimitSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.rules.brokers import broker_problem, check_broker
from aggregator.config.rules.header_fields import check_fields, check_forward, check_row_headers
from aggregator.config.rules.hosts import check_hosts, url_path
from aggregator.config.rules.names import check_names
from aggregator.config.rules.reachable_rows import check_causes
from aggregator.config.rules.status_maps import check_rows
from aggregator.config.rules.timeouts import check_limits
from aggregator.config.rules.tls import check_tls
from aggregator.config.text.values import Steps
from aggregator.demo import SERVICES
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown
from aggregator.policies.hosts.settings import HashSettings
from aggregator.policies.mock.settings import MockSettings
from aggregator.templates import TemplateProblem, compile_pattern, compile_url, with_scheme
from aggregator.transport import BROKER_PORTS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SHELL = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_DELIMITER = re.compile(r"[/?#@{}\s]")
_SCHEMES = ("http", "https", "demo")


def check_upstreams(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about every upstream, and what it takes from ``defaults``."""
    for name, upstream in around.settings.upstreams.items():
        path = ("upstreams", name)
        yield from _check_name(name, path)
        yield from _check_urls(upstream, path, around)
        yield from _check_host_header(upstream, path)
        yield from _check_connection(upstream, path)
        yield from _check_places(upstream, path)
        yield from _check_batches(upstream, (*path, "batch"))
        yield from check_fields(upstream.headers, (*path, "headers"))
        yield from _check_texts(upstream, path, around)
        yield from check_forward(upstream.forward, (*path, "forward"))
        yield from check_limits(upstream.timeout, (*path, "timeout")) if upstream.timeout else ()
        yield from check_shared_rows(upstream.status_map, (*path, "status_map"), around)


def _check_texts(upstream: UpstreamSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about expressions that cannot be compiled; names that they read are checked in each call."""
    analysis = Analysis(path, value_at(around.written, path))
    for key, values in (("headers", upstream.headers), ("query", upstream.query)):
        Texts(analysis).value(values, (*path, key), Scope(Inputs()))
    if upstream.mock is not None:
        _check_mock(upstream.mock, (*path, "mock"), Texts(analysis))
    if upstream.breaker is not None and "{{" in upstream.breaker.per:
        Texts(analysis).condition(upstream.breaker.per, (*path, "breaker", "per"), Scope(Inputs()))
    if upstream.route is not None:
        Texts(analysis).condition(upstream.route.by, (*path, "route", "by"), Scope(Inputs()))
    if isinstance(upstream.balance, HashSettings):
        Texts(analysis).condition(upstream.balance.hash, (*path, "balance", "hash"), Scope(Inputs()))
    if upstream.cache is not None:
        Texts(analysis).value(list(upstream.cache.tags), (*path, "cache", "tags"), Scope(Inputs()))
    yield from analysis.problems


def _check_mock(mock: MockSettings, path: Steps, texts: Texts) -> None:
    """Expressions of a mock; those of its routes see a request that only it gets."""
    scope = Scope(Inputs())
    if mock.when is not None:
        texts.condition(mock.when, (*path, "when"), scope)
    for key, route in mock.routes.items():
        for name, value in (("json", route.json_), ("body", route.body), ("headers", route.headers)):
            texts.value(value, (*path, "routes", key, name), scope)


def check_shared_rows(rows: tuple[StatusRow, ...], path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about shared status maps that read what not every request has."""
    analysis = Analysis(path, None)
    walk_rows(rows, path, Scope(Inputs()), Texts(analysis))
    yield from analysis.problems
    yield from check_names(analysis, around)
    yield from check_rows(rows, path)
    yield from check_causes(rows, path, around)
    yield from check_row_headers(rows, path)
    for index, row in enumerate(rows):
        if row.part is not None:
            message = "`part` has no effect here: which parts there are differs from endpoint to endpoint"
            yield Finding("no-effect", message, (*path, index, "part"), "write the row on the endpoint", at_key=True)


def _check_name(name: str, path: Steps) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        message = f"`{name}` cannot be the name of an upstream"
        yield Finding("bad-name", message, path, "use letters, digits, `_` and `-`", at_key=True)
    elif name.lower() in ("http", "https"):
        message = f"`{name}:` begins a full URL, so no upstream can have this name"
        yield Finding("reserved-name", message, path, "rename it", at_key=True)


def _check_urls(upstream: UpstreamSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    if upstream.route is not None:
        for key, url in upstream.route.to.items():
            yield from _check_place(url, (*path, "route", "to", key), around)
    if upstream.broker is not None and not upstream.is_broker:
        hint = "remove it, or write the address of a broker into `url`"
        yield Finding("no-effect", "`broker` has no effect on what is no broker", (*path, "broker"), hint, at_key=True)
    if upstream.route is not None or not upstream.hosts:
        yield from () if upstream.route is not None else _check_url(upstream.url, (*path, "url"), around)
        yield from check_broker(upstream, path) if upstream.is_broker else check_hosts(upstream, path, around)
        return
    wrong = False
    for index, host in enumerate(upstream.hosts):
        at = url_path(path, index)
        for finding in _check_place(host.url, at, around):
            wrong = True
            yield finding
        if host.url.partition("://")[0].lower() == "demo":
            wrong = True
            yield Finding("bad-hosts", "the demo is one host", at, "write it as the `url` of an upstream of its own")
    yield from () if wrong else check_hosts(upstream, path, around)


def _check_place(url: str, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about the URL of one of several hosts or services, which has to be an HTTP URL."""
    if url.partition("://")[0].lower() in BROKER_PORTS:
        hint = "write it as the `url` of an upstream of its own"
        yield Finding("bad-broker", "a broker is one address", path, hint)
    else:
        yield from _check_url(url, path, around)


def _check_host_header(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    said = upstream.host_header
    if said is None:
        return
    problem = _host_problem(f"http://{said}") if said.isascii() and not _DELIMITER.search(said) else ("", None)
    if problem is not None:
        message = "this is neither a host nor a host and a port"
        yield Finding("bad-host", message, (*path, "host_header"), "write it like `users.internal:8080`")
    elif upstream.url.lower().startswith("demo:"):
        message = "`host_header` has no effect on the demo"
        yield Finding("no-effect", message, (*path, "host_header"), "remove it", at_key=True)


def _check_url(url: str, path: Steps, around: Surroundings) -> Iterator[Finding]:
    problem = told(_url_problem, url, value_at(around.written, path))
    if problem is not None:
        hint = problem[1] or "write it like `https://api.example.com:8443`"
        yield Finding("upstream-url", problem[0], path, hint)


def _url_problem(url: str) -> tuple[str, str | None] | None:
    """Return the problem of the base URL of an upstream, and a hint."""
    scheme, separator, rest = url.partition("://")
    if found := _SHELL.search(url):
        return f"`{found[0]}` is not filled in", f"write `${{{found[1]}}}`"
    if not separator:
        host = url.removeprefix("//")
        return (
            "the URL has no scheme",
            f"write `{with_scheme(host)}`" if host else "write it like `https://api.example.com`",
        )
    if scheme.lower() not in _SCHEMES and scheme.lower() not in BROKER_PORTS:
        place, slash, path = rest.partition("/")
        rest = f"{place.rpartition('@')[2]}{slash}{path}"  # credentials would be refused next
        return f"`{scheme}` URLs cannot be called", f"write `https://{rest}` or `http://{rest}`"
    if "@" in rest.partition("/")[0]:
        place = "`auth`" if scheme.lower() in BROKER_PORTS else "`headers`"
        return "credentials do not belong in a URL", f"send them in {place}, from a variable"
    if "?" in rest:
        return "the URL of an upstream has no query", "write its parameters under `query`"
    if "#" in rest:
        return "a fragment is never sent to a server", "remove what begins with `#`"
    if "{" in rest:
        return "the URL of an upstream is the same for every request", "write placeholders into the URL of a call"
    if scheme.lower() == "demo":
        return _demo_problem(rest)
    if scheme.lower() in BROKER_PORTS:
        place, _, rest = rest.partition("/")
        return _host_problem(f"http://{place}") or broker_problem(scheme.lower(), rest)
    return _host_problem(url)


def _host_problem(url: str) -> tuple[str, str | None] | None:
    try:
        compile_url(url)
    except TemplateProblem as problem:
        return problem.message, problem.hint or "write it like `https://api.example.com:8443`"
    return None


def _demo_problem(rest: str) -> tuple[str, str | None] | None:
    name = rest.partition("/")[0]
    if name in SERVICES:
        return None
    return f"the demo has no service `{name}`", did_you_mean(name, SERVICES) or f"it has {', '.join(SERVICES)}"


def _check_connection(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    scheme = upstream.url.partition("://")[0].lower()
    tls, socket, limits = upstream.tls, upstream.unix_socket, upstream.limits
    if socket is not None and not socket.startswith("/"):
        hint = f"write `/{socket.removeprefix('unix:').lstrip('/')}`"
        yield Finding("unix-socket", "the path of a Unix socket begins with `/`", (*path, "unix_socket"), hint)
    if socket is not None and scheme == "demo":
        yield Finding(
            "no-effect", "`unix_socket` has no effect on the demo", (*path, "unix_socket"), "remove it", at_key=True
        )
    if tls is not None:
        yield from check_tls(tls, scheme, (*path, "tls"))
    yield from check_limits_of_connections(limits, (*path, "limits")) if limits else ()


def _check_places(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    """Yield findings about more calls at once than there may be connections."""
    said, limits = upstream.concurrency, upstream.limits
    if said is None or limits is None or limits.max_connections is None:
        return
    most, key = (said.limit, "limit") if isinstance(said.limit, int) else (said.at_most or 0, "at_most")
    if most > limits.max_connections:
        message = f"so many calls cannot be made at once: there are {limits.max_connections} connections"
        there = Elsewhere((*path, "limits", "max_connections"), "the connections")
        hint = f"write {limits.max_connections} or less, or leave `max_connections` out"
        at = (*path, "concurrency", key)
        shows = (Shown(str(limits.max_connections), (there.path,)),)
        yield Finding("limits", message, at, hint, "warning", related=(there,), shows=shows)


def check_limits_of_connections(limits: LimitSettings, path: Steps) -> Iterator[Finding]:
    """Yield findings about more idle connections than connections."""
    most, kept = limits.max_connections, limits.max_keepalive
    if most is not None and kept is not None and kept > most:
        message = "more connections are kept than may be open"
        shows = (Shown(str(most), ((*path, "max_connections"),)),)
        yield Finding("limits", message, (*path, "max_keepalive"), f"write {most} or less", "warning", shows=shows)


def _check_batches(upstream: UpstreamSettings, path: Steps) -> Iterator[Finding]:
    for single, form in upstream.batch.items():
        try:
            compile_pattern(single)
        except TemplateProblem as problem:
            yield Finding("bad-batch", problem.message, (*path, single), problem.hint, at_key=True)
        if "{keys}" not in form or not form.startswith("/"):
            message = "the batch form is a path that says where the keys go"
            yield Finding("bad-batch", message, (*path, single), "write it like `/products?ids={keys}`")
