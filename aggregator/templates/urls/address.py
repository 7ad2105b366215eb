"""The head of a URL template: the method, and the upstream by name or the origin of a full URL.

No placeholder is accepted here, so a request can never choose where a call goes.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from msgspec import Struct

from aggregator.diagnostics.suggestion import did_you_mean
from aggregator.http import METHODS
from aggregator.templates.problem import TemplateProblem

_METHOD: Final = re.compile(r"([A-Za-z]+)\s+(?=\S)")
_ORIGIN: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)")
_UPSTREAM: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_-]*):(?=/)")
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_PORTS: Final = {"http": 80, "https": 443}
_NAMED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*):")
_HOST: Final = re.compile(
    r"(?:[0-9.]+|\[[0-9A-Fa-f:.]+\]|localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?::[0-9]+)?(?:/|$)"
)
_TYPOGRAPHIC: Final = "“”„«»‘’‚"
_PLAIN_QUOTES: Final = 'write plain quotes, `"`, or none'
_BRACED: Final = re.compile(r"\{\{?\s*([A-Za-z]\w*)\s*\}?\}:?(/(?!/).*)")
_EXPRESSION: Final = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_SHAPE: Final = "write `upstream:/path` or `https://host/path`"


class Address(Struct, frozen=True):
    """*method* or None; *upstream* or *origin*; *rest* is the offset at which the path starts."""

    method: str | None
    upstream: str | None
    origin: str | None
    rest: int


def parse_address(source: str) -> Address:
    """Read ``[METHOD ]upstream:`` or ``[METHOD ]scheme://host[:port]``. Raises `TemplateProblem`."""
    method, start = _parse_method(source)
    if full := _ORIGIN.match(source, start):
        return Address(method, None, _parse_origin(full), full.end())
    if named := _UPSTREAM.match(source, start):
        if named["name"].lower() in _PORTS:
            raise TemplateProblem("a full URL has two slashes", start, len(named[0]) + 1, "write `https://host/path`")
        return Address(method, named["name"], None, named.end())
    raise _no_address(source, start)


def _parse_method(source: str) -> tuple[str | None, int]:
    match = _METHOD.match(source)
    if match is None:
        return None, 0
    word = match[1]
    if word in METHODS:
        return word, match.end()
    if word.upper() in METHODS:
        hint: str | None = f"write `{word.upper()}`"
    else:
        hint = did_you_mean(word.upper(), METHODS) or f"the methods are {', '.join(METHODS)}"
    raise TemplateProblem(f"`{word}` is not a method of a call", 0, len(word), hint)


def _parse_origin(full: re.Match[str]) -> str:
    scheme, authority, place = full["scheme"].lower(), full["authority"], full.start("authority")
    width = len(authority)
    if scheme not in _PORTS:
        hint = f"write `http` or `https`; for an upstream one slash, `{scheme}:/path`"
        raise TemplateProblem(f"`{scheme}` URLs cannot be called", full.start(), len(scheme), hint)
    if "{" in authority or "}" in authority:
        raise TemplateProblem(
            "a placeholder cannot choose the host", place, width, "declare each host under `upstreams`"
        )
    if "@" in authority:
        raise TemplateProblem("credentials do not belong in a URL", place, width, "send them in `headers`")
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not _is_host(match["host"]):
        raise TemplateProblem("this is not a host", place, width, "write a name or an address, non-ASCII as `xn--…`")
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise TemplateProblem("a port is between 1 and 65535", place + match.start("port"), len(match["port"]))
    shown = "" if port == _PORTS[scheme] else f":{port}"
    host, separator, zone = match["host"].partition("%25")  # the name of a zone (RFC 6874) has capitals
    return f"{scheme}://{host.lower()}{separator}{zone}{shown}"


def _is_host(host: str) -> bool:
    """Return whether *host* is a name or an address; what ends in a number is one (URL Standard, §3.5)."""
    host = host.removesuffix(".")  # which says that the name is complete (RFC 1034 §3.1)
    is_v4 = host.rpartition(".")[2].isdecimal()
    if not host.startswith("[") and not is_v4:
        return ".." not in host
    try:
        ipaddress.IPv4Address(host) if is_v4 else ipaddress.IPv6Address(host[1:-1].partition("%25")[0])
    except ValueError:
        return False
    return True


def with_scheme(text: str) -> str:
    """Return *text*, a host with what follows, as a URL: `http` where no certificate is likely, `https` else."""
    authority = re.split(r"[/?#]", text, maxsplit=1)[0]
    host, _, port = authority.rpartition(":") if re.search(r":[0-9]*$", authority) else (authority, "", "")
    try:
        is_near = not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        is_near = "." not in host or host.endswith((".local", ".internal", ".localhost", ".test"))
    return f"{'http' if is_near and port not in ('443', '8443') else 'https'}://{text}"


def _no_address(source: str, start: int) -> TemplateProblem:
    rest = source[start:]
    if not rest.strip():
        return TemplateProblem("the URL is empty", 0, len(source), _SHAPE)
    if rest.startswith("/"):
        hint = f"write `https:{rest}`" if rest.startswith("//") else _SHAPE
        return TemplateProblem("the URL names no upstream", start, len(rest), hint)
    if rest.startswith("{"):
        return TemplateProblem("a placeholder cannot choose the upstream", start, len(rest), _with_name(rest))
    if _HOST.match(rest):
        return TemplateProblem("the URL has no scheme", start, len(rest), f"write `{with_scheme(rest)}`")
    if named := _NAMED.match(rest):
        return TemplateProblem("the path must start with `/`", start + named.end(), 1, _with_slash(rest, named))
    hint = _PLAIN_QUOTES if rest[0] in _TYPOGRAPHIC else _SHAPE
    return TemplateProblem("this is not a URL of a call", start, len(rest), hint)


def _with_name(rest: str) -> str:
    """Return how *rest* is written, a URL that begins with a name in braces, as templates of others have it."""
    if (named := _BRACED.fullmatch(rest)) is None:
        return _SHAPE
    path = _EXPRESSION.sub(r"{\1}", named[2])
    return f"write `{named[1]}:{path}`, where `{named[1]}` is an upstream"


def _with_slash(rest: str, named: re.Match[str]) -> str:
    name, behind = named[1], rest[named.end() :]
    if name.lower() in _PORTS:
        return f"write `{name}://{behind}`"
    if re.match(r"[0-9]+(?:/|$)", behind):
        return f"write `{name}:/{behind}`, or `http://{rest}` when `{name}` is a host"
    return f"write `{name}:/{behind}`"
