"""The context of traces in header fields, as the public test suite of W3C Trace Context checks it.

The cases of ``traceparent`` and ``tracestate`` are those of https://github.com/w3c/trace-context/tree/main/test, told
in our own words.
"""

from __future__ import annotations

import pytest

from aggregator.telemetry.traces.context import Context, Propagation, context_lines, read_context
from aggregator.telemetry.traces.trace import (
    IDS_AT_ONCE,
    MOST_CALLS,
    CallSpan,
    Trace,
    Unfollowed,
    new_ids,
    new_span,
)

TRACE, SPAN = "12345678901234567890123456789012", "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"


def read(*fields: tuple[str, str], ways: tuple[Propagation, ...] = ("tracecontext",)) -> Context | None:
    """Return the context of a request with *fields*."""
    return read_context([(name.encode(), value.encode()) for name, value in fields], ways)


@pytest.mark.parametrize(
    ("sent", "sampled"),
    [
        (PARENT, True), (f"00-{TRACE}-{SPAN}-00", False), (f"00-{TRACE}-{SPAN}-03", True),
        (f" {PARENT}\t", True), (f"cc-{TRACE}-{SPAN}-01", True), (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be", True),
        (f"cc-{TRACE}-{SPAN}-00-", False),
    ],
)  # fmt: skip
def test_a_parent_is_continued(sent, sampled):
    """Version 0 as it is, later ones by what version 0 knows of them; only the flag of sampling counts."""
    assert read(("traceparent", sent)) == Context(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "sent",
    [
        "", "foo", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-", f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.what", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}.-{SPAN}-01", f"00-{TRACE}-{SPAN[:-1]}.-01", f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01", f"00-{TRACE}-{SPAN[:-1]}-01", f"00-{TRACE}-{SPAN}0-01", f"00-{TRACE}-{SPAN}-0",
        f"00-{TRACE}-{SPAN}-001", f"00-{TRACE}-{SPAN}-.0", f"0-{TRACE}-{SPAN}-01", f".0-{TRACE}-{SPAN}-01",
        PARENT.replace("12345678901234567890123456789012", "ABCDEFABCDEFABCDEFABCDEFABCDEFAB"),
    ],
)  # fmt: skip
def test_what_is_no_parent_begins_a_trace(sent):
    """Wrong versions, lengths, characters and zeros; with a state, too, which is dropped with it."""
    assert read(("traceparent", sent), ("tracestate", "foo=1")) is None


def test_two_parents_are_none():
    """Whom to believe is not known."""
    assert read(("traceparent", PARENT), ("traceparent", PARENT)) is None
    assert read(("tracestate", "foo=1")) is None


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (["foo=1,bar=2"], "foo=1,bar=2"), (["foo=1", "bar=2"], "foo=1,bar=2"), (["foo=1", "", "bar=2"], "foo=1,bar=2"),
        (["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"), (["foo=1,", "bar=2"], "foo=1,bar=2"), ([""], ""),
        (["foo@bar=1"], "foo@bar=1"), ([f"{'z' * 256}=1"], f"{'z' * 256}=1"), ([f"{'z' * 257}=1"], ""),
        ([f"{'t' * 241}@{'v' * 14}=1"], f"{'t' * 241}@{'v' * 14}=1"), ([f"{'t' * 242}@v=1"], ""),
        ([f"t@{'v' * 15}=1"], ""), (["foo =1"], ""), (["FOO=1"], ""), (["foo.bar=1"], ""), (["foo@=1,bar=2"], ""),
        (["@foo=1,bar=2"], ""), (["foo@@bar=1"], ""), (["foo@bar@baz=1"], ""), (["foo=bar=baz"], ""), (["foo=,bar=3"], ""),
        (["foo"], ""), (["foo=é"], ""), ([f"foo={'v' * 256}"], f"foo={'v' * 256}"), ([f"foo={'v' * 257}"], ""),
        ([",".join(f"k{n}=1" for n in range(32))], ",".join(f"k{n}=1" for n in range(32))),
        ([",".join(f"k{n}=1" for n in range(33))], ""), (["foo=1,foo=2"], "foo=1,foo=2"),
    ],
)  # fmt: skip
def test_the_state_goes_with_its_parent(sent, state):
    """Lines are one list; a malformed member, or more than 32, drop the list and leave the parent."""
    found = read(("traceparent", PARENT), *(("tracestate", value) for value in sent))
    assert found == Context(TRACE, SPAN, True, state.encode())


@pytest.mark.parametrize(
    ("fields", "sampled"),
    [
        ([("b3", f"{TRACE}-{SPAN}-1")], True), ([("b3", f"{TRACE}-{SPAN}-0-{SPAN}")], False),
        ([("b3", f"{TRACE}-{SPAN}-d")], True), ([("b3", f"{TRACE}-{SPAN}")], None),
        ([("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "1")], True),
        ([("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "false")], False),
        ([("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-flags", "1")], True),
        ([("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)], None),
    ],
)  # fmt: skip
def test_b3_where_it_is_declared(fields, sampled):
    """One header or several (https://github.com/openzipkin/b3-propagation); elsewhere they are nothing."""
    assert read(*fields, ways=("b3",)) == Context(TRACE, SPAN, sampled)
    assert read(*fields) is None


def test_short_ids_and_others_of_b3():
    """64 bits are filled up with zeros; what cannot be read, or is zero, begins a trace."""
    assert read(("b3", f"{TRACE[:16]}-{SPAN}-1"), ways=("b3",)) == Context(TRACE[:16].zfill(32), SPAN, True)
    for wrong in ("0", "1", f"{TRACE}", f"{'0' * 32}-{SPAN}-1", f"{TRACE}-{'0' * 16}-1", f"{TRACE[:20]}-{SPAN}-1"):
        assert read(("b3", wrong), ways=("b3",)) is None
    assert read(("x-b3-traceid", TRACE), ways=("b3",)) is None


def test_the_first_way_that_has_a_context_counts():
    """The order is that of `propagate`."""
    fields = (("traceparent", PARENT), ("b3", f"{TRACE}-{'f' * 16}-0"), ("baggage", "a=1"))
    assert read(*fields, ways=("tracecontext", "b3")) == Context(TRACE, SPAN, True)
    assert read(*fields, ways=("b3", "tracecontext")) == Context(TRACE, "f" * 16, False)
    assert read(*fields, ways=("tracecontext", "baggage")) == Context(TRACE, SPAN, True, baggage=b"a=1")


def test_what_is_sent_can_be_read():
    """Each way writes what it reads."""
    for way in ("tracecontext", "b3"):
        lines = context_lines(TRACE, SPAN, (way, "baggage"), sampled=True, state=b"", baggage=b"a=1").decode()
        fields = [tuple(line.split(": ")) for line in lines.splitlines()]
        assert read(*fields, ways=(way, "baggage")) == Context(TRACE, SPAN, True, baggage=b"a=1")
    assert context_lines(TRACE, SPAN, ("tracecontext",), sampled=False, state=b"foo=1", baggage=b"") == (
        f"traceparent: 00-{TRACE}-{SPAN}-00\r\ntracestate: foo=1\r\n".encode()
    )


def test_ids_have_their_lengths():
    """32 and 16 digits, and each is another one."""
    pairs = [*new_ids(), *new_ids()]
    assert {(len(trace), len(span)) for trace, span in pairs} == {(32, 16)}
    assert len({trace for trace, _ in pairs}) == len({span for _, span in pairs}) == 2 * IDS_AT_ONCE
    assert len({new_span() for _ in range(100)}) == 100


def test_ids_are_never_zero(monkeypatch):
    """However the dice fall: an id of nothing but zeros is none (W3C Trace Context §3.2.2.3)."""
    monkeypatch.setattr("aggregator.telemetry.traces.trace.getrandbits", lambda _: 0)
    assert all(int(digits, 16) for pair in new_ids() for digits in pair)
    assert int(new_span(), 16)


def test_a_trace_that_nobody_follows_has_its_ids_in_its_line():
    """Log lines read them there."""
    trace = Unfollowed(b"traceparent: 00-%b-%b-00\r\n" % (TRACE.encode(), SPAN.encode()))
    assert (trace.id, trace.span) == (TRACE, SPAN)


@pytest.mark.parametrize(
    ("fields", "sampled"),
    [
        ([("x-b3-sampled", "0"), ("x-b3-flags", "1")], True),
        ([("x-b3-sampled", "1"), ("x-b3-flags", "0")], True),
        ([("x-b3-sampled", "true")], True),
        ([("x-b3-sampled", "0")], False),
        ([("x-b3-sampled", "maybe")], None),
        ([("x-b3-sampled", "0"), ("x-b3-sampled", "1")], False),
    ],
)
def test_who_decides_in_several_headers(fields, sampled):
    """The flag of debugging before the decision, of which the first counts."""
    ids = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)]
    assert read(*ids, *fields, ways=("b3",)) == Context(TRACE, SPAN, sampled)


def test_ids_of_several_headers_stand_alone():
    """Two of one kind are none, and neither are zeros or what joins to no pair."""
    for fields in (
        [("x-b3-traceid", TRACE), ("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)],
        [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-spanid", SPAN)],
        [("x-b3-traceid", "0" * 32), ("x-b3-spanid", SPAN)],
        [("x-b3-traceid", TRACE), ("x-b3-spanid", "0" * 16)],
        [("x-b3-traceid", TRACE), ("x-b3-spanid", "x")],
        [("b3", f"{TRACE}-{SPAN}-1"), ("b3", f"{TRACE}-{SPAN}-1")],
    ):
        assert read(*fields, ways=("b3",)) is None


@pytest.mark.parametrize(("size", "is_kept"), [(8192, True), (8193, False)])
def test_so_much_baggage_goes_along(size, is_kept):
    """Of all its lines together; without a context there is nobody to carry it."""
    lines = [("baggage", "a=" + "x" * (size - 6)), ("baggage", "b=1")]
    found = read(("traceparent", PARENT), *lines, ways=("tracecontext", "baggage"))
    assert found is not None
    assert found.baggage == (b"a=" + b"x" * (size - 6) + b",b=1" if is_kept else b"")
    assert read(*lines, ways=("tracecontext", "baggage")) is None


def test_each_way_has_its_lines():
    """In the order of `propagate`; what is empty has none."""
    made = context_lines(TRACE, SPAN, ("b3", "tracecontext", "baggage"), sampled=True, state=b"a=1", baggage=b"b=2")
    assert made.decode().split("\r\n") == [
        f"b3: {TRACE}-{SPAN}-1", f"traceparent: 00-{TRACE}-{SPAN}-01", "tracestate: a=1", "baggage: b=2", "",
    ]  # fmt: skip
    made = context_lines(TRACE, SPAN, ("tracecontext", "b3", "baggage"), sampled=False, state=b"", baggage=b"")
    assert made.decode().split("\r\n") == [f"traceparent: 00-{TRACE}-{SPAN}-00", f"b3: {TRACE}-{SPAN}-0", ""]
    made = context_lines(TRACE, SPAN, ("tracecontext",), sampled=True, state=b"", baggage=b"b=2")
    assert made == f"traceparent: 00-{TRACE}-{SPAN}-01\r\n".encode()


def test_a_trace_has_so_many_calls():
    """Two hundred and fifty-six; the others are counted."""
    trace = Trace(TRACE, SPAN, sampled=True)
    calls = [CallSpan(new_span(), "call", "up", "GET", b"/", 1.0) for _ in range(MOST_CALLS + 2)]
    for call in calls:
        trace.add(call)
    assert (trace.calls, trace.lost, MOST_CALLS) == (calls[:256], 2, 256)
