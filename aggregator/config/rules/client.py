"""The client, the server and the defaults fit together."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from math import inf
from urllib.parse import urlsplit

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.server import ServerSettings
from aggregator.config.rules.header_fields import check_deadline_header, check_fields, check_forward
from aggregator.config.rules.timeouts import check_limits
from aggregator.config.rules.upstreams import check_limits_of_connections, check_shared_rows
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding, Shown
from aggregator.http import is_token

_PROXIES = ("http", "https", "socks5")


def check_client(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about settings of the client that need others, or another package."""
    client = around.settings.client
    if client.transport == "engine":
        for key, is_set in (("http2", client.http2), ("proxy", client.proxy is not None)):
            if is_set:
                message = f"the built-in engine has no `{key}`"
                yield Finding("needs-httpx", message, ("client", key), "add `transport: httpx`", at_key=True)
    elif client.http2 and find_spec("h2") is None:
        hint = "install it: pip install 'aggregator-server[http2]'"
        yield Finding("missing-package", "HTTP/2 needs the package h2", ("client", "http2"), hint)
    if client.proxy is not None:
        yield from _check_proxy(client.proxy, ("client", "proxy"))
    yield from check_limits_of_connections(client.limits, ("client", "limits"))
    if client.transport == "httpx":
        yield from _check_age(around)
    yield from check_limits(client.timeout, ("client", "timeout"))
    yield from check_fields({"user_agent": client.user_agent}, ("client",))


def _check_age(around: Surroundings) -> Iterator[Finding]:
    """Yield each age of connections that nobody heeds, since httpx has none."""
    upstreams = ((("upstreams", name, "limits"), one.limits) for name, one in around.settings.upstreams.items())
    for path, limits in ((("client", "limits"), around.settings.client.limits), *upstreams):
        if limits is not None and limits.max_age is not None:
            message = "with `transport: httpx`, connections have no `max_age`"
            yield Finding("no-effect", message, (*path, "max_age"), "remove it, or `transport`", at_key=True)


def _check_proxy(proxy: str, path: Steps) -> Iterator[Finding]:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in _PROXIES and bool(parts.hostname) and parts.port != 0 and "{" not in proxy
    except ValueError:  # of the port, or of the brackets around an address
        usable = False
    if not usable:
        yield Finding("bad-proxy", "this is not the URL of a proxy", path, "write it like `http://proxy:3128`")
    elif parts.scheme == "socks5" and find_spec("socksio") is None:
        hint = "install it: pip install 'httpx[socks]'"
        yield Finding("missing-package", "a SOCKS proxy needs the package socksio", path, hint)


def check_defaults_section(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about what ``defaults`` give to every call."""
    defaults = around.settings.defaults
    yield from check_forward(defaults.forward, ("defaults", "forward"))
    yield from check_limits(defaults.timeout, ("defaults", "timeout")) if defaults.timeout else ()
    yield from check_shared_rows(defaults.status_map, ("defaults", "status_map"), around)


def check_server(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about the debug header, and those of every answer."""
    yield from check_fields(around.settings.server.headers, ("server", "headers"))
    server = around.settings.server
    yield from check_deadline_header(server.deadline_header, ("server", "deadline_header"))
    if server.deadline_header is not None and not server.trusted_proxies:
        message, hint = "nobody is believed: there are no `trusted_proxies`", "name the addresses of your own callers"
        lacks = (("server", "trusted_proxies"),)
        yield Finding("no-effect", message, ("server", "deadline_header"), hint, at_key=True, lacks=lacks)
    yield from _check_degrade(server)
    debug = server.debug
    if debug is not None and not is_token(debug.header):
        message = f"`{debug.header}` cannot be the name of a header"
        yield Finding("header-name", message, ("server", "debug", "header"), "write it like `x-debug`")


def _check_degrade(server: ServerSettings) -> Iterator[Finding]:
    """Yield findings about degradation at a pressure that cannot come, because fewer requests are let in."""
    degrade, limits, path = server.degrade, server.limits, ("server", "degrade")
    if degrade is None:
        return
    if degrade.queue is not None and limits is None:
        message, hint = "no request waits: there are no `server.limits`", "add `limits` with `in_flight` and `queue`"
        lacks = (("server", "limits"),)
        yield Finding("no-effect", message, (*path, "queue"), hint, "warning", at_key=True, lacks=lacks)
    elif degrade.queue is not None and limits is not None and degrade.queue > limits.queue:
        hint = "add `queue` to `server.limits`" if not limits.queue else f"write {limits.queue} or less"
        message = f"no more than {limits.queue} requests wait (`server.limits`)"
        at = ("server", "limits", "queue")
        shows = (Shown(str(limits.queue), (at,)),)
        yield Finding("no-effect", message, (*path, "queue"), hint, lacks=(at,), shows=shows)
    if degrade.in_flight is not None and limits is not None and degrade.in_flight > (limits.in_flight or inf):
        message = f"no more than {limits.in_flight} requests are let in (`server.limits`)"
        shows = (Shown(str(limits.in_flight), (("server", "limits", "in_flight"),)),)
        yield Finding("no-effect", message, (*path, "in_flight"), f"write {limits.in_flight} or less", shows=shows)
