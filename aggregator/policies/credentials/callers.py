"""The caller's own credential, where it is passed on to an upstream: the one by which the caller was admitted."""

from __future__ import annotations

from aggregator.edge.cookies import read_cookies
from aggregator.exchange import Exchange
from aggregator.http import first
from aggregator.policies.credentials.plan import CallerPlace

Places = tuple[CallerPlace, ...]
"""Where the schemes of an endpoint have their credentials."""


def caller_line(places: Places, exchange: Exchange) -> bytes:
    """Return the header line with the credential of the caller; nothing for a caller without one.

    A header goes as it came, and a token in a cookie as a bearer token (RFC 6750 §2.1).
    """
    place = _place(places, exchange)
    if place is None:
        return b""
    if place.where == "cookie":
        token = _cookie(exchange, place.field)
        return b"" if token is None else b"authorization: Bearer %b\r\n" % token.encode("latin-1")
    name = place.field.encode("ascii")
    value = first(exchange.header_list, name)
    return b"" if value is None else b"%b: %b\r\n" % (name, value)


def caller_token(places: Places, exchange: Exchange) -> str | None:
    """Return the token of an issuer by which the caller was admitted, None for a caller without one."""
    place = _place(places, exchange)
    if place is None:
        return None
    if place.where == "cookie":
        return _cookie(exchange, place.field)
    word, _, token = (first(exchange.header_list, b"authorization") or b"").decode("latin-1").partition(" ")
    return token.strip(" ") if word.lower() == "bearer" else None


def _place(places: Places, exchange: Exchange) -> CallerPlace | None:
    caller = exchange.caller
    return None if caller is None else next((place for place in places if place.scheme == caller.scheme), None)


def _cookie(exchange: Exchange, name: str) -> str | None:
    lines = (value.decode("latin-1") for field, value in exchange.header_list if field == b"cookie")
    return read_cookies(lines).get(name)
