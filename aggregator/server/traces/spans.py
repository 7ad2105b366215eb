"""Spans of one request by OpenTelemetry's semantic conventions for HTTP, made when the request has ended.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aggregator.causes import Cause, State
from aggregator.http import METHODS
from aggregator.server.traces.snapshots import PartSnapshot, Snapshot
from aggregator.telemetry.hiding import without_values
from aggregator.telemetry.traces.trace import CallSpan, new_span

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

_KNOWN = frozenset(METHODS)
_SCOPE = "aggregator"


class SpanMaker:
    """Makes spans of *resource*, the service; *clean* takes secrets out of texts that hold more than names."""

    def __init__(self, resource: Resource, clean: Callable[[str], str]) -> None:
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        self._event, self._readable, self._contexts = Event, ReadableSpan, SpanContext
        self._server, self._internal, self._client = SpanKind.SERVER, SpanKind.INTERNAL, SpanKind.CLIENT
        self._failed, self._unset = Status(StatusCode.ERROR), Status(StatusCode.UNSET)
        self._sampled = TraceFlags(TraceFlags.SAMPLED)
        self._resource = resource
        self._scope = InstrumentationScope(_SCOPE)
        self._clean = clean

    def spans(self, one: Snapshot) -> Iterator[ReadableSpan]:
        """Yield the span of a request, those of its parts, and those of its calls."""
        trace, number = one.trace, int(one.trace.id, 16)
        own = self._context(number, trace.span)
        caller = self._context(number, trace.parent, remote=True) if trace.parent else None
        yield self._span(one, self._name(one), own, caller, self._server, self._of_request(one),
                         (one.started, one.ended), failed=one.status >= 500)  # fmt: skip
        parents: dict[str, SpanContext] = {}
        for part in one.parts:
            yield from self._of_part(one, part, own, parents)
        for call in trace.calls:
            yield self._of_call(one, call, parents.get(call.name, own))

    def _context(self, trace: int, span: str, *, remote: bool = False) -> SpanContext:
        return self._contexts(trace, int(span, 16), remote, self._sampled)

    @staticmethod
    def _name(one: Snapshot) -> str:
        method = one.method if one.method in _KNOWN else "HTTP"
        return f"{method} {one.endpoint.partition(' ')[2]}"

    def _of_request(self, one: Snapshot) -> dict[str, Any]:
        trace = one.trace
        found = {
            "http.request.method": one.method if one.method in _KNOWN else "_OTHER",
            "http.route": one.endpoint.partition(" ")[2],
            "http.response.status_code": one.status,
            "http.response.body.size": one.size,
            "url.path": self._clean(without_values(trace.path, trace.hidden)),
            "url.scheme": trace.scheme,
            "server.address": trace.host,
            "aggregator.partial": one.is_partial,
            "error.type": one.cause or (str(one.status) if one.status >= 500 else ""),
            "aggregator.lost_calls": trace.lost,
        }
        return {name: value for name, value in found.items() if value not in ("", 0, False)}

    def _of_part(
        self, one: Snapshot, part: PartSnapshot, parent: SpanContext, parents: dict[str, SpanContext]
    ) -> Iterator[ReadableSpan]:
        own = self._context(parent.trace_id, new_span())
        parents.setdefault(part.name, own)
        about = {
            "aggregator.part": part.name,
            "aggregator.state": part.state.value,
            "aggregator.attempts": part.attempts,
        }
        if part.cause:
            about |= {"aggregator.cause": part.cause, "error.type": part.cause}
        yield self._span(one, part.name, own, parent, self._internal, about, (part.started, part.ended),
                         failed=part.state is State.FAILED, events=self._events(one, part))  # fmt: skip
        for inner in part.inside:
            yield from self._of_part(one, inner, own, parents)

    def _of_call(self, one: Snapshot, call: CallSpan, parent: SpanContext) -> ReadableSpan:
        is_ended = bool(call.ended or call.state)
        about: dict[str, Any] = {
            "http.request.method": call.method if call.method in _KNOWN else "_OTHER",
            "url.path": self._clean(without_values(call.target.decode("latin-1").partition("?")[0], one.trace.hidden)),
            "aggregator.upstream": call.upstream,
            "aggregator.state": call.state or State.CANCELLED.value,
        }
        if call.status:
            about["http.response.status_code"] = call.status
        if call.cause:
            about["error.type"] = str(call.status) if call.cause == Cause.STATUS.value else call.cause
        own = self._context(parent.trace_id, call.id)
        return self._span(one, call.method, own, parent, self._client, about,
                          (call.started, call.ended or one.ended), failed=is_ended and bool(call.cause))  # fmt: skip

    def _events(self, one: Snapshot, part: PartSnapshot) -> Sequence[Any]:
        """Return what happened to a part: tries after the first, a breaker, values that were kept."""
        if part.attempts <= 1 and not part.cause and part.age is None:  # as nearly always
            return ()
        sent = sorted((call for call in one.trace.calls if call.name == part.name), key=lambda call: call.started)
        found: list[tuple[str, float, dict[str, Any]]] = []
        if part.attempts > 1:
            found = [("retry", call.started, {"aggregator.attempt": n}) for n, call in enumerate(sent[1:], 2)]
        if part.cause == Cause.BREAKER_OPEN.value:
            found.append(("breaker_open", part.ended, {}))
        if part.age is not None:
            name = "stale" if part.state is State.STALE else "cache_hit"
            found.append((name, part.ended, {"aggregator.age": part.age}))
        return [self._event(name, about, _nanoseconds(at, one.offset)) for name, at, about in found]

    def _span(
        self, one: Snapshot, name: str, own: SpanContext, parent: SpanContext | None, kind: Any, about: dict[str, Any],
        times: tuple[float, float], *, failed: bool, events: Sequence[Any] = (),
    ) -> ReadableSpan:  # fmt: skip
        started, ended = times
        return self._readable(
            name, own, parent, self._resource, about, events, (), kind,
            status=self._failed if failed else self._unset,
            start_time=_nanoseconds(started, one.offset), end_time=_nanoseconds(max(started, ended), one.offset),
            instrumentation_scope=self._scope,
        )  # fmt: skip


def _nanoseconds(moment: float, offset: float) -> int:
    return int((moment + offset) * 1e9)
