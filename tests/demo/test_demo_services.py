"""What each demo service answers: the data of a small company, and its ways to fail."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.demo.data import table
from aggregator.demo.messages import DemoError, Request
from aggregator.demo.services import analytics, lab

Ask = Callable[..., httpx.Response]


def test_a_user_is_shown(ask: Ask) -> None:
    """A user has the fields that people know from such services."""
    answer = ask("users", "/users/1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    user = answer.json()
    assert (user["id"], user["name"], user["address"]["city"]) == (1, "Leonie Hartmann", "Hamburg")


def test_an_unknown_record_is_404_and_names_a_known_one(ask: Ask) -> None:
    """A person who guesses an id is told one that exists."""
    answer = ask("shop", "/orders/1")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not_found",
        "message": "There is no order 1. There is one with id 1001.",
    }


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("/users?limit=2", [1, 2]),
        ("/users?offset=8", [9, 10]),
        ("/users?tier=platinum", [7]),
        ("/users?email=nobody@x.example", []),
    ],
)
def test_users_are_filtered_and_cut(ask: Ask, path: str, ids: list[int]) -> None:
    """Query parameters pick users and cut the list."""
    assert [user["id"] for user in ask("users", path).json()] == ids


@pytest.mark.parametrize("limit", ["x", "-1", "1.5", "1001", "", "９"])
def test_a_bad_number_is_400(ask: Ask, limit: str) -> None:
    """A limit that is no whole number in range is the client's mistake."""
    answer = ask("users", "/users", params={"limit": limit})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_parameter")


def test_a_user_is_created(ask: Ask) -> None:
    """Creating answers 201 with the next id and where it would be."""
    answer = ask("users", "/users", "POST", json={"email": "new@x.example", "id": 3})
    assert (answer.status_code, answer.headers["location"]) == (201, "/users/11")
    assert answer.json() == {"email": "new@x.example", "id": 11}


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b"{}", 422), (b'{"email": "nope"}', 422), (b"", 400)]
)
def test_a_bad_user_is_refused(ask: Ask, body: bytes, status: int) -> None:
    """A body that is no JSON object, or has no email address, is refused."""
    assert ask("users", "/users", "POST", content=body).status_code == status


def test_a_user_is_changed_and_deleted(ask: Ask) -> None:
    """PATCH merges, PUT replaces, DELETE says nothing; the id stays."""
    patched = ask("users", "/users/2", "PATCH", json={"tier": "platinum"}).json()
    assert (patched["id"], patched["tier"], patched["username"]) == (2, "platinum", "tferreira")
    assert ask("users", "/users/2", "PUT", json={"id": 9, "name": "T"}).json() == {"id": 2, "name": "T"}
    deleted = ask("users", "/users/2", "DELETE")
    assert (deleted.status_code, deleted.content) == (204, b"")


@pytest.mark.long
def test_posts_have_pages_and_comments(ask: Ask) -> None:
    """Posts are paged with a total, filtered by author, and commented on."""
    page = ask("posts", "/posts?_page=2&_limit=3")
    assert [post["id"] for post in page.json()] == [4, 5, 6]
    assert page.headers["x-total-count"] == "20"
    assert {post["userId"] for post in ask("posts", "/posts?userId=3").json()} == {3}
    assert [post["userId"] for post in ask("posts", "/users/10/posts").json()] == [10]
    assert ask("posts", "/posts/1").json()["title"] == "Why we test lenses in the rain"
    assert {comment["postId"] for comment in ask("posts", "/posts/2/comments").json()} == {2}
    assert ask("posts", "/posts", "POST", json={"title": "New"}).json() == {"title": "New", "id": 21}


def test_orders_belong_to_a_user_newest_first(ask: Ask) -> None:
    """A user's orders come newest first, cut by `limit` and picked by `status`."""
    orders = ask("shop", "/users/1/orders").json()
    assert {order["user_id"] for order in orders} == {1}
    placed = [order["placed_at"] for order in orders]
    assert placed == sorted(placed, reverse=True)
    assert ask("shop", "/users/1/orders?limit=5").json() == orders[:5]
    assert ask("shop", "/users/1/orders?status=lost").json() == []
    assert ask("shop", "/users/99/orders").status_code == 404


def test_every_order_adds_up() -> None:
    """The data makes sense: totals are sums, items are products, buyers exist."""
    prices = {product["sku"]: product["price"] for product in table("products")}
    users = {user["id"] for user in table("users")}
    for order in table("orders"):
        assert order["total"] == round(sum(item["price"] * item["quantity"] for item in order["items"]), 2)
        assert all(prices[item["sku"]] == item["price"] for item in order["items"])
        assert order["user_id"] in users


def test_products_come_one_by_one_by_category_or_in_a_batch(ask: Ask) -> None:
    """A batch keeps the asked order and leaves out unknown ones; pages have a total."""
    assert ask("shop", "/products/KEY-0101").json()["price"] == 129.9
    batch = ask("shop", "/products?ids=MOU-0201,NOPE,KEY-0101").json()
    assert [product["sku"] for product in batch] == ["MOU-0201", "KEY-0101"]
    mice = ask("shop", "/products?category=mice&size=1&page=2")
    assert [product["sku"] for product in mice.json()] == ["MOU-0202"]
    assert mice.headers["x-total-count"] == "2"
    assert ask("shop", "/products/MON-0302/stock").json() == {"sku": "MON-0302", "available": 0}


def test_notifications_are_counted(ask: Ask) -> None:
    """The count is the number of the notes."""
    notes = ask("shop", "/users/1/notifications").json()
    assert ask("shop", "/users/1/notifications/count").json() == {"count": len(notes)} == {"count": 3}


def test_a_cart_is_priced_and_filled(ask: Ask) -> None:
    """Putting something into the cart answers with the new total and keeps nothing."""
    before = ask("shop", "/cart/1").json()
    filled = ask("shop", "/cart/1/items", "POST", json={"sku": "CBL-0901", "quantity": 2})
    assert filled.status_code == 201
    assert filled.json()["total"] == round(before["total"] + 2 * 14.9, 2)
    assert ask("shop", "/cart/1").json() == before


def test_an_order_is_priced(ask: Ask) -> None:
    """Ordering answers 201 with the next id, the prices of the products and the total."""
    items = [{"sku": "KEY-0101", "quantity": 1}, {"sku": "CBL-0901"}]
    answer = ask("shop", "/orders", "POST", json={"user_id": 1, "items": items})
    assert answer.status_code == 201
    order = answer.json()
    assert (order["id"], order["total"]) == (1000 + len(table("orders")) + 1, 144.8)


@pytest.mark.parametrize(
    "order",
    [
        {"user_id": 99, "items": []},
        {"user_id": 1},
        {"user_id": 1, "items": [7]},
        {"user_id": 1, "items": [{"sku": "NOPE"}]},
        {"user_id": 1, "items": [{"sku": "KEY-0101", "quantity": 0}]},
        {"user_id": 1, "items": [{"sku": "KEY-0101", "quantity": "2"}]},
    ],
)
def test_a_bad_order_is_422(ask: Ask, order: dict[str, Any]) -> None:
    """Unknown users and products and silly quantities are refused."""
    assert ask("shop", "/orders", "POST", json=order).status_code == 422


def test_reviews_are_listed_and_averaged(ask: Ask) -> None:
    """Reviews come newest first; the rating is their average; no reviews have none."""
    reviews = ask("reviews", "/products/KEY-0101/reviews").json()
    written = [review["written_at"] for review in reviews]
    assert written == sorted(written, reverse=True)
    rating = ask("reviews", "/products/KEY-0101/rating").json()
    assert rating["count"] == len(reviews) == 3
    assert rating["average"] == round(sum(review["rating"] for review in reviews) / 3, 1)
    unrated = next(product["sku"] for product in table("products") if product["rating"] is None)
    assert ask("reviews", f"/products/{unrated}/rating").json() == {
        "sku": unrated,
        "average": None,
        "count": 0,
    }


def test_one_product_has_no_reviews_ever(ask: Ask) -> None:
    """There is a part that always fails, for files that show what then happens."""
    answer = ask("reviews", "/products/CHR-0701/reviews")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


def test_events_are_taken_and_listed(stage: Callable[..., Any]) -> None:
    """What was posted can be read back, picked by kind and forgotten."""

    async def scene(server: Any, client: httpx.AsyncClient) -> None:
        for event in ({"event": "signed_up", "user": 11}, {"event": "viewed"}):
            answer = await client.post("/analytics/events", json=event)
            assert answer.status_code == 202
        assert answer.json() == {"accepted": True, "id": 2}
        listed = await client.get("/analytics/events", params={"event": "signed_up"})
        assert listed.json() == {
            "count": 1,
            "events": [{"id": 1, "event": {"event": "signed_up", "user": 11}}],
        }
        assert (await client.delete("/analytics/events")).status_code == 204
        assert (await client.get("/analytics/events")).json() == {"count": 0, "events": []}

    stage(scene)


def test_events_are_bounded() -> None:
    """Analytics never remembers more than its bound."""
    service = analytics.Analytics()
    request = Request("POST", "/events", body=b"{}")
    for _ in range(analytics.MOST_EVENTS + 5):
        service.taken(request)
    assert len(service._events) == analytics.MOST_EVENTS


def test_stations_are_csv(ask: Ask) -> None:
    """The CSV has a header and a line for each station."""
    answer = ask("weather", "/stations.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert (len(rows), rows[0]["city"], rows[0]["station"]) == (10, "Hamburg", "EDDH")


def test_forecasts_are_json_and_xml(ask: Ask) -> None:
    """Both forms tell the same days."""
    forecast = ask("weather", "/forecast/Oslo?days=2").json()
    assert [day["date"] for day in forecast["days"]] == ["2026-11-02", "2026-11-03"]
    assert all(day["low"] < day["high"] for day in forecast["days"])
    answer = ask("weather", "/forecast/Buenos%20Aires/xml")
    assert answer.headers["content-type"] == "application/xml"
    root = ET.fromstring(answer.text)
    assert (root.tag, root.get("city"), len(root)) == ("forecast", "Buenos Aires", 3)


def test_quotes_and_rates(ask: Ask) -> None:
    """Quotes are JSON, rates are CSV."""
    quotes = ask("market", "/quotes").json()
    assert ask("market", "/quotes/LUMN").json() in quotes
    assert ask("market", "/rates.csv").text.splitlines()[:2] == ["currency,rate", "USD,1.0842"]


def test_the_ticker_sends_events_and_goes_on_where_it_stopped(ask: Ask) -> None:
    """The stream is server-sent events; a client that comes back names the last one it saw."""
    answer = ask("market", "/ticker?events=3&ms=1")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = answer.text.split("\n\n")[:-1]
    assert [event.splitlines()[0] for event in events] == ["id: 1", "id: 2", "id: 3"]
    assert events[0].splitlines()[1] == "event: price"
    later = ask("market", "/ticker?events=1", headers={"last-event-id": "2"})
    assert later.text == events[2] + "\n\n"


@pytest.mark.parametrize("code", [200, 201, 204, 301, 304, 404, 418, 500, 503, 599])
def test_any_status_on_demand(ask: Ask, code: int) -> None:
    """The lab answers with the status asked for, also ones without a body or a name."""
    answer = ask("lab", f"/status/{code}")
    assert answer.status_code == code
    assert bool(answer.content) == (code not in (204, 304))


@pytest.mark.parametrize("code", ["99", "600", "x", "2００"])
def test_an_impossible_status_is_400(ask: Ask, code: str) -> None:
    """A status that HTTP does not have is refused."""
    assert ask("lab", f"/status/{code}").status_code == 400


def test_flaky_depends_on_the_id_alone(ask: Ask) -> None:
    """Odd ids never work, even ones always do."""
    assert [ask("lab", f"/flaky/{number}").status_code for number in (1, 2, 3, 4, "x")] == [
        503,
        200,
        503,
        200,
        400,
    ]


def test_retry_fails_a_number_of_times(stage: Callable[..., Any]) -> None:
    """The first attempts with a key fail, the next one works, and then it begins again."""

    async def scene(server: Any, client: httpx.AsyncClient) -> list[int]:
        return [(await client.get("/lab/retry/a?failures=2")).status_code for _ in range(6)]

    assert stage(scene) == [503, 503, 200, 503, 503, 200]


def test_retry_remembers_a_bounded_number_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are never asked again do not pile up."""
    monkeypatch.setattr(lab, "_MOST_KEYS", 10)
    service = lab.Lab()
    for number in range(50):
        with pytest.raises(DemoError):
            service.retried(Request("GET", "/retry", params={"key": str(number)}))
    assert len(service._attempts) <= 11


def test_slow_waits_as_long_as_asked(stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The delay asked for is kept, whatever the latency of the server."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def scene(server: Any, client: httpx.AsyncClient) -> httpx.Response:
        monkeypatch.setattr("aggregator.demo.server.asyncio.sleep", sleep)
        return await client.get("/lab/slow?ms=1500")

    assert stage(scene).json() == {"waited_ms": 1500}
    assert waits == [1.5]


def test_echo_tells_what_it_got(ask: Ask) -> None:
    """The echo shows method, path, query, headers and a JSON body."""
    got = ask("lab", "/echo?a=1&b=", "PUT", json=[1], headers={"x-trace": "7"}).json()
    assert (got["method"], got["path"], got["query"], got["json"]) == (
        "PUT",
        "/lab/echo",
        {"a": "1", "b": ""},
        [1],
    )
    assert got["headers"]["x-trace"] == "7"


def test_echo_reads_forms_parts_and_text(ask: Ask) -> None:
    """Forms become names and values, multipart bodies become parts, the rest is text."""
    assert ask("lab", "/echo", "POST", data={"a": "1 2", "b": "ü"}).json()["form"] == {"a": "1 2", "b": "ü"}
    assert ask("lab", "/echo", "POST", content="hi").json()["text"] == "hi"
    assert "text" not in ask("lab", "/echo").json()
    files = {"photo": ("cat.png", b"\x89PNG\r\n", "image/png")}
    parts = ask("lab", "/echo", "POST", data={"title": "Cat"}, files=files).json()["parts"]
    assert [(part["name"], part["filename"], part["content_type"], part["size"]) for part in parts] == [
        ("title", None, "text/plain", 3),
        ("photo", "cat.png", "image/png", 6),
    ]
    assert parts[0]["text"] == "Cat"


def test_a_multipart_body_without_parts_is_400(ask: Ask) -> None:
    """A body that only claims to be multipart is refused."""
    assert ask("lab", "/echo", "POST", content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400


@pytest.mark.long
def test_downloads_of_any_size(ask: Ask) -> None:
    """A blob has the announced length; rows and lines are valid JSON of the asked number."""
    blob = ask("lab", "/blob?mb=2")
    assert (blob.headers["content-length"], len(blob.content)) == ("2097152", 2097152)
    rows = ask("lab", "/rows?count=1234")
    assert rows.headers["transfer-encoding"] == "chunked"
    assert [row["id"] for row in rows.json()] == list(range(1234))
    assert ask("lab", "/rows?count=0").json() == []
    assert ask("lab", "/lines?count=3&ms=1").text == '{"line":0}\n{"line":1}\n{"line":2}\n'


def test_gzip_and_redirect(ask: Ask) -> None:
    """One answer is zipped, one points elsewhere, and never out of the server."""
    zipped = ask("lab", "/gzip")
    assert (zipped.headers["content-encoding"], zipped.json()["zipped"]) == ("gzip", True)
    assert ask("lab", "/redirect?to=/users/users/1").headers["location"] == "/users/users/1"
    bad = [ask("lab", "/redirect", params={"to": to}).status_code for to in ("//evil", "x", "/a\r\nb: c")]
    assert bad == [400, 400, 400]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("json", ValueError),
        ("html", ValueError),
        ("gzip", httpx.DecodingError),
        ("truncated", httpx.RemoteProtocolError),
        ("reset", httpx.TransportError),
    ],
)
def test_broken_bodies(ask: Ask, how: str, error: type[Exception]) -> None:
    """Each fault is the one that its name says, as a client sees it."""
    with pytest.raises(error):
        ask("lab", f"/broken/{how}").json()


def test_an_unknown_fault_is_404(ask: Ask) -> None:
    """A fault that the lab does not know is told with those that it knows."""
    assert "truncated" in ask("lab", "/broken/heart").json()["message"]
