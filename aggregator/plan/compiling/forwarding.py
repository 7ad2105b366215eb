"""What of the client's request goes with a call: what the file names, and never over what the call sets itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal
from urllib.parse import unquote_plus

from msgspec import Struct

from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.http import CREDENTIALS, NEVER_FORWARDED, SAFE
from aggregator.plan.requests import BodyKind, RequestPlan, RestPlan
from aggregator.plan.types import RowPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.credentials.plan import CallerPlace, headers_of
from aggregator.templates import UrlTemplate

CLIENT_FIELDS: Mapping[str, frozenset[bytes]] = MappingProxyType(
    {
        "no": frozenset(),
        "x-forwarded": frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}),
        "forwarded": frozenset({b"forwarded"}),
    }
)
"""The headers that tell an upstream who the client is, by the form in which it is told."""
_TOLD = frozenset().union(*CLIENT_FIELDS.values()) | {
    b"x-forwarded-port", b"x-forwarded-prefix", b"x-forwarded-server", b"x-forwarded-ssl", b"x-forwarded-by",
    b"x-forwarded-path", b"x-forwarded-uri", b"x-real-ip", b"via",
}  # fmt: skip
"""Headers in which a client could make one up."""
_AUTHORIZATION = b"authorization"
_DESCRIBING = frozenset({b"content-type", b"content-encoding"})
_VERDICTS = (
    (304, frozenset({b"if-none-match", b"if-modified-since"})),
    (412, frozenset({b"if-match", b"if-unmodified-since", b"if-none-match"})),
    (416, frozenset({b"range"})),
)
"""Statuses that answer what a client asked for under a condition, and the headers that say it (RFC 9110 §13, §14)."""


class Forwarding(Struct, frozen=True):
    """The parts of a request to an endpoint with *method* that may be passed on.

    *near* is said by the call and its endpoint, *far* by the upstream and the defaults; lists add up. *secrets* are
    headers that carry a credential here, *callers* where those of its callers are, None for an open endpoint. The reply
    to a call that *passes* is the answer, as it comes. *traced* are headers that each call gets anew when it is sent:
    those of the client are in no key of a call.
    """

    method: str
    near: tuple[ForwardSettings, ...] = ()
    far: tuple[ForwardSettings, ...] = ()
    secrets: frozenset[bytes] = frozenset()
    callers: tuple[CallerPlace, ...] | None = None
    passes: bool = False
    traced: frozenset[bytes] = frozenset()

    @property
    def all(self) -> tuple[ForwardSettings, ...]:
        """All `forward` settings, the nearest first."""
        return (*self.near, *self.far)

    @property
    def client(self) -> Literal["no", "x-forwarded", "forwarded"]:
        """The header by which a call names the client, by the nearest setting."""
        said = next((forward.client for forward in self.all if forward.client is not None), False)
        return "forwarded" if said == "forwarded" else "x-forwarded" if said else "no"

    @property
    def deadline(self) -> bytes | None:
        """The header that tells how long a call is waited for, as the nearest says it, in lower case."""
        said = next((forward.deadline for forward in self.all if forward.deadline is not None), None)
        return None if said is None else said.lower().encode("ascii")

    def method_of(self, said: str | None, kind: BodyKind) -> str:
        """Return the method of a call: as *said*, that of the client where its body would go along, else GET.

        A body of its own makes it POST. HEAD stays HEAD where the reply is the answer, and is GET where it is read.
        """
        if said or kind not in ("none", "forward"):
            return said or "POST"
        if self.method == "HEAD":
            return "HEAD" if self.passes else "GET"
        return self.method if any(forward.body for forward in self.near) else "GET"

    def takes_body(self, said: str | None) -> bool:
        """Return whether the client's body goes with a call whose method is *said*.

        Upstream and defaults speak of many calls: they do not make a POST out of one that names no method.
        """
        asked = self.near if said is None else (*self.near, *self.far)
        return (said or self.method) not in SAFE and self.method not in SAFE and any(f.body for f in asked)

    def headers(self, settings: CallSettings, upstream: UpstreamPlan, kind: BodyKind) -> tuple[bytes, ...]:
        """Return the names of the headers that are passed on, in lower case."""
        named = [name.lower().encode("ascii") for forward in self.all for name in forward.named_headers]
        if self._passes_auth and self.callers is None:
            named.append(_AUTHORIZATION)
        described = _DESCRIBING if kind != "none" else frozenset()
        told = CLIENT_FIELDS[self.client] | {self.deadline}
        again = frozenset(place.field.encode() for place in self.caller(settings, upstream))
        kept = NEVER_FORWARDED | _set_here(settings, upstream) | described | told | again | self.traced
        return tuple(dict.fromkeys(name for name in named if name not in kept))

    @property
    def _passes_auth(self) -> bool:
        return any(forward.auth for forward in self.all)

    def caller(self, settings: CallSettings, upstream: UpstreamPlan) -> tuple[CallerPlace, ...]:
        """Return where the credentials are that go with a call, which sets no such header itself."""
        if not self._passes_auth or self.callers is None:
            return ()
        here = _set_here(settings, upstream)
        return tuple(place for place in self.callers if _header_of(place) not in here)

    def rest(
        self, url: UrlTemplate, settings: CallSettings, upstream: UpstreamPlan, named: tuple[bytes, ...]
    ) -> RestPlan:
        """Return what goes of a request without being named; *named* are the headers that go by name."""
        without = {name.lower() for forward in self.all for name in forward.except_}
        headers: frozenset[bytes] | None = None
        if any(forward.all_headers for forward in self.all):
            left_out = (name.encode("ascii", "replace") for name in without)
            ours = _TOLD | {self.deadline} | _set_here(settings, upstream) | self.traced
            kept = NEVER_FORWARDED | CREDENTIALS | self.secrets | _DESCRIBING | ours
            headers = frozenset(name for name in (*kept, *left_out, *named) if isinstance(name, bytes))
        query: frozenset[str] | None = None
        if any(forward.all_query for forward in self.all):
            left_out_of_query = (name for forward in self.all for name in forward.except_)
            query = frozenset((*left_out_of_query, *_query_set(url, settings, upstream)))
        return RestPlan(headers, query)

    def query(self, url: UrlTemplate, settings: CallSettings, upstream: UpstreamPlan) -> tuple[str, ...]:
        """Return the names of the query parameters that are passed on."""
        if any(forward.all_query for forward in self.all):
            return ()
        set_here = _query_set(url, settings, upstream)
        named = (name for forward in self.all for name in forward.named_query)
        return tuple(dict.fromkeys(name for name in named if name not in set_here))


def tells_client(
    forwarding: Forwarding, settings: CallSettings, upstream: UpstreamPlan
) -> Literal["no", "x-forwarded", "forwarded"]:
    """Return how a call tells who the client is; one that sets such a header itself has said it."""
    form = forwarding.client
    return form if CLIENT_FIELDS[form].isdisjoint(_set_here(settings, upstream)) else "no"


def tells_deadline(forwarding: Forwarding, settings: CallSettings, upstream: UpstreamPlan) -> bytes | None:
    """Return the header that tells how long a call is waited for; one that sets it itself has said it."""
    return None if forwarding.deadline in _set_here(settings, upstream) else forwarding.deadline


def _set_here(settings: CallSettings, upstream: UpstreamPlan) -> frozenset[bytes]:
    """Return the headers that a call, or its upstream, sets itself."""
    own = (name.lower().encode("ascii") for name in settings.headers)
    shared = (name for name, _ in (*upstream.headers, *upstream.header_templates))
    return frozenset((*own, *shared, *headers_of(upstream.credentials)))


def _header_of(place: CallerPlace) -> bytes:
    """Return the header in which the credential at *place* goes upstream."""
    return place.field.encode() if place.where == "header" else _AUTHORIZATION


def _query_set(url: UrlTemplate, settings: CallSettings, upstream: UpstreamPlan) -> frozenset[str]:
    """Return the query parameters that a call, or its upstream, sets itself."""
    texts = (url.source.partition("?")[2], upstream.query.decode("ascii"))
    shared = (name for name, _ in upstream.query_templates)
    return frozenset((*settings.query, *shared, *(name for text in texts for name in query_names(text))))


def verdicts_of(request: RequestPlan, rows: Iterable[RowPlan]) -> tuple[tuple[int, frozenset[bytes]], ...]:
    """Return the statuses that answer conditions of clients that *request* passes on, unless one of *rows* names it.

    A header that the call makes itself counts where it reads the request.
    """
    written = (name for name, template in request.headers if not template.is_constant)
    sent = frozenset((*request.forward_headers, *written))
    if (withheld := request.forward_rest.headers) is not None:
        sent |= frozenset(name for _, names in _VERDICTS for name in names if name not in withheld)
    named = {row.on for row in rows}
    return tuple((status, names & sent) for status, names in _VERDICTS if names & sent and str(status) not in named)


def query_names(query: str) -> Iterator[str]:
    """Yield the names of the parameters in *query*, the text behind the ``?``."""
    return (unquote_plus(pair.partition("=")[0]) for pair in query.split("&"))
