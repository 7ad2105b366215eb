"""What of a client's request goes upstream without being named, and how an upstream is told who the client is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from aggregator.edge.forwarded import Origin, chain_of, forwarded_element
from aggregator.exchange import Exchange
from aggregator.http import HeaderList

Lines = Callable[[Exchange], list[bytes]]
_USUAL = {"http": 80, "https": 443}


def rest_of(headers: HeaderList, withheld: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the fields of a request but those *withheld*, and those that its connection names (RFC 9110 §7.6.1)."""
    nominated = frozenset(
        token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")
    )
    for name, value in headers:
        if name not in withheld and name not in nominated:
            yield name, value


def client_lines(form: Literal["no", "x-forwarded", "forwarded"]) -> Lines | None:
    """Return what writes the header lines that tell of the client in *form*; None for none."""
    return {"no": None, "x-forwarded": _x_forwarded, "forwarded": _forwarded}[form]


def _x_forwarded(exchange: Exchange) -> list[bytes]:
    chain = chain_of(exchange.peer, exchange.header_list, exchange.trusted)
    origin = exchange.origin
    lines = [f"x-forwarded-for: {', '.join(chain)}\r\n"] if chain else []
    lines.append(f"x-forwarded-proto: {origin.scheme}\r\n")
    if origin.host:
        lines.append(f"x-forwarded-host: {_authority(origin)}\r\n")
    return [line.encode("latin-1") for line in lines]


def _forwarded(exchange: Exchange) -> list[bytes]:
    chain, origin = chain_of(exchange.peer, exchange.header_list, exchange.trusted) or [""], exchange.origin
    first = forwarded_element(chain[0], origin.scheme, _authority(origin))
    rest = (f'for="[{hop}]"' if ":" in hop else f"for={hop}" for hop in chain[1:])
    return [f"forwarded: {', '.join((first, *rest))}\r\n".encode("latin-1")]


def _authority(origin: Origin) -> str:
    """Return host and port as a client writes them."""
    return origin.host if origin.port == _USUAL.get(origin.scheme) else f"{origin.host}:{origin.port}"
