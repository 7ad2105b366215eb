"""Whole answers of the demo services: what is chosen and cut, what is refused and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.demo.data import table
from tests.demo.conftest import answered, data_of


@pytest.mark.parametrize(
    ("url", "name", "most"),
    [
        ("/users/users", "offset", 1000),
        ("/users/users", "limit", 1000),
        ("/posts/posts", "_limit", 100),
        ("/posts/posts", "_page", 1000),
        ("/shop/products", "size", 100),
        ("/shop/products", "page", 1000),
        ("/shop/users/1/orders", "limit", 1000),
        ("/reviews/products/KEY-0101/reviews", "limit", 1000),
        ("/weather/forecast/Oslo", "days", 14),
        ("/market/ticker", "events", 100_000),
        ("/market/ticker", "ms", 60_000),
        ("/lab/retry/a", "failures", 100),
        ("/lab/blob", "mb", 10_000),
        ("/lab/rows", "count", 10_000_000),
        ("/lab/lines", "count", 10_000_000),
        ("/lab/lines", "ms", 60_000),
    ],
)
def test_numbers_are_bounded(url: str, name: str, most: int) -> None:
    """Up to the largest, which the refusal of a larger one says."""
    assert answered("GET", f"{url}?{name}={most}").status in (200, 503)
    refused = answered("GET", f"{url}?{name}={most + 1}")
    assert refused.status == 400
    assert data_of(refused) == {
        "error": "bad_parameter", "message": f"{name} must be a whole number from 0 to {most}.",
    }  # fmt: skip


def test_a_number_of_too_many_digits_is_none() -> None:
    """However large the bound is: nine digits are read, zeros in front among them."""
    assert answered("GET", "/lab/rows?count=000000001").status == 200
    assert answered("GET", "/lab/rows?count=0000000001").status == 400


@pytest.mark.parametrize(
    ("url", "seconds"), [("/lab/slow", 1.0), ("/lab/slow?ms=0", 0.0), ("/lab/slow?ms=60000", 60.0)]
)
def test_how_long_slow_waits(url: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second where nothing is said; a minute at most."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("aggregator.demo.server.asyncio.sleep", sleep)
    assert data_of(answered("GET", url)) == {"waited_ms": int(seconds * 1000)}
    assert waits == ([seconds] if seconds else [])
    assert answered("GET", "/lab/slow?ms=60001").status == 400


PRODUCTS = [product["sku"] for product in table("products")]
ORDERS = [order["id"] for order in table("orders") if order["user_id"] == 1][::-1]


@pytest.mark.parametrize(
    ("url", "key", "found"),
    [
        ("/users/users", "id", [*range(1, 11)]),
        ("/users/users?offset=3&limit=2", "id", [4, 5]),
        ("/users/users?limit=0", "id", []),
        ("/posts/posts", "id", [*range(1, 21)]),
        ("/posts/posts?_limit=3", "id", [1, 2, 3]),
        ("/posts/posts?_limit=3&_page=0", "id", [1, 2, 3]),
        ("/posts/posts?_limit=3&_page=2", "id", [4, 5, 6]),
        ("/shop/products", "sku", PRODUCTS),
        ("/shop/products?size=2", "sku", PRODUCTS[:2]),
        ("/shop/products?size=2&page=0", "sku", PRODUCTS[:2]),
        ("/shop/products?size=2&page=3", "sku", PRODUCTS[4:6]),
        ("/shop/users/1/orders", "id", ORDERS),
        ("/shop/users/1/orders?limit=1", "id", ORDERS[:1]),
        ("/shop/users/1/orders?limit=0", "id", []),
        ("/weather/forecast/Oslo?days=0", "date", []),
    ],
)  # fmt: skip
def test_lists_are_cut(url: str, key: str, found: list[Any]) -> None:
    """By number and place; without either they are whole."""
    data = data_of(answered("GET", url))
    assert [one[key] for one in (data["days"] if isinstance(data, dict) else data)] == found


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "error", "message"),
    [
        ("GET", "/nowhere", None, 404, "unknown_service", "There is no service here named 'nowhere'."),
        ("GET", "/users/a/b/c", None, 404, "not_found", "users has no resource at this path."),
        ("PUT", "/users/users", None, 405, "bad_method", "PUT is not supported here."),
        ("POST", "/users/users", b"{", 400, "bad_json", "The body must be JSON."),
        ("POST", "/users/users", [], 400, "bad_json", "The body must be a JSON object."),
        ("POST", "/users/users", {"email": 1}, 422, "bad_email", "A user needs an email address."),
        ("POST", "/users/users", {"email": "a"}, 422, "bad_email", "A user needs an email address."),
        ("DELETE", "/users/users/11", None, 404, "not_found", "There is no user 11. There is one with id 1."),
        ("POST", "/shop/orders", {}, 422, "unknown_user", "An order needs the user_id of a user."),
        ("POST", "/shop/orders", {"user_id": 1}, 422, "bad_items", "items must be a list of {sku, quantity}."),
        ("GET", "/lab/status/199", None, 400, "bad_status", "The status must be a number from 200 to 599."),
        ("GET", "/lab/status/600", None, 400, "bad_status", "The status must be a number from 200 to 599."),
        ("GET", "/lab/flaky/x", None, 400, "bad_id", "The id must be a number."),
        ("GET", "/lab/flaky/13", None, 503, "unavailable", "Number 13 never works."),
        ("GET", "/lab/retry/a", None, 503, "unavailable", "Attempt 1 fails."),
        ("GET", "/lab/redirect?to=a", None, 400, "bad_target", "to must be a path of this server."),
        ("GET", "/lab/broken/x", None, 404, "not_found", "The faults are json, html, gzip, truncated, reset."),
        ("GET", "/reviews/products/CHR-0701/rating", None, 503, "unavailable",
         "The reviews of this product are being moved."),
        ("GET", "/weather/forecast/Atlantis", None, 404, "not_found",
         "There is no station Atlantis. There is one with city Hamburg."),
    ],
)  # fmt: skip
def test_refusals_say_what_would_be_right(
    method: str, url: str, body: Any, status: int, error: str, message: str
) -> None:
    """Status, code and words."""
    refused = answered(method, url, body)
    assert (refused.status, data_of(refused)) == (status, {"error": error, "message": message})


@pytest.mark.parametrize("quantity", [0, 100, "1", None])
def test_silly_quantities_are_refused(quantity: Any) -> None:
    """From 1 to 99, in an order as in a cart."""
    item = {"sku": "KEY-0101", "quantity": quantity}
    said = {"error": "bad_item", "message": "Each item needs the sku of a product and a quantity from 1 to 99."}
    for url, body in (("/shop/orders", {"user_id": 1, "items": [item]}), ("/shop/cart/1/items", item)):
        refused = answered("POST", url, body)
        assert (refused.status, data_of(refused)) == (422, said)


@pytest.mark.parametrize(("quantity", "total"), [(1, 129.9), (99, 12860.1)])
def test_an_order_in_whole(quantity: int, total: float) -> None:
    """With the names and prices of its products, and where it would be."""
    answer = answered("POST", "/shop/orders", {"user_id": 1, "items": [{"sku": "KEY-0101", "quantity": quantity}]})
    number = 1001 + len(table("orders"))
    assert (answer.status, answer.headers) == (201, (("location", f"/orders/{number}"),))
    item = {"sku": "KEY-0101", "name": "Tactile keyboard, 75 %", "price": 129.9, "quantity": quantity}
    assert data_of(answer) == {"id": number, "user_id": 1, "currency": "EUR", "items": [item], "total": total}


def test_changes_answer_and_keep_nothing() -> None:
    """PUT replaces, PATCH adds, DELETE takes away; the id stays as it was, and so does the user."""
    user = data_of(answered("GET", "/users/users/2"))
    change = {"name": "N", "id": 9}
    assert data_of(answered("PUT", "/users/users/2", change)) == {"name": "N", "id": 2}
    assert data_of(answered("PATCH", "/users/users/2", change)) == user | {"name": "N"}
    assert (answered("DELETE", "/users/users/2").status, answered("DELETE", "/users/users/2").body) == (204, b"")
    assert data_of(answered("GET", "/users/users/2")) == user


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("/users/users/1", 60), ("/posts/posts/1", 300), ("/shop/products/KEY-0101", 60),
        ("/weather/forecast/Oslo", 600), ("/market/quotes", 5), ("/market/quotes/LUMN", 5),
    ],
)  # fmt: skip
def test_how_long_answers_may_be_kept(url: str, seconds: int) -> None:
    """Each kind as long as it is good."""
    assert dict(answered("GET", url).headers)["cache-control"] == f"public, max-age={seconds}"
