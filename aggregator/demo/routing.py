"""From a path to the handler of a service: ``/shop/orders/7`` → the shop's ``/orders/{id}`` with id 7."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import unquote
from zlib import crc32

from msgspec import Struct

from aggregator.demo.messages import DemoError, Request, Response

Handler = Callable[[Request], Response]
ANY = "*"


class Route(Struct, frozen=True):
    """*method* (or ``*``) and *pattern* of one resource, and what answers it. The first match wins."""

    method: str
    pattern: str
    handler: Handler


class Service(Protocol):
    """A small API: its *name* is the first path segment, its *latency* in seconds is its usual delay."""

    name: str
    latency: float

    def routes(self) -> Iterable[Route]:
        """Return the routes, the more particular ones first."""
        ...


class Router:
    """Finds the handler of a request among the routes of all services."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services = {service.name: (service.latency, _split(service.routes())) for service in services}

    def find(self, request: Request) -> tuple[Handler, float]:
        """Return the handler of *request* and its delay in seconds, and fill ``request.params``.

        Raises ``DemoError``: 404 for an unknown path, 405 for an unknown method.
        """
        service, *segments = [unquote(part) for part in request.path.split("/")[1:]]
        if service not in self.services:
            raise DemoError(404, "unknown_service", f"There is no service here named {service!r}.")
        latency, routes = self.services[service]
        method = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for pattern, route in routes:
            params = _match(pattern, segments)
            if params is None:
                continue
            if route.method in (method, ANY):
                request.params = params
                return route.handler, _varied(latency, request.path)
            allowed.append(route.method)
        if allowed:
            allow = ", ".join(sorted({*allowed, "HEAD"} if "GET" in allowed else set(allowed)))
            raise DemoError(405, "bad_method", f"{method} is not supported here.", (("allow", allow),))
        raise DemoError(404, "not_found", f"{service} has no resource at this path.")


def _split(routes: Iterable[Route]) -> list[tuple[list[str], Route]]:
    return [(route.pattern.split("/")[1:], route) for route in routes]


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    params = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            params[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return params


def _varied(latency: float, path: str) -> float:
    """Return *latency* changed by up to a quarter, always the same for the same path."""
    return latency * (0.75 + crc32(path.encode()) % 512 / 1024)
