"""Upstreams whose hosts are looked up: there is a name, somebody to ask, and a way to what is found."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address
from urllib.parse import urlsplit

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.policies.hosts.settings import ResolveSettings, dns_server

_URL = "write a `url` with a name, or remove it"


def check_resolution(
    upstream: UpstreamSettings, said: ResolveSettings, path: Steps, around: Surroundings
) -> Iterator[Finding]:
    """Yield what is wrong with how the hosts of *upstream*, at *path*, are looked up."""
    at, idle = (*path, "resolve"), _idle(upstream, around)
    if idle is not None:
        yield Finding("no-effect", f"`resolve` has no effect {idle[0]}", at, idle[1], at_key=True)
    if said.by == "srv" and urlsplit(upstream.url).port is not None:
        hint = "leave the port out of the URL"
        yield Finding("no-effect", "the records of a service say its port", (*path, "url"), hint)
    if said.by != "system" and find_spec("dns") is None:
        hint = "pip install 'aggregator-server[dns]'"
        yield Finding("missing-package", f"`by: {said.by}` needs the package dnspython", (*at, "by"), hint)
    if said.server is not None and not _is_server(said.server):
        hint = "write it like `10.0.0.2` or `127.0.0.1:5353`"
        yield Finding("bad-address", "this is no address of a DNS server", (*at, "server"), hint)


def _idle(upstream: UpstreamSettings, around: Surroundings) -> tuple[str, str] | None:
    """Return where nothing is looked up, and the way out; None where something is."""
    parts = urlsplit(upstream.url)
    if upstream.hosts:
        return "beside `hosts`", "write a `url` in their place, or remove it"
    if parts.scheme.lower() == "demo":
        return "on the demo", "remove it"
    if upstream.unix_socket is not None:
        return "on a Unix socket", "remove it"
    if around.settings.client.proxy is not None:
        return "behind a proxy, which looks names up itself", "remove it"
    return ("on an address", _URL) if _is_address(parts.hostname or "") else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_server(text: str) -> bool:
    try:
        dns_server(text)
    except ValueError:
        return False
    return True
