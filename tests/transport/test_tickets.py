"""Tickets of calls, as the log of a program that fails may show them."""

from __future__ import annotations

from typing import Any

from aggregator.transport.engine.call import Ticket


def test_a_ticket_shows_nothing_of_its_request() -> None:
    """A ticket that ends up in a message names its method, and no field or target of its request."""
    places: Any = None
    request = b"GET /?key=hidden HTTP/1.1\r\nx-api-key: hidden\r\n\r\n"
    ticket = Ticket(places, places, b"GET", request, 0.0, 1.0, 0.0, 0.0, repeatable=True, done=None)
    assert repr(ticket) == "<Ticket GET>"
