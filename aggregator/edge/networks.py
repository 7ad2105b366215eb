"""Addresses and networks: ``10.0.0.0/8``, ``2001:db8::/32``, ``unix:`` for peers on a Unix socket."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

Address = IPv4Address | IPv6Address
UNIX = "unix:"
_PRIVATE_BITS = 64
"""A network of this many bits is one household or machine in IPv6 (RFC 6177): its hosts count as one client."""


class Networks(Struct, frozen=True):
    """Some networks, compiled. *has_unix* tells whether peers on a Unix socket belong to them."""

    members: tuple[IPv4Network | IPv6Network, ...] = ()
    has_unix: bool = False

    def holds(self, address: str) -> bool:
        """Return whether *address* belongs to one of the networks; an empty one is that of a peer on a Unix socket."""
        return self.has_unix if not address else _holds(self.members, address)


NO_NETWORKS = Networks()
"""Networks to which no address belongs."""


@lru_cache(maxsize=4096)  # few peers send most requests: proxies, and clients that keep their connection
def _holds(members: tuple[IPv4Network | IPv6Network, ...], text: str) -> bool:
    address = parse_address(text)
    return address is not None and any(address.version == one.version and address in one for one in members)


def parse_networks(texts: Iterable[str]) -> Networks:
    """Return the networks that *texts* name; raises ``ValueError`` with the first that names none.

    An address is a network of its own. Bits behind the mask are refused: ``10.0.0.1/8`` is a slip of somebody who
    meant another network. The error does not say the text, which may be the value of a variable.
    """
    members: list[IPv4Network | IPv6Network] = []
    has_unix = False
    for text in texts:
        if text == UNIX:
            has_unix = True
            continue
        members.append(_network(text))
    return Networks(tuple(members), has_unix)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("this is neither an address nor a network") from None
    if "/" in text and ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError("this network has host bits set")
    return network


def parse_address(text: str) -> Address | None:
    """Return *text* as an address, without its zone; None when it is none. ``::ffff:10.0.0.1`` is ``10.0.0.1``."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_loopback(host: str) -> bool:
    """Return whether *host*, a name or an address, is this machine whatever the network is."""
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback


def plain_address(text: str) -> str:
    """Return *text*, the address of a peer, as IPv4 where it is mapped to IPv6 (RFC 4291 §2.5.5.2).

    A listener of both families sees clients of the older one so.
    """
    return str(parse_address(text) or text) if text.startswith("::ffff:") else text


@lru_cache(maxsize=4096)
def client_key(text: str) -> str:
    """Return the text under which the client at *text* is counted: the address, or the /64 network of an IPv6 one."""
    if ":" not in text:
        return text
    address = parse_address(text)
    if not isinstance(address, IPv6Address):
        return text if address is None else str(address)
    return str(IPv6Address(int(address) >> _PRIVATE_BITS << _PRIVATE_BITS)) + "/64"
