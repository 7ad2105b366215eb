"""Which context a call takes along: the lines of its header block, and the span that is remembered of it."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.causes import Cause, State
from aggregator.edge.networks import parse_networks
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.telemetry import TracesPlan
from aggregator.runtime.observing.tracing import Tracing, trace_ids
from aggregator.telemetry.hiding import hidden_places

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())
UNSAMPLED = (b"traceparent", f"00-{TRACE}-{SPAN}-00".encode())
BLOCK = b"host: a\r\ntraceparent: old\r\nTraceState: old\r\nx-a: 1\r\n"


class _Loop:
    """A clock that stands."""

    @staticmethod
    def time() -> float:
        """Return loop time."""
        return 7.0


def begun(tracing: Tracing, *fields: tuple[bytes, bytes], peer: str = "192.0.2.1") -> Frame:
    """Return the surroundings of a request with *fields*, whose trace has begun."""
    exchange = Exchange("GET", "/users/7", b"key=word", [*fields, (b"host", b"gw.test")])
    exchange.peer, exchange.scheme, exchange.segments = peer, "https", (b"7",)
    tracing.begin("GET /users/{id}", exchange)
    return Frame(exchange, Names(exchange), 100.0, _Loop())  # type: ignore[arg-type]


@pytest.fixture
def call(plan_of: Any) -> Any:
    """Return the plan of a call."""
    return plan_of("endpoints: {GET /x: {call: a:/x}}").endpoints[0].fan.parts[0].calls[0]


@pytest.mark.parametrize(
    ("parent", "peer", "continued"),
    [(True, "192.0.2.1", True), (False, "192.0.2.1", False), (parse_networks(["192.0.2.0/24"]), "192.0.2.1", True),
     (parse_networks(["192.0.2.0/24"]), "198.51.100.1", False)],
)  # fmt: skip
def test_a_trace_goes_on_where_its_caller_is_trusted(parent: Any, peer: str, continued: bool) -> None:
    """Else another one begins, by whatever name; the log shows both ids."""
    trace = begun(Tracing(TracesPlan(parent=parent)), PARENT, peer=peer).exchange.trace
    assert (trace.id == TRACE) is continued
    assert (len(trace.id), len(trace.span), trace.span == SPAN) == (32, 16, False)
    assert trace_ids(trace) == {"trace_id": trace.id, "span_id": trace.span}
    assert trace_ids(None) == {}


def test_a_call_that_is_told_takes_a_span_of_its_own_along(call: Any) -> None:
    """In place of what the client has sent; what came of it is remembered, and passed on."""
    tracing = Tracing(
        TracesPlan("http://collector.test", parent=True, hidden=hidden_places(["params.id", "query.key"]))
    )
    frame, heard = begun(tracing, PARENT), []
    trace = frame.exchange.trace
    assert (trace.is_told, trace.path, trace.scheme, trace.host) == (True, "/users/7", "https", "gw.test")
    assert trace.hidden == ("7", "word")
    block, ended, told = tracing.called(frame, call, b"/x", BLOCK, heard.append, 5.0)
    (span,) = trace.calls
    assert told is span
    assert block == b"host: a\r\nx-a: 1\r\n" + f"traceparent: 00-{TRACE}-{span.id}-01\r\n".encode()
    result = Result("call", 5.0, 6.0, status=503, raw=b"abc", state=State.FAILED, cause=Cause.STATUS)
    ended(result)
    assert heard == [result]
    assert (span.name, span.upstream, span.method, span.target, span.started) == ("call", "a", "GET", b"/x", 5.0)
    assert (span.ended, span.status, span.size, span.state, span.cause) == (6.0, 503, 3, "failed", "status")


@pytest.mark.parametrize(
    ("plan", "fields", "flags"),
    [
        (TracesPlan(parent=True), [UNSAMPLED], "00"), (TracesPlan(parent=True), [PARENT], "01"), (TracesPlan(), [], "00"),
        (TracesPlan("http://collector.test", sample=0.0), [], "00"),
    ],
)  # fmt: skip
def test_a_call_that_nobody_is_told_of_only_passes_the_context(
    call: Any, plan: TracesPlan, fields: list[tuple[bytes, bytes]], flags: str
) -> None:
    """Nothing is remembered of it, and who hears of its result is the same."""
    tracing, done = Tracing(plan), [].append
    frame = begun(tracing, *fields)
    block, ended, span = tracing.called(frame, call, b"/x", BLOCK, done, 5.0)
    assert block.startswith(b"host: a\r\nx-a: 1\r\ntraceparent: 00-%b-" % frame.exchange.trace.id.encode())
    assert block.endswith(f"-{flags}\r\n".encode())
    assert ended is done
    assert span is None
    assert tracing.streamed(frame, call, b"/x", BLOCK)[1] is None


def test_all_calls_of_a_trace_that_nobody_follows_say_the_same(call: Any) -> None:
    """The lines are made once."""
    tracing = Tracing(TracesPlan(parent=True))
    frame = begun(tracing, UNSAMPLED)
    blocks = {tracing.called(frame, call, b"/x", b"", print, 5.0)[0] for _ in range(2)}
    assert blocks == {f"traceparent: 00-{TRACE}-{frame.exchange.trace.span}-00\r\n".encode()}


def test_a_stream_that_is_told_is_remembered_as_it_begins(call: Any) -> None:
    """At the time of the loop."""
    tracing = Tracing(TracesPlan("http://collector.test", parent=True))
    frame = begun(tracing, PARENT)
    block, span = tracing.streamed(frame, call, b"/x", b"")
    assert span is not None
    assert block == f"traceparent: 00-{TRACE}-{span.id}-01\r\n".encode()
    assert (span.started, frame.exchange.trace.calls) == (7.0, [span])


def test_a_request_without_a_trace_is_left_as_it_is(call: Any) -> None:
    """So is one of what began before the file was changed."""
    tracing = Tracing(TracesPlan())
    exchange = Exchange("GET", "/", b"", [])
    frame = Frame(exchange, Names(exchange), 100.0, _Loop())  # type: ignore[arg-type]
    assert tracing.called(frame, call, b"/x", BLOCK, print, 5.0) == (BLOCK, print, None)


@pytest.mark.parametrize(
    ("said", "only_adds"),
    [
        ("", True), (", headers: {x-a: '1'}", True), (", headers: {TraceParent: '1'}", False), (", forward: {headers: [tracestate]}", False),
        (", forward: {headers: [x-a]}", True), (", forward: {headers: all}", False), (", headers: {traceparent: '{{ query.t }}'}", False),
    ],
)  # fmt: skip
def test_an_older_context_is_looked_for_where_there_may_be_one(plan_of: Any, said: str, only_adds: bool) -> None:
    """Elsewhere lines are only added; calls for which that is so share what does it."""
    request = (
        plan_of(f"endpoints: {{GET /x: {{call: {{url: a:/x{said}}}}}}}").endpoints[0].fan.parts[0].calls[0].request
    )
    tracing = Tracing(TracesPlan())
    found = tracing.over(request)
    assert (found.only_adds, tracing.only_adds) == (only_adds, False)
    assert found is tracing.over(request)
    assert (found is tracing) is not only_adds
    frame = begun(tracing)
    lines = found.block(b"traceparent: old\r\n", frame.exchange.trace, "")
    assert lines.startswith(b"traceparent: old\r\n") is only_adds
