"""Spans of requests by OpenTelemetry's semantic conventions for HTTP, made when the requests have ended.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/

They are made where they stay, inside OpenTelemetry's own message. Its encoder makes a message of each object of the
SDK, and copies it for each message around that: five times the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from aggregator.causes import Cause, State
from aggregator.edge.forwarded import origin_of
from aggregator.edge.networks import NO_NETWORKS
from aggregator.http import METHODS
from aggregator.server.traces.snapshots import PartSnapshot, Snapshot
from aggregator.telemetry.hiding import without_values
from aggregator.telemetry.traces.trace import CallSpan, Server, new_span
from aggregator.transport.settings import DEFAULT_PORTS

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_KNOWN = frozenset(METHODS)
_INTERNAL, _SERVER, _CLIENT = 1, 2, 3
"""The kinds of spans (``Span.SpanKind`` of OTLP)."""
_FAILED = 2
"""The status of a span (``Status.StatusCode``)."""
_KNOWS_REMOTE, _IS_REMOTE = 0x100, 0x200
"""Flags (``SpanFlags``): whether the parent is in another process is known, and it is."""


class Batch:
    """A *message* for an exporter of spans, which asks how many they are, and nothing else."""

    __slots__ = ("message",)

    def __init__(self, message: ExportTraceServiceRequest) -> None:
        self.message = message

    def __len__(self) -> int:
        return len(self.message.resource_spans[0].scope_spans[0].spans)


class SpanMaker:
    """Makes batches whose messages begin as *empty*, which names the service.

    *clean* takes secrets out of texts that hold more than names.
    """

    def __init__(self, empty: ExportTraceServiceRequest, clean: Callable[[str], str]) -> None:
        self._empty = empty
        self._clean = clean

    def batch(self, requests: Iterable[Snapshot]) -> Batch:
        """Return the spans of *requests*, of their parts, and of their calls."""
        message = type(self._empty)()
        message.CopyFrom(self._empty)
        spans = message.resource_spans[0].scope_spans[0].spans
        for one in requests:
            _Spans(spans, one, self._clean).add()
        return Batch(message)


class _Spans:
    """Adds the spans of the request *one* to *spans*, those of a message."""

    __slots__ = ("_clean", "_one", "_spans", "_trace")

    def __init__(self, spans: Any, one: Snapshot, clean: Callable[[str], str]) -> None:
        self._spans = spans
        self._one = one
        self._clean = clean
        self._trace = bytes.fromhex(one.trace.id)

    def add(self) -> None:
        """Add all of them."""
        one, trace = self._one, self._one.trace
        own = bytes.fromhex(trace.span)
        method = one.method if one.method in _KNOWN else "HTTP"
        span = self._span(f"{method} {one.endpoint.partition(' ')[2]}", own, bytes.fromhex(trace.parent), _SERVER,
                          (one.started, one.ended), failed=one.status >= 500)  # fmt: skip
        if trace.parent:
            span.flags |= _IS_REMOTE
        _describe(span, self._of_request())
        if one.age is not None:
            self._add_event(span, *_kept(one.age, one.ended, stale=one.stale))
        parents: dict[str, bytes] = {}
        for part in one.parts:
            self._add_part(part, own, parents)
        for call in trace.calls:
            self._add_call(call, parents.get(call.name, own))

    def _of_request(self) -> dict[str, Any]:
        one, trace = self._one, self._one.trace
        found = {
            "http.request.method": one.method if one.method in _KNOWN else "_OTHER",
            "http.route": one.endpoint.partition(" ")[2],
            "http.response.status_code": one.status,
            "http.response.body.size": one.size,
            "url.path": self._clean(without_values(trace.path, trace.hidden)),
            "url.scheme": trace.scheme,
            **_server_of(trace.host, trace.scheme),
            "aggregator.partial": one.is_partial,
            "error.type": one.cause or (str(one.status) if one.status >= 500 else ""),
            "aggregator.lost_calls": trace.lost,
        }
        return {name: value for name, value in found.items() if value not in ("", 0, False)}

    def _add_part(self, part: PartSnapshot, parent: bytes, parents: dict[str, bytes]) -> None:
        own = bytes.fromhex(new_span())
        parents.setdefault(part.name, own)
        about = {
            "aggregator.part": part.name,
            "aggregator.state": part.state.value,
            "aggregator.attempts": part.attempts,
        }
        if part.cause:
            about |= {"aggregator.cause": part.cause, "error.type": part.cause}
        span = self._span(
            part.name, own, parent, _INTERNAL, (part.started, part.ended), failed=part.state is State.FAILED
        )
        _describe(span, about)
        if part.attempts > 1 or part.cause or part.age is not None:  # as hardly ever
            self._add_events(span, part)
        for inner in part.inside:
            self._add_part(inner, own, parents)

    def _add_call(self, call: CallSpan, parent: bytes) -> None:
        one, is_ended = self._one, bool(call.ended or call.state)
        path = call.target.decode("latin-1").partition("?")[0]
        about: dict[str, Any] = {
            "http.request.method": call.method if call.method in _KNOWN else "_OTHER",
            "url.path": self._clean(without_values(path, one.trace.hidden)),
            "aggregator.upstream": call.upstream,
            "aggregator.state": call.state or State.CANCELLED.value,
        }
        if call.server is not None:
            about |= _called(call.server, about["url.path"])
        if call.is_mocked:
            about["aggregator.mocked"] = True
        if call.status:
            about["http.response.status_code"] = call.status
        if call.cause:
            about["error.type"] = str(call.status) if call.cause == Cause.STATUS.value else call.cause
        span = self._span(call.method, bytes.fromhex(call.id), parent, _CLIENT,
                          (call.started, call.ended or one.ended), failed=is_ended and bool(call.cause))  # fmt: skip
        _describe(span, about)

    def _add_events(self, span: Any, part: PartSnapshot) -> None:
        """Add what happened to *part* to its *span*: tries after the first, a breaker, values that were kept."""
        sent = sorted((call for call in self._one.trace.calls if call.name == part.name), key=lambda call: call.started)
        found: list[tuple[str, float, dict[str, Any]]] = []
        if part.attempts > 1:
            found = [("retry", call.started, {"aggregator.attempt": n}) for n, call in enumerate(sent[1:], 2)]
        if part.cause == Cause.BREAKER_OPEN.value:
            found.append(("breaker_open", part.ended, {}))
        if part.age is not None:
            found.append(_kept(part.age, part.ended, stale=part.state is State.STALE))
        for event in found:
            self._add_event(span, *event)

    def _add_event(self, span: Any, name: str, at: float, about: dict[str, Any]) -> None:
        _describe(span.events.add(name=name, time_unix_nano=self._nanoseconds(at)), about)

    def _span(
        self, name: str, own: bytes, parent: bytes, kind: int, times: tuple[float, float], *, failed: bool
    ) -> Any:
        """Return a new span of these ids, of *times* by the clock of the loop."""
        started, ended = times
        span = self._spans.add(
            trace_id=self._trace, span_id=own, parent_span_id=parent, name=name, kind=kind, flags=_KNOWS_REMOTE,
            start_time_unix_nano=self._nanoseconds(started), end_time_unix_nano=self._nanoseconds(max(started, ended)),
        )  # fmt: skip
        span.status.code = _FAILED if failed else 0
        return span

    def _nanoseconds(self, moment: float) -> int:
        return int((moment + self._one.offset) * 1e9)


def _kept(age: float, at: float, *, stale: bool) -> tuple[str, float, dict[str, Any]]:
    """Return the event of what was found in a cache *at* a loop time: its name, when, and how old it was."""
    return "stale" if stale else "cache_hit", at, {"aggregator.age": age}


def _server_of(host: str, scheme: str) -> dict[str, Any]:
    """Return the attributes of the server that a client asked as *host*, a value of ``Host``, by *scheme*."""
    if not host:
        return {}
    origin = origin_of("", scheme, host, (), NO_NETWORKS)
    return {"server.address": origin.host.strip("[]"), "server.port": origin.port}


def _called(server: Server, path: str) -> dict[str, Any]:
    """Return the attributes of a call to *server* for *path*: no query, which holds values."""
    scheme, host, port, address = server
    about: dict[str, Any] = {"server.address": host, "server.port": port}
    if address is not None:
        about |= {"network.peer.address": address, "network.peer.port": port}
    usual = DEFAULT_PORTS.get(scheme)
    if usual is not None:
        name = f"[{host}]" if ":" in host else host
        about["url.full"] = f"{scheme}://{name}{path}" if port == usual else f"{scheme}://{name}:{port}{path}"
    return about


def _describe(place: Any, about: dict[str, Any]) -> None:
    """Add *about* to the attributes of *place*, a span or an event, without what no message can hold."""
    attributes = place.attributes
    for name, value in about.items():
        attribute = attributes.add(key=name)
        kind = type(value)
        try:
            if kind is str:
                attribute.value.string_value = value
            elif kind is bool:
                attribute.value.bool_value = value
            elif kind is int:
                attribute.value.int_value = value
            else:
                attribute.value.double_value = value
        except ValueError:  # half a surrogate pair, more than 64 bits
            del attributes[-1]
