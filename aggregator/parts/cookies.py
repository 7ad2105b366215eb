"""The cookies of a request, read when somebody asks for one."""

from __future__ import annotations

from typing import Any

from aggregator.edge.cookies import read_cookies
from aggregator.exchange import Exchange
from aggregator.http import field_text


def cookies_of(exchange: Exchange) -> dict[str, Any]:
    """Return the cookies of *exchange* by name: declared ones typed, the others as text."""
    if exchange.cookies is None:
        exchange.cookies = dict(read_cookies(field_text(v) for name, v in exchange.header_list if name == b"cookie"))
    return exchange.cookies
