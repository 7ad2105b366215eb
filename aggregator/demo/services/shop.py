"""A web shop: products, orders, carts, notifications, and the same data as GraphQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aggregator.demo.data import Record, index, one, table
from aggregator.demo.graphql import execute
from aggregator.demo.messages import DemoError, Request, Response, cacheable, json_response
from aggregator.demo.routing import Route


class Shop:
    """``demo://shop``."""

    name = "shop"
    latency = 0.07

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/products", self.products),
            Route("GET", "/products/{sku}", self.product),
            Route("GET", "/products/{sku}/stock", self.stock),
            Route("GET", "/orders/{id}", self.order),
            Route("POST", "/orders", self.ordered),
            Route("GET", "/users/{id}/orders", self.orders),
            Route("GET", "/users/{id}/notifications", self.notifications),
            Route("GET", "/users/{id}/notifications/count", self.notification_count),
            Route("GET", "/cart/{id}", self.cart),
            Route("POST", "/cart/{id}/items", self.put_in_cart),
            Route("POST", "/graphql", self.graphql),
        )

    def products(self, request: Request) -> Response:
        """Answer with all products, those of ``?category=``, or the known ones of ``?ids=A,B`` in that order.

        ``?page=`` (from 1) and ``?size=`` cut the list.
        """
        products: list[Record] = table("products")
        if "ids" in request.query:
            known = index("products", "sku")
            products = [known[sku] for sku in request.query["ids"].split(",") if sku in known]
        if "category" in request.query:
            products = [item for item in products if item["category"] == request.query["category"]]
        size = request.number("size", 100, most=100)
        first = max(request.number("page", 1, most=1000) - 1, 0) * size
        return json_response(products[first : first + size], headers=(("x-total-count", str(len(products))),))

    def product(self, request: Request) -> Response:
        """Answer with one product."""
        return cacheable(request, one("products", request, param="sku", key="sku"), 60)

    def stock(self, request: Request) -> Response:
        """Answer with the stock of one product."""
        product = one("products", request, param="sku", key="sku")
        return json_response({"sku": product["sku"], "available": product["stock"]})

    def order(self, request: Request) -> Response:
        """Answer with one order and its items."""
        return json_response(one("orders", request))

    def ordered(self, request: Request) -> Response:
        """The priced order for ``{user_id, items: [{sku, quantity}]}``; nothing is kept."""
        wanted = request.document()
        if str(wanted.get("user_id")) not in index("users"):
            raise DemoError(422, "unknown_user", "An order needs the user_id of a user.")
        lines = _lines(wanted.get("items"))
        order = {
            "id": max(int(key) for key in index("orders")) + 1,
            "user_id": wanted["user_id"],
            **_priced(lines),
        }
        return json_response(order, 201, (("location", f"/orders/{order['id']}"),))

    def orders(self, request: Request) -> Response:
        """The orders of one user, the newest first; ``?limit=`` and ``?status=`` cut the list."""
        user = one("users", request)
        orders = [order for order in reversed(table("orders")) if order["user_id"] == user["id"]]
        if "status" in request.query:
            orders = [order for order in orders if order["status"] == request.query["status"]]
        return json_response(orders[: request.number("limit", 100, most=1000)])

    def notifications(self, request: Request) -> Response:
        """Answer with the unread notifications of one user."""
        return json_response(_unread(one("users", request)))

    def notification_count(self, request: Request) -> Response:
        """Answer with the number of unread notifications of one user."""
        return json_response({"count": len(_unread(one("users", request)))})

    def cart(self, request: Request) -> Response:
        """Answer with the cart of one user, with prices."""
        user = one("users", request)
        return json_response({"user_id": user["id"], **_priced(_lines(table("carts")[str(user["id"])]))})

    def put_in_cart(self, request: Request) -> Response:
        """The cart with ``{sku, quantity}`` added; nothing is kept."""
        user = one("users", request)
        lines = _lines([*table("carts")[str(user["id"])], request.document()])
        return json_response({"user_id": user["id"], **_priced(lines)}, 201)

    def graphql(self, request: Request) -> Response:
        """The answer to a GraphQL query for ``product``, ``products``, ``order`` or ``user``."""
        asked = request.document()
        return json_response(execute(asked.get("query"), asked.get("variables")))


def _unread(user: Record) -> list[Record]:
    return [note for note in table("notifications") if note["user_id"] == user["id"]]


def _lines(items: Any) -> list[Record]:
    """Return order lines for what a client sent; 422 names the first wrong one."""
    if not isinstance(items, list):
        raise DemoError(422, "bad_items", "items must be a list of {sku, quantity}.")
    known = index("products", "sku")
    lines = []
    for item in items:
        product = known.get(str(item.get("sku"))) if isinstance(item, dict) else None
        quantity = item.get("quantity", 1) if isinstance(item, dict) else 0
        if product is None or not isinstance(quantity, int) or not 0 < quantity < 100:
            raise DemoError(422, "bad_item", "Each item needs the sku of a product and a quantity from 1 to 99.")
        lines.append({"sku": product["sku"], "name": product["name"], "price": product["price"], "quantity": quantity})
    return lines


def _priced(lines: list[Record]) -> Record:
    total = round(sum(line["price"] * line["quantity"] for line in lines), 2)
    return {"currency": "EUR", "items": lines, "total": total}
