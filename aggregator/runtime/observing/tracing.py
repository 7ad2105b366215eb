"""Gives each request its trace, and each call the context that goes with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from typing import Any

from aggregator.edge.networks import Networks
from aggregator.exchange import Exchange
from aggregator.http import first
from aggregator.parts.frame import Done, Frame
from aggregator.parts.result import Result
from aggregator.plan.calls import CallPlan
from aggregator.plan.requests import RequestPlan
from aggregator.plan.telemetry import TracesPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.mock.matching import is_answered
from aggregator.runtime.observing.following import server_at
from aggregator.telemetry.traces.context import FIELDS, Context, context_lines, read_context
from aggregator.telemetry.traces.trace import CallSpan, Server, Trace, Unfollowed, new_ids, new_span

_NUMBERS = 1 << 64
"""As many numbers can the last 16 digits of the id of a trace be, by which it is sampled."""


class Tracing:
    """Traces by *plan*: which are continued, which are told, and what upstreams hear of them."""

    __slots__ = (
        "_adding", "_bound", "_drop", "_hidden", "_is_usual", "_new", "_parents", "_propagate", "_tells", "only_adds",
    )  # fmt: skip

    def __init__(self, plan: TracesPlan) -> None:
        self._bound = round(plan.sample * _NUMBERS) if plan.otlp else 0
        self._tells = plan.otlp is not None
        self._hidden = plan.hidden
        self._parents = plan.parent
        self._propagate = plan.propagate
        names = b"|".join(name for way in plan.propagate for name in FIELDS[way])
        self._drop = re.compile(rb"(?im)^(?:" + names + rb"):[^\r\n]*\r\n") if names else None
        self._is_usual = plan.propagate == ("tracecontext",)
        self._new = self._new_traces()
        self._adding: Tracing | None = None
        self.only_adds = False
        """Whether no header of a call can be in the way of its context, so that lines of a trace are only added."""

    def over(self, request: RequestPlan) -> Tracing:
        """Return what gives calls of *request* their context: without a look for an older one where none can be."""
        names = {name.lower() for name, _ in request.headers} | {*request.forward_headers}
        if self._drop is None or request.forward_rest.headers is not None:
            return self
        if self._drop.search(request.constant_headers) or any(self._drop.match(b"%b:\r\n" % name) for name in names):
            return self
        if self._adding is None:
            self._adding = copy(self)
            self._adding._drop, self._adding.only_adds = None, True
        return self._adding

    def begin(self, endpoint: str, exchange: Exchange) -> None:
        """Set the trace of *exchange*, of *endpoint* (a key): that of a caller who is trusted, or a new one."""
        parent = None
        if self._parents and self._trusts(exchange):
            parent = read_context(exchange.header_list, self._propagate)
        trace = exchange.trace = next(self._new) if parent is None else self._continued(parent)
        if trace.sampled and self._tells:
            assert isinstance(trace, Trace)
            trace.is_told = True
            trace.path, trace.scheme = exchange.path, exchange.scheme
            trace.hidden = self._hidden.values(endpoint, exchange.segments)
            if self._hidden.query:
                trace.hidden += tuple(self._hidden.query_values(exchange.query_string.decode("latin-1")))
            trace.host = (first(exchange.header_list, b"host") or b"").decode("latin-1")

    def _new_traces(self) -> Iterator[Trace | Unfollowed]:
        """Yield new traces without end; many are made at once."""
        bound, is_usual = self._bound, self._is_usual
        while True:
            yield from [
                Unfollowed(b"traceparent: 00-%b-%b-00\r\n" % ids)  # as most are: nobody follows its calls
                if (number := int(ids[0][16:], 16)) >= bound and is_usual
                else Trace(ids[0].decode(), ids[1].decode(), number < bound)
                for ids in new_ids()
            ]

    def _continued(self, parent: Context) -> Trace:
        """Return the trace of *parent*, whose caller may have left open whether it is sampled."""
        sampled = parent.sampled
        if sampled is None:
            sampled = int(parent.trace[16:], 16) < self._bound
        return Trace(parent.trace, new_span(), sampled, parent.span, parent.state, parent.baggage)

    def _trusts(self, exchange: Exchange) -> bool:
        parents = self._parents
        return parents.holds(exchange.client) if isinstance(parents, Networks) else parents

    def lines(self, trace: Trace, span: str) -> bytes:
        """Return the header lines of a call whose span is *span*."""
        return context_lines(
            trace.id, span, self._propagate, sampled=trace.sampled, state=trace.state, baggage=trace.baggage
        )

    def block(self, headers: bytes, trace: Trace, span: str) -> bytes:
        """Return *headers* with the lines of *trace*, in place of those that a client's request has brought."""
        if self._drop is not None:
            headers = self._drop.sub(b"", headers)
        if trace.sampled:
            return headers + self.lines(trace, span)
        if not trace.lines:
            trace.lines = self.lines(trace, trace.span)
        return headers + trace.lines

    def called(
        self, frame: Frame, plan: CallPlan, target: bytes, headers: bytes, done: Done, now: float
    ) -> tuple[bytes, Done, CallSpan | None]:
        """Return the header block of a call that begins *now*, with its context, what hears of its result, and its span
        where it is told.
        """
        trace: Trace | None = frame.exchange.trace
        if trace is None:
            return headers, done, None
        if not trace.sampled:  # as most are: nobody follows its calls
            return self.block(headers, trace, ""), done, None
        span = new_span()
        block = self.block(headers, trace, span)
        if not trace.is_told:
            return block, done, None
        call = self.started(trace, plan, span, target, now)

        def ended(result: Result) -> None:
            call.ended, call.status, call.size = result.ended, result.status, len(result.raw)
            call.state, call.cause = result.state.value, "" if result.cause is None else result.cause.value
            done(result)

        return block, ended, call

    def streamed(self, frame: Frame, plan: CallPlan, target: bytes, headers: bytes) -> tuple[bytes, CallSpan | None]:
        """Return the header block of a call whose answer is streamed, and its span where it is told."""
        trace: Trace = frame.exchange.trace
        span = new_span()
        block = self.block(headers, trace, span)
        return block, self.started(trace, plan, span, target, frame.loop.time()) if trace.is_told else None

    def started(self, trace: Trace, plan: CallPlan, span: str, target: bytes, now: float) -> CallSpan:
        """Return what *trace* remembers of a call of *plan*."""
        upstream, method = plan.upstream, plan.request.method.decode()
        is_mocked = upstream.mock is not None and is_answered(upstream.mock, method, target)
        call = CallSpan(span, plan.name, upstream.label, method, target, now, None if is_mocked else _server(upstream))
        call.is_mocked = is_mocked
        trace.add(call)
        return call


def _server(upstream: UpstreamPlan) -> Server | None:
    """Return the server of *upstream*; None where it has no address, or one of several, which is not chosen yet."""
    return None if upstream.hosts is not None or upstream.demo is not None else server_at(upstream.pool.origin)


def trace_ids(trace: Any) -> dict[str, str]:
    """Return the ids of *trace* as the fields of a log line."""
    return {} if trace is None else {"trace_id": trace.id, "span_id": trace.span}
