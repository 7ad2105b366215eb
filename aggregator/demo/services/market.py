"""Prices: quotes, exchange rates as CSV, and a ticker that never sleeps for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from zlib import crc32

from aggregator.demo.data import Record, one, table
from aggregator.demo.messages import Request, Response, cacheable, json_bytes
from aggregator.demo.routing import Route


class Market:
    """``demo://market``."""

    name = "market"
    latency = 0.035

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/quotes", self.quotes),
            Route("GET", "/quotes/{symbol}", self.quote),
            Route("GET", "/rates.csv", self.rates),
            Route("GET", "/ticker", self.ticker),
        )

    def quotes(self, request: Request) -> Response:
        """Answer with all quotes."""
        return cacheable(request, table("quotes"), 5)

    def quote(self, request: Request) -> Response:
        """Answer with one quote."""
        return cacheable(request, one("quotes", request, param="symbol", key="symbol"), 5)

    def rates(self, _request: Request) -> Response:
        """Answer with the exchange rates of one euro, as CSV with a header."""
        lines = ["currency,rate", *(f"{name},{rate}" for name, rate in table("rates").items())]
        return Response(200, ("\r\n".join(lines) + "\r\n").encode(), "text/csv; charset=utf-8")

    def ticker(self, request: Request) -> Response:
        """Server-sent events, one price each: ``?events=`` of them (20), ``?ms=`` apart (250)."""
        number = request.number("events", 20, most=100_000)
        pause = request.number("ms", 250, most=60_000) / 1000
        first = request.headers.get("last-event-id", "")
        start = int(first) + 1 if first.isascii() and first.isdigit() and len(first) < 10 else 1
        headers = (("cache-control", "no-cache"),)
        return Response(200, _events(start, number, pause), "text/event-stream; charset=utf-8", headers)


async def _events(start: int, number: int, pause: float) -> AsyncGenerator[bytes, None]:
    quotes = table("quotes")
    for event in range(start, start + number):
        if event > start:
            await asyncio.sleep(pause)
        yield b"id: %d\nevent: price\ndata: %b\n\n" % (
            event,
            json_bytes(_moved(quotes[event % len(quotes)], event)),
        )


def _moved(quote: Record, event: int) -> Record:
    """Return *quote* with a price up to one percent away, always the same for the same event."""
    change = crc32(b"%d" % event) % 201 / 10_000 - 0.01
    return {"symbol": quote["symbol"], "price": round(quote["price"] * (1 + change), 2), "currency": "EUR"}
