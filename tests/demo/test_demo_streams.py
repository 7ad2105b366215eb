"""What the demo services send piece by piece, on demand, and the same each time."""

from __future__ import annotations

import json

import pytest

from aggregator.demo.data import table
from aggregator.demo.server import DemoServer
from tests.demo.conftest import answered, data_of, whole


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1001])
def test_rows_of_any_number(count: int) -> None:
    """An array of as many objects, whole and in order."""
    assert json.loads(whole(answered("GET", f"/lab/rows?count={count}"))) == [
        {"id": row, "name": f"row {row}"} for row in range(count)
    ]


@pytest.mark.parametrize(
    ("url", "lines", "pauses"),
    [
        ("/lab/lines", [*range(10)], []),
        ("/lab/lines?count=3&ms=20", [0, 1, 2], [0.02, 0.02]),
        ("/lab/lines?count=1&ms=20", [0], []),
    ],
)  # fmt: skip
def test_lines_are_as_far_apart_as_was_asked(
    url: str, lines: list[int], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pause before each but the first."""
    waits = slept(monkeypatch, "lab")
    found = [json.loads(line)["line"] for line in whole(answered("GET", url)).splitlines()]
    assert (found, waits) == (lines, pauses)


def slept(monkeypatch: pytest.MonkeyPatch, service: str) -> list[float]:
    """Return a list of the seconds that *service* sleeps from now on."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(f"aggregator.demo.services.{service}.asyncio.sleep", sleep)
    return waits


@pytest.mark.parametrize(
    ("url", "after", "ids", "pauses"),
    [
        ("/market/ticker", "", [*range(1, 21)], [0.25] * 19),
        ("/market/ticker?events=2&ms=10", "7", [8, 9], [0.01]),
        ("/market/ticker?events=1", "x", [1], []),
        ("/market/ticker?events=1", "999999999", [1_000_000_000], []),
        ("/market/ticker?events=1", "9999999999", [1], []),
    ],
)
def test_the_ticker(url: str, after: str, ids: list[int], pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on behind the event that a client has seen; what is no number of one is passed over."""
    waits = slept(monkeypatch, "market")
    answer = answered("GET", url, last_event_id=after)
    events = [event.split("\n") for event in whole(answer).decode().split("\n\n")[:-1]]
    assert answer.headers == (("cache-control", "no-cache"),)
    assert [(event[0], event[1]) for event in events] == [(f"id: {number}", "event: price") for number in ids]
    assert waits == pauses


def test_prices_of_the_ticker_move_a_little() -> None:
    """By one percent at most, up and down; an event has the same price each time."""
    quotes = {quote["symbol"]: quote["price"] for quote in table("quotes")}
    answer = answered("GET", "/market/ticker?events=400&ms=0")
    told = [json.loads(line[6:]) for line in whole(answer).decode().splitlines() if line.startswith("data: ")]
    changes = [one["price"] / quotes[one["symbol"]] - 1 for one in told]
    assert min(changes) == pytest.approx(-0.01, abs=0.001)
    assert max(changes) == pytest.approx(0.01, abs=0.001)
    assert told[:2] == [
        {"symbol": "LUMN", "price": 17.42, "currency": "EUR"}, {"symbol": "DOCK", "price": 103.42, "currency": "EUR"},
    ]  # fmt: skip


def test_the_weather_is_the_same_each_day() -> None:
    """For three days unless more are asked for, as JSON and as XML."""
    days = data_of(answered("GET", "/weather/forecast/Hamburg"))["days"]
    assert days == [
        {"date": "2026-11-02", "high": 13.0, "low": 7.2, "sky": "clear"},
        {"date": "2026-11-03", "high": 9.6, "low": 2.7, "sky": "cloudy"},
        {"date": "2026-11-04", "high": 15.6, "low": 11.2, "sky": "rain"},
    ]
    assert whole(answered("GET", "/weather/forecast/Hamburg/xml?days=1")).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?><forecast city="Hamburg"><day date="2026-11-02"><high unit="C">13.0</high>'
        '<low unit="C">7.2</low><sky>clear</sky></day></forecast>'
    )


@pytest.mark.parametrize(("url", "size"), [("/lab/blob", 2**20), ("/lab/blob?mb=0", 0), ("/lab/blob?mb=3", 3 * 2**20)])
def test_the_size_of_a_blob(url: str, size: int) -> None:
    """It is announced, and comes."""
    answer = answered("GET", url)
    assert (answer.length, len(whole(answer))) == (size, size)


def test_a_retry_counts_each_key_apart() -> None:
    """One failure unless more are asked for; what has worked begins anew."""
    server = DemoServer(0)
    statuses = [answered("GET", f"/lab/retry/{key}", server=server).status for key in "abababa"]
    assert statuses == [503, 503, 200, 200, 503, 503, 200]
    assert data_of(answered("GET", "/lab/retry/c?failures=0", server=server)) == {"key": "c", "attempts": 1}
    assert answered("GET", "/lab/retry/d", server=server).headers == (("retry-after", "0"),)


@pytest.mark.parametrize(("url", "to"), [("/lab/redirect", "/lab/echo"), ("/lab/redirect?to=/a", "/a")])
def test_where_a_redirect_leads(url: str, to: str) -> None:
    """With 302."""
    answer = answered("GET", url)
    assert (answer.status, answer.headers) == (302, (("location", to),))


def test_what_is_zipped() -> None:
    """Small, since it repeats itself."""
    answer = answered("GET", "/lab/gzip")
    assert answer.headers == (("content-encoding", "gzip"), ("vary", "accept-encoding"))
    assert len(whole(answer)) < 100


@pytest.mark.parametrize(
    ("how", "length"), [("json", None), ("html", None), ("gzip", None), ("truncated", 110), ("reset", 110)]
)
def test_what_a_broken_body_announces(how: str, length: int | None) -> None:
    """More than comes, where it is cut off."""
    assert answered("GET", f"/lab/broken/{how}").length == length


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/market/rates.csv", "text/csv; charset=utf-8"),
        ("/market/ticker", "text/event-stream; charset=utf-8"),
        ("/weather/stations.csv", "text/csv; charset=utf-8"),
        ("/weather/forecast/Oslo/xml", "application/xml"),
        ("/lab/blob", "application/octet-stream"),
        ("/lab/rows", "application/json"),
        ("/lab/lines", "application/x-ndjson"),
        ("/lab/gzip", "application/json"),
        ("/lab/broken/json", "application/json"),
        ("/lab/broken/truncated", "application/json"),
        ("/lab/broken/reset", "application/json"),
        ("/shop/cart/1", "application/json"),
    ],
)
def test_the_status_and_the_type_of_a_body(url: str, kind: str) -> None:
    """All is well, as far as the head of an answer can tell."""
    answer = answered("GET", url)
    assert (answer.status, answer.content_type) == (200, kind)
