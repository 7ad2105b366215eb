"""What of the client's request goes with a call: what the file names, and never over what the call sets itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_plus

from msgspec import Struct

from aggregator.config.model.call import CallSettings
from aggregator.config.model.client import ForwardSettings
from aggregator.http import NEVER_FORWARDED, SAFE
from aggregator.plan.types import BodyKind, RequestPlan, RowPlan, UpstreamPlan
from aggregator.templates import UrlTemplate

_VERDICTS = (
    (304, frozenset({b"if-none-match", b"if-modified-since"})),
    (412, frozenset({b"if-match", b"if-unmodified-since", b"if-none-match"})),
    (416, frozenset({b"range"})),
)
"""Statuses that answer what a client asked for under a condition, and the headers that say it (RFC 9110 §13, §14)."""


class Forwarding(Struct, frozen=True):
    """What may be passed on of a request to an endpoint with *method*.

    *near* is said by the call and its endpoint, *far* by the upstream and the defaults; lists add up.
    """

    method: str
    near: tuple[ForwardSettings, ...] = ()
    far: tuple[ForwardSettings, ...] = ()

    def method_of(self, said: str | None, kind: BodyKind) -> str:
        """Return the method of a call: as *said*, that of the client with its body, POST with a body, else GET."""
        return said or (self.method if kind == "forward" else "GET" if kind == "none" else "POST")

    def takes_body(self, said: str | None) -> bool:
        """Return whether the client's body goes with a call whose method is *said*.

        Upstream and defaults speak of many calls: they do not make a POST out of one that names no method.
        """
        asked = self.near if said is None else (*self.near, *self.far)
        return (said or self.method) not in SAFE and self.method not in SAFE and any(f.body for f in asked)

    def headers(self, settings: CallSettings, upstream: UpstreamPlan, kind: BodyKind) -> tuple[bytes, ...]:
        """Return the names of the headers that are passed on, in lower case."""
        named = (name.lower().encode("ascii") for forward in (*self.near, *self.far) for name in forward.headers)
        shared = {name for name, _ in (*upstream.headers, *upstream.header_templates)}
        set_here = {name.lower().encode("ascii") for name in settings.headers} | shared
        described = {b"content-type", b"content-encoding"} if kind != "none" else set()
        return tuple(dict.fromkeys(name for name in named if name not in NEVER_FORWARDED | set_here | described))

    def query(self, url: UrlTemplate, settings: CallSettings, upstream: UpstreamPlan) -> tuple[str, ...]:
        """Return the names of the query parameters that are passed on."""
        named = (name for forward in (*self.near, *self.far) for name in forward.query)
        texts = (url.source.partition("?")[2], upstream.query.decode("ascii"))
        shared = {name for name, _ in upstream.query_templates}
        set_here = {*settings.query, *shared, *(name for text in texts for name in query_names(text))}
        return tuple(dict.fromkeys(name for name in named if name not in set_here))


def verdicts_of(request: RequestPlan, rows: Iterable[RowPlan]) -> tuple[tuple[int, frozenset[bytes]], ...]:
    """Return the statuses that answer conditions of clients that *request* passes on, unless one of *rows* names it.

    A header that the call makes itself counts where it reads the request.
    """
    written = (name for name, template in request.headers if not template.is_constant)
    sent = frozenset((*request.forward_headers, *written))
    named = {row.on for row in rows}
    return tuple((status, names & sent) for status, names in _VERDICTS if names & sent and str(status) not in named)


def query_names(query: str) -> Iterator[str]:
    """Yield the names of the parameters in *query*, the text behind the ``?``."""
    return (unquote_plus(pair.partition("=")[0]) for pair in query.split("&"))
