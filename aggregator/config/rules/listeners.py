"""Addresses that the server listens on go together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.server import ServerSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.edge.addresses import Address, TcpAddress
from aggregator.edge.networks import UNIX

_PUBLIC: tuple[Steps, ...] = (("server", "listen"), ("server", "host"), ("server", "port"))
_LABEL = r"[a-z0-9_](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*").fullmatch


def check_listeners(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about `listen` beside `host` or `port`, and addresses that it names twice."""
    server = around.settings.server
    yield from _check_trusted(server)
    yield from _check_tls(server)
    yield from _check_proxy_protocol(server)
    yield from _check_admin(server)
    if server.redirect_http is not None and server.tls is None:
        hint = "add `tls`, or remove `redirect_http`"
        message, at = "nothing speaks TLS that it could send to", ("server", "redirect_http")
        yield Finding("listen", message, at, hint, at_key=True, lacks=(("server", "tls"),))
    if not server.listen:
        return
    for key in ("host", "port"):
        if key in server.model_fields_set:
            message = f"`{key}` changes nothing beside `listen`"
            related = (Elsewhere(("server", "listen"), "this says where to listen", at_key=True),)
            yield Finding("listen", message, ("server", key), "keep one of the two", at_key=True, related=related)
    yield from _twice(server)


def _check_trusted(server: ServerSettings) -> Iterator[Finding]:
    """Yield networks that hold everybody: who is believed by all can say that it is anybody."""
    for index, text in enumerate(server.trusted_proxies):
        if text != UNIX and ip_network(text.strip(), strict=False).prefixlen <= 1:
            message = "everybody is trusted: any client can say that it has another address"
            hint = "name the addresses of your own proxies, such as 10.0.0.0/8"
            yield Finding("trusts-everybody", message, ("server", "trusted_proxies", index), hint, "warning", text=text)


def _check_tls(server: ServerSettings) -> Iterator[Finding]:
    tls = server.tls
    if tls is None:
        return
    if "client" in tls.model_fields_set and tls.client_ca is None:
        hint = "add `client_ca` with the file of the authorities whose clients are believed"
        yield Finding("tls", "no client has a certificate without `client_ca`", ("server", "tls", "client"), hint,
                      at_key=True, lacks=(("server", "tls", "client_ca"),))  # fmt: skip
    for name in tls.names:
        if not _HOST(name.lower()):
            hint = "write it like `api.example.com` or `*.example.com`, without scheme and port"
            path = ("server", "tls", "names", name)
            yield Finding("bad-host", f"no client asks for a host `{name}`", path, hint, at_key=True)
    if server.listen and all(one.unix is not None for one in server.listen):
        message = "Unix sockets do not speak TLS, and nothing else is listened on"
        yield Finding("listen", message, ("server", "tls"), "remove it, or listen on a port, too", at_key=True)


def _check_proxy_protocol(server: ServerSettings) -> Iterator[Finding]:
    if not server.proxy_protocol:
        return
    path = ("server", "proxy_protocol")
    if all(one == UNIX for one in server.trusted_proxies):
        message = "every connection would be closed: `trusted_proxies` names no network that may send PROXY headers"
        hint = "add `trusted_proxies` with the addresses of the load balancer, like `[10.0.0.0/8]`"
        lacks = (("server", "trusted_proxies"),)
        yield Finding("proxy-protocol", message, path, hint, at_key=True, lacks=lacks)
    if server.listen and all(one.unix is not None for one in server.listen) and server.redirect_http is None:
        message = "Unix sockets do not speak the PROXY protocol, and nothing else is listened on"
        yield Finding("proxy-protocol", message, path, "remove it, or listen on a port, too", at_key=True)


def _check_admin(server: ServerSettings) -> Iterator[Finding]:
    admin = server.admin
    if admin is None:
        return
    address, at = admin.address.address, ("server", "admin", "address")
    if admin.secret is None and not address.is_loopback:
        hint = "add `secret`, or listen on `127.0.0.1`"
        yield Finding("admin-secret", f"others can reach `{address}`, and there is no secret", at, hint,
                      lacks=(("server", "admin", "secret"),))  # fmt: skip
    if admin.tls is not None and admin.address.unix is not None:
        hint = "remove it"
        yield Finding("listen", "a Unix socket does not speak TLS", ("server", "admin", "tls"), hint, at_key=True)
    public = {one.address for one in server.listen} or {TcpAddress(server.host, server.port)}
    if address in public and not _is_any_port(address):
        yield Finding("listen", f"`{address}` serves everybody already", at, "choose another port", lacks=_PUBLIC)
    for index, host in enumerate(admin.hosts):
        if not _HOST(host.lower()) or host.startswith("*"):
            hint = "write it like `admin.example.com`, without scheme and port"
            yield Finding("bad-host", f"`{host}` is not the name of a host", ("server", "admin", "hosts", index), hint)


def _twice(server: ServerSettings) -> Iterator[Finding]:
    seen: set[Address] = set()
    for index, one in enumerate(server.listen):
        address = one.address
        if address in seen and not _is_any_port(address):
            message = f"`{address}` is listened on already"
            yield Finding("listen", message, ("server", "listen", index), "remove it")
        seen.add(address)


def _is_any_port(address: Address) -> bool:
    """Return whether *address* has a free port chosen for it, which no other address has."""
    return isinstance(address, TcpAddress) and address.port == 0
