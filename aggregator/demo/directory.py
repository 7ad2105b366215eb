"""The services of the demo upstream by name, and where each lives; light enough for every check of a file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aggregator.errors import StartupError

SERVICES: Mapping[str, str] = MappingProxyType(
    {
        "users": "people: list, one, create, change",
        "posts": "articles and their comments",
        "shop": "products, orders, carts, notifications, and GraphQL",
        "reviews": "ratings by product; the slow one",
        "analytics": "takes events and lists what it took",
        "weather": "stations as CSV, forecasts as JSON and XML",
        "market": "quotes, rates, and a ticker of server-sent events",
        "lab": "any status, delay, size or fault on demand, and an echo",
    }
)
"""What each service of the demo upstream offers, by its name in ``demo://NAME``."""


def demo_target(service: str) -> str:
    """Return the path prefix under which the demo server answers for *service*: ``shop`` → ``/shop``.

    Raises ``StartupError`` for a service that does not exist.
    """
    if service not in SERVICES:
        raise StartupError(f"The demo upstream has no service {service!r}. It has: {', '.join(SERVICES)}.")
    return f"/{service}"
