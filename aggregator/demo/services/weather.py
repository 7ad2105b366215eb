"""Weather stations as CSV, forecasts as JSON and XML: the old-fashioned partner."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, timedelta
from html import escape
from zlib import crc32

from aggregator.demo.data import Record, one, table
from aggregator.demo.messages import Request, Response, cacheable
from aggregator.demo.routing import Route

FIRST_DAY = date(2026, 11, 2)
"""The forecasts begin on this day, always."""


class Weather:
    """``demo://weather``."""

    name = "weather"
    latency = 0.06

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/stations.csv", self.stations),
            Route("GET", "/forecast/{city}", self.forecast),
            Route("GET", "/forecast/{city}/xml", self.forecast_xml),
        )

    def stations(self, _request: Request) -> Response:
        """Every station, one a line, as CSV with a header (RFC 4180)."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(table("stations")[0]))
        writer.writeheader()
        writer.writerows(table("stations"))
        return Response(200, text.getvalue().encode(), "text/csv; charset=utf-8")

    def forecast(self, request: Request) -> Response:
        """The next ``?days=`` (3) in one city."""
        station = one("stations", request, param="city", key="city")
        return cacheable(request, {"city": station["city"], "days": _days(station, request)}, 600)

    def forecast_xml(self, request: Request) -> Response:
        """The same as XML."""
        station = one("stations", request, param="city", key="city")
        days = "".join(
            f'<day date="{day["date"]}"><high unit="C">{day["high"]}</high><low unit="C">{day["low"]}</low>'
            f"<sky>{escape(day['sky'])}</sky></day>"
            for day in _days(station, request)
        )
        text = f'<forecast city="{escape(station["city"])}">{days}</forecast>'
        return Response(200, b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode(), "application/xml")


def _days(station: Record, request: Request) -> list[Record]:
    """Return made-up days around the station's usual temperature, the same at every request."""
    days = []
    for number in range(request.number("days", 3, most=14)):
        chance = crc32(f"{station['city']}{number}".encode())
        high = round(station["base_celsius"] + chance % 70 / 10 - 2, 1)
        rain = (chance >> 8) % 100 < station["rain_percent"]
        days.append(
            {
                "date": (FIRST_DAY + timedelta(days=number)).isoformat(),
                "high": high,
                "low": round(high - 4 - (chance >> 16) % 40 / 10, 1),
                "sky": "rain" if rain else ("clear", "cloudy")[chance >> 24 & 1],
            }
        )
    return days
