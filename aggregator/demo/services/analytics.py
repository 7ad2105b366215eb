"""Takes events and lists what it took: the place to see that a side effect arrived."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from aggregator.demo.data import Record
from aggregator.demo.messages import Request, Response, json_response
from aggregator.demo.routing import Route

MOST_EVENTS = 1000


class Analytics:
    """``demo://analytics``; remembers the last thousand events while the server lives."""

    name = "analytics"
    latency = 0.03

    def __init__(self) -> None:
        self._events: deque[Record] = deque(maxlen=MOST_EVENTS)
        self._taken = 0

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        return (
            Route("POST", "/events", self.taken),
            Route("GET", "/events", self.listed),
            Route("DELETE", "/events", self.forgotten),
        )

    def taken(self, request: Request) -> Response:
        """The number given to the event, which is any JSON object."""
        event = request.document()
        self._taken += 1
        self._events.append({"id": self._taken, "event": event})
        return json_response({"accepted": True, "id": self._taken}, 202)

    def listed(self, request: Request) -> Response:
        """The events taken, the oldest first; ``?event=`` picks those whose ``event`` says so."""
        wanted = request.query.get("event")
        events = [item for item in self._events if wanted is None or item["event"].get("event") == wanted]
        return json_response({"count": len(events), "events": events})

    def forgotten(self, _request: Request) -> Response:
        """Nothing; the list is empty again."""
        self._events.clear()
        return Response(204)
