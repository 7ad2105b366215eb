"""Names of virtual hosts are names of hosts, and each host has one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.edge.hosts import hostname_of, is_hostname

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def check_virtual_hosts(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about names that no request can have, and hosts that are there twice."""
    seen: dict[str, str] = {}
    for name in around.settings.virtual_hosts:
        path = ("virtual_hosts", name)
        problem = _problem(name)
        if problem is not None:
            yield Finding("bad-host", problem[0], path, problem[1], at_key=True, text=name)
            continue
        first = seen.setdefault(hostname_of(name), name)
        if first != name:
            there = Elsewhere(("virtual_hosts", first), "first here", at_key=True)
            message = f"`{name}` and `{first}` are the same host"
            yield Finding("host-clash", message, path, "put their endpoints together", at_key=True, related=(there,))


def _problem(name: str) -> tuple[str, str] | None:
    """Return what is wrong with the *name* of a host, and how to mend it."""
    bare = _URL.sub("", name).partition("/")[0]
    if bare != name:
        return f"`{name}` is more than the name of a host", f"write `{bare}`, and the paths in its `endpoints`"
    if name.strip() in ("*", ""):
        return f"`{name}` is no host", "what is for every other host stands in `endpoints` at the top level"
    if not name.isascii():
        return f"`{name}` is not how a host is named in a request", f"write `{_ascii_form(name)}`"
    if is_hostname(name):
        return None
    without_port = re.sub(r":\d*$", "", name)
    if is_hostname(without_port):
        return f"`{name}` has a port, which says nothing here", f"write `{without_port}`"
    if "*" in name:
        return f"`*` in `{name}` is not the whole first label", "write it like `*.example.com`"
    return f"`{name}` is no name of a host", "write it like `admin.example.com` or `*.example.com`"


def _ascii_form(name: str) -> str:
    """Return *name* as requests write it (RFC 5891), or an example if it cannot be."""
    star, rest = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        return star + rest.encode("idna").decode("ascii")
    except UnicodeError:
        return "xn--mnchen-3ya.example"
