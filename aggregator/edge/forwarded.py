"""Who the client is behind proxies: ``Forwarded`` (RFC 7239) and ``X-Forwarded-*``, believed only from trusted peers.

Each proxy appends the address that it was called from. So the list is walked from its right end: an address that is
trusted is a proxy of ours, which makes the one before it credible; the first that is not trusted is the client.
Whatever stands further left was written by that client and is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from aggregator.edge.networks import Networks, parse_address

_MOST_HOPS = 64
_PAIR = re.compile(r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")\s*""")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::(\d{1,5}))?")
_SCHEMES = frozenset({"http", "https"})


class Hop(Struct, frozen=True):
    """One proxy's account of a request: from whom it came (*client*), by which *scheme*, for which *host*."""

    client: str
    scheme: str = ""
    host: str = ""


class Origin(Struct, frozen=True):
    """The client and how it asked: its address (empty for one that is unknown), *scheme*, *host* and *port*.

    *is_forwarded* tells whether a trusted proxy said so.
    """

    client: str
    scheme: str
    host: str
    port: int
    is_forwarded: bool = False

    def is_named(self, origin: bytes) -> bool:
        """Return whether *origin*, a value of ``Origin`` (RFC 6454 §7), has this scheme, host and port."""
        scheme, _, host = origin.decode("latin-1").partition("://")
        named = _origin("", scheme.lower(), host, is_forwarded=False)
        return self.host != "" and (named.scheme, named.host, named.port) == (self.scheme, self.host, self.port)


def origin_of(peer: str, scheme: str, host: str, headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> Origin:
    """Return who asked.

    *peer* is the address of the connection (empty on a Unix socket), *scheme* and *host* are its own, *headers* those
    of the request with names in lower case. Without a word of a trusted proxy it is the peer itself.
    """
    if not trusted.holds(peer):
        return _origin(peer, scheme, host, is_forwarded=False)
    hops = list(_credible(headers, trusted))
    if not hops:
        return _origin(peer, scheme, host, is_forwarded=False)
    return _origin(hops[-1].client, hops[-1].scheme or scheme, hops[-1].host or host, is_forwarded=True)


def chain_of(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> list[str]:
    """Return the addresses that a request came by, the client first; empty for a peer on a Unix socket alone.

    What stood left of the client, and what others than trusted proxies said, is not among them.
    """
    credible = [hop.client for hop in _credible(headers, trusted)] if trusted.holds(peer) else []
    return [*reversed(credible), *((peer,) if peer else ())]


def _credible(headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> Iterator[Hop]:
    """Yield what trusted proxies said, the nearest first, the client last."""
    for hop in _hops(headers):
        if parse_address(hop.client) is None:
            return  # what is no address ends the search: the client is the hop that sent it
        yield hop
        if not trusted.holds(hop.client):
            return


def _origin(client: str, scheme: str, host: str, *, is_forwarded: bool) -> Origin:
    match = _HOST.fullmatch(host)
    name, port = (match[1], match[2]) if match else ("", None)
    return Origin(client, scheme, name.lower(), int(port) if port else (443 if scheme == "https" else 80), is_forwarded)


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[Hop]:
    """Yield what proxies said, the nearest first. ``Forwarded`` wins over ``X-Forwarded-*`` where both are there."""
    found: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name == b"forwarded" or name.startswith(b"x-forwarded-"):
            found.setdefault(name, []).append(value.decode("latin-1"))
    if b"forwarded" in found:
        yield from forwarded_hops(",".join(found[b"forwarded"]))
        return
    addresses = _listed(found.get(b"x-forwarded-for", ()))
    schemes, hosts = _listed(found.get(b"x-forwarded-proto", ())), _listed(found.get(b"x-forwarded-host", ()))
    for number, address in enumerate(addresses):
        scheme, host = _aligned(schemes, number).lower(), _aligned(hosts, number)
        yield Hop(bare_address(address), scheme if scheme in _SCHEMES else "", host if _HOST.fullmatch(host) else "")


def _listed(lines: Sequence[str]) -> list[str]:
    """Return the members of a header in list form, the last first, as many as are looked at."""
    return [member.strip() for member in ",".join(lines).split(",")[: -_MOST_HOPS - 1 : -1]] if lines else []


def _aligned(members: Sequence[str], number: int) -> str:
    """Return what belongs to the hop *number*; a list that is shorter was begun by the proxy of its first member."""
    return members[min(number, len(members) - 1)] if members else ""


def forwarded_hops(text: str) -> Iterator[Hop]:
    """Yield the elements of a ``Forwarded`` header (RFC 7239 §4), the last first; one that is broken ends them."""
    elements: list[Hop | None] = []
    position = 0
    while position <= len(text):
        pairs: dict[str, str] = {}
        end = position
        while (match := _PAIR.match(text, end)) is not None:
            name = match[1].lower()
            value = match[2] if match[2] is not None else re.sub(r"\\(.)", r"\1", match[3])
            if name in pairs:
                break
            pairs[name] = value
            end = match.end()
            if text[end : end + 1] != ";":
                break
            end += 1
        is_whole = end == len(text) or text[end] == ","
        elements.append(_element(pairs) if is_whole else None)
        comma = text.find(",", end)
        position = len(text) + 1 if comma < 0 else comma + 1
    for hop in reversed(elements[-_MOST_HOPS:]):
        if hop is None:
            return
        yield hop


def _element(pairs: dict[str, str]) -> Hop:
    scheme, host = pairs.get("proto", "").lower(), pairs.get("host", "")
    client = bare_address(pairs.get("for", ""))
    return Hop(client, scheme if scheme in _SCHEMES else "", host if _HOST.fullmatch(host) else "")


def bare_address(text: str) -> str:
    """Return the address in *text*, a node of RFC 7239 §6 or what proxies write, without brackets and port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def forwarded_element(client: str, scheme: str, host: str) -> str:
    """Return an element of ``Forwarded`` that says: from *client* (empty: unknown), by *scheme*, for *host*."""
    node = f'"[{client}]"' if ":" in client else client or "unknown"
    named = (
        host if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", host) else '"' + re.sub(r'(["\\])', r"\\\1", host) + '"'
    )
    return f"for={node};proto={scheme};host={named}"
