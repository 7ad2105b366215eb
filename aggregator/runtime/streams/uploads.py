"""What the request of a client to a streaming endpoint says of its body, and of the coding that it takes."""

from __future__ import annotations

from aggregator.exchange import Exchange
from aggregator.http import joined
from aggregator.transport import accept_encoding

_CODINGS = b"accept-encoding: " + accept_encoding() + b"\r\n"


def asking_coding(headers: bytes, exchange: Exchange) -> bytes:
    """Return the header block *headers*, which asks for what the client of *exchange* understands."""
    return headers.replace(_CODINGS, b"accept-encoding: %b\r\n" % _coding_for(exchange))


def _coding_for(exchange: Exchange) -> bytes:
    """Return the content coding to ask for: the body is not decoded on its way, so the client has to understand it."""
    sent = joined(exchange.header_list, b"accept-encoding") or b""
    for token in sent.lower().split(b","):
        coding, _, weight = token.replace(b" ", b"").partition(b";")
        if coding == b"gzip" and weight.rstrip(b"0.") != b"q=":
            return b"gzip"
    return b"identity"


def announces_body(exchange: Exchange, version: str) -> bool:
    """Return whether a body comes with the request; in HTTP/1 its framing says so (RFC 9112 §6.3)."""
    if not version.startswith("1"):
        return True
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in exchange.header_list)


def length_of(exchange: Exchange) -> bytes:
    """Return the header line with the length of the body, if the client said it; otherwise it goes up in chunks."""
    names = dict(exchange.header_list)
    if b"transfer-encoding" in names or b"content-length" not in names:
        return b""
    return b"content-length: " + names[b"content-length"] + b"\r\n"
