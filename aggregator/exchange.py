"""What travels through the runtime: the client's request as calls see it.

Built for each request by its handler; read by expressions, calls, assembly, logs and background calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from msgspec import Struct

from aggregator.causes import State as State
from aggregator.edge.forwarded import Origin, origin_of
from aggregator.edge.networks import NO_NETWORKS, Networks
from aggregator.http import HeaderList, first, header_map

MOST_FIELDS = 1000
"""Query parameters that one request may have."""


class Delivery(Protocol):
    """A signed delivery of a webhook, as what answers it sees it."""

    def begin(self) -> Literal["first", "under way", "answered"]:
        """Return whether it is to be answered now: it is under way from then on if it is the first of its kind."""

    def end(self, *, well: bool) -> None:
        """End the delivery; one that was answered *well* counts as repeated when it comes again."""


class Exchange(Struct, eq=False):
    """One inbound request: what the client sent, and when the answer is due (*deadline*, loop time).

    *sent_path* is the path as it was sent, percent-encoded; empty where *path* is that, as nothing is encoded in it.
    *asked* is what it wants of the answer where it may choose fields, None for all of it. *body* is what came,
    *content* the same without its content coding, *body_value* that as data, *body_as_sent* with every digit of its
    numbers, made for those who copy from it. *moment* is when the request began, in Unix time. *under_way* tells
    that a part of the answer is there, so that calls for the others go before those of requests that only begin;
    never once it *is_awaited* no longer, as the answer has left.
    *charges* are what its limits say, *flights* the calls that others of it may join, *place* the one that it takes,
    *naming* the tags of what is kept of its answer, *spending* what it has used of its call budget.
    *known* are the values of expressions that were evaluated before, None where there are none.
    *cookies* are read when somebody asks for one, None before. *peer* is the address of the connection, empty on a Unix
    socket, and *scheme* its own; what is said of others is believed where the peer is *trusted*. *intake* reads the
    body into it, once; None when nothing is to be read any more. *delivery* is the signed one that the request is,
    *trace* its trace, None where there are none.

    What each request has comes first: given in this order to the constructor it costs less than set one by one.
    """

    method: str
    path: str
    query_string: bytes
    header_list: HeaderList
    segments: tuple[bytes, ...] = ()
    sent_path: bytes = b""
    peer: str = ""
    trusted: Networks = NO_NETWORKS
    scheme: str = "http"
    tls_client: dict[str, Any] | None = None
    id: str = ""
    started: float = 0.0
    moment: float = 0.0
    deadline: float = 0.0
    params: dict[str, Any] = {}
    query_values: dict[str, Any] | None = None
    body: bytes = b""
    content: bytes = b""
    body_value: Any = None
    body_as_sent: Any = None
    _origin: Origin | None = None
    caller: Any = None
    delivery: Delivery | None = None
    intake: Callable[[Exchange], Awaitable[None]] | None = None
    charges: Any = ()
    place: Any = None
    flights: Any = None
    naming: Any = None
    spending: Any = None
    known: Any = None
    trace: Any = None
    cookies: dict[str, Any] | None = None
    asked: Any = None
    is_awaited: bool = True
    under_way: bool = False
    _query_map: dict[str, Any] | None = None
    _header_map: dict[str, str] | None = None

    def __repr__(self) -> str:  # what its fields hold stays out of logs
        return f"<Exchange {self.id}>"

    @property
    def query(self) -> dict[str, Any]:
        """Query parameters by name: declared ones typed, the others as text (a list when repeated)."""
        if self._query_map is None:
            self._query_map = query_map(self.query_string)
            if self.query_values:
                self._query_map.update(self.query_values)
        return self._query_map

    def leave(self) -> None:
        """Release the place and the delivery that the request holds, when no answer will."""
        if self.place is not None:
            self.place.leave()
        if self.delivery is not None:
            self.delivery.end(well=False)

    def forget_typed(self) -> None:
        """Drop the typed parameters, so that they are read again from what was sent."""
        self.params, self.query_values, self.cookies = {}, None, None
        self._query_map, self._header_map = None, None

    @property
    def headers(self) -> dict[str, str]:
        """Request headers by lower-case name, repeated ones joined."""
        if self._header_map is None:
            self._header_map = header_map(self.header_list)
        return self._header_map

    @property
    def origin(self) -> Origin:
        """Who asked, by which scheme and for which host; found out when somebody wants to know."""
        if self._origin is None:
            host = first(self.header_list, b"host") or b""
            self._origin = origin_of(self.peer, self.scheme, host.decode("latin-1"), self.header_list, self.trusted)
        return self._origin

    @property
    def client(self) -> str:
        """The address of the client, behind the proxies that are trusted; empty for a peer on a Unix socket."""
        return self.peer if self.trusted is NO_NETWORKS else self.origin.client

    @property
    def request(self) -> dict[str, Any]:
        """What expressions see as ``request``."""
        origin = self.origin
        return {
            "method": self.method, "path": self.path, "id": self.id, "client": origin.client or None,
            "scheme": origin.scheme, "host": origin.host, "port": origin.port,
            "time": self.now, "tls": {"client": self.tls_client},
        }  # fmt: skip

    @property
    def now(self) -> str:
        """The moment at which the request began, as RFC 3339 writes it: UTC, to the millisecond."""
        moment = datetime.fromtimestamp(self.moment, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def query_map(query_string: bytes) -> dict[str, Any]:
    """Return the parameters of *query_string* by name: ``b"a=1&b=2&b=3"`` → ``{"a": "1", "b": ["2", "3"]}``."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS):
        if key not in found:
            found[key] = value
        elif isinstance(found[key], list):
            found[key].append(value)
        else:
            found[key] = [found[key], value]
    return found
