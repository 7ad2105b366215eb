"""What buyers think of products: the slow service, with one product that always fails."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.demo.data import one, table
from aggregator.demo.messages import DemoError, Request, Response, json_response
from aggregator.demo.routing import Route

BROKEN = "CHR-0701"
"""The product whose reviews are never available, for trying out what a failed part does."""


class Reviews:
    """``demo://reviews``."""

    name = "reviews"
    latency = 0.095

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("GET", "/products/{sku}/reviews", self.of_product),
            Route("GET", "/products/{sku}/rating", self.rating),
        )

    def of_product(self, request: Request) -> Response:
        """The reviews of one product, the newest first; ``?limit=`` cuts the list."""
        sku = self._available(request)
        found = [review for review in table("reviews") if review["sku"] == sku]
        found.sort(key=lambda review: str(review["written_at"]), reverse=True)
        return json_response(found[: request.number("limit", 100, most=1000)])

    def rating(self, request: Request) -> Response:
        """Answer with the average rating of one product, and the number of people who rated it."""
        sku = self._available(request)
        stars = [review["rating"] for review in table("reviews") if review["sku"] == sku]
        average = round(sum(stars) / len(stars), 1) if stars else None
        return json_response({"sku": sku, "average": average, "count": len(stars)})

    def _available(self, request: Request) -> str:
        sku = str(one("products", request, param="sku", key="sku")["sku"])
        if sku == BROKEN:
            raise DemoError(
                503, "unavailable", "The reviews of this product are being moved.", (("retry-after", "30"),)
            )
        return sku
