"""What a reply means, judged without a network: success or failure, how its body is read, and how long that may take."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.causes import State
from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.parts.body import SHORT
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.calls import CallPlan, SuccessPlan
from aggregator.plan.types import Plan
from aggregator.runtime.calls.judging import Judge, is_verdict, judges_alike
from aggregator.runtime.coding import LARGE
from aggregator.transport import Reply

PlanOf = Callable[[str], Plan]
JSON, TEXT, XML = b"application/json", b"text/plain", b"application/xml"
_AT_ONCE = 4096


class _Loop:
    """A clock that stands."""

    @staticmethod
    def time() -> float:
        """Return loop time."""
        return 7.0


@pytest.fixture
def call(plan_of: PlanOf) -> CallPlan:
    """Return the plan of a call to `a` whose body is read at once, though no expression reads it."""
    (endpoint,) = plan_of("endpoints: {GET /x: {call: a:/x}}").endpoints
    assert endpoint.fan is not None
    return replace(endpoint.fan.parts[0].calls[0], eager=True)


def judged(plan: CallPlan, reply: Reply, *fields: tuple[bytes, bytes], read: Any = None) -> Result:
    """Return the result that *reply* is to a request with *fields*."""
    exchange = Exchange("GET", "/", b"", list(fields))
    frame = Frame(exchange, Names(exchange), 100.0, _Loop())  # type: ignore[arg-type]
    return Judge(plan).judge(frame, reply, 3.0, read)


def reply(body: bytes = b"1", status: int = 200, kind: bytes | None = JSON, *more: tuple[bytes, bytes]) -> Reply:
    """Return a reply that took two attempts."""
    headers: HeaderList = [*([] if kind is None else [(b"content-type", kind)]), *more]
    return Reply(status, headers, body, attempts=2)


MEANINGS = {
    404: "The upstream 'a' did not find it.",
    206: "The upstream 'a' sent only a part of its content (206), of which no whole answer can be made.",
    304: "The upstream 'a' answered that nothing was modified (304), so there is no body to make an answer of.",
    412: "The upstream 'a' answered that a condition of the request does not hold (412).",
    416: "The upstream 'a' answered that it has no such range (416).",
    300: "The upstream 'a' answered with a redirect (300), which is not followed.",
    399: "The upstream 'a' answered with a redirect (399), which is not followed.",
    299: "The upstream 'a' answered with status 299.",
    400: "The upstream 'a' answered with status 400.",
    503: "The upstream 'a' answered with status 503.",
}


@pytest.mark.parametrize(("status", "meaning"), MEANINGS.items())
def test_what_a_status_means_that_is_no_success(call: CallPlan, status: int, meaning: str) -> None:
    """In a sentence; the facts of the reply stay."""
    sent = reply(b'{"why":1}', status)
    result = judged(replace(call, success=SuccessPlan(frozenset({200}))), sent)
    assert (result.state, result.cause and result.cause.value, str(result.error)) == (State.FAILED, "status", meaning)
    assert (result.name, result.status, result.upstream, result.attempts) == ("call", status, "a", 2)
    assert (result.started, result.ended, result.reply, result.value) == (3.0, 7.0, sent, {"why": 1})


@pytest.mark.parametrize(
    ("status", "said", "asked"),
    [(429, b"7", 7.0), (503, b"0", 0.0), (503, b"", None), (500, b"7", None), (404, b"7", None), (503, b"soon", None)],
)
def test_how_long_an_upstream_asks_to_wait(call: CallPlan, status: int, said: bytes, asked: float | None) -> None:
    """By 429 and 503, where that says it."""
    result = judged(call, reply(b"", status, JSON, (b"retry-after", said)))
    assert result.error is not None
    assert result.error.retry_after == asked


@pytest.mark.parametrize(
    ("body", "value"), [(b"[1]", [1]), (b"no", "no"), (b"\xff", "\ufffd"), (b"", ""), (b"\xef\xbb\xbf{}", {})]
)
def test_the_body_of_a_failure_may_be_anything_at_all(call: CallPlan, body: bytes, value: Any) -> None:
    """Data for expressions, if it is JSON, whatever it claims; else text."""
    assert judged(call, reply(body, 500, XML)).value == value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b' {"a": 1.0}\n', b'{"a": 1.0}'), (b'{"a": 1.0}', b'{"a": 1.0}'), (b"\t1", b"1"), (b"1\r", b"1"),
        (b"\xef\xbb\xbf[1]", b"[1]"), ('"ä"'.encode(), '"ä"'.encode()), (b"{", None), (b"\xff", None), (b"1 2", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [JSON, b"application/json; charset=utf-8", b"application/hal+json"])
def test_what_claims_to_be_json_is_proved(call: CallPlan, body: bytes, text: bytes | None, kind: bytes) -> None:
    """It is copied without the blanks around it, and proved once for all who are given the same reply."""
    sent = reply(body, 200, kind)
    result = judged(call, sent)
    if text is None:
        assert (result.state, result.cause and result.cause.value, sent.is_json) == (State.FAILED, "malformed", False)
    else:
        assert (result.state, result.json, result.value) == (State.OK, text, json.loads(text))


def test_a_proof_is_not_made_twice(call: CallPlan) -> None:
    """Nor where it is of another text than the reply has."""
    good, marked, proved = reply(b"[1]"), reply(b"\xef\xbb\xbf[1]"), reply(b"no")
    proved.is_json = True
    for sent in (good, marked):
        judged(call, sent)
    assert (good.is_json, marked.is_json) == (True, False)
    assert judged(call, proved).state is State.OK


@pytest.mark.parametrize("kind", [JSON, TEXT, None])
@pytest.mark.parametrize("is_eager", [True, False])
def test_no_body_is_no_failure(call: CallPlan, kind: bytes | None, is_eager: bool) -> None:
    """Whatever it would have been."""
    result = judged(replace(call, eager=is_eager), reply(b"", 200, kind))
    assert (result.state, result.value, result.json) == (State.OK, None, b"null")


def test_a_body_has_a_cap_of_its_own(call: CallPlan) -> None:
    """At which it may be; one byte more is a failure, whatever its status."""
    capped = replace(call, max_body=3)
    assert judged(capped, reply(b"123")).state is State.OK
    for status in (200, 500):
        result = judged(capped, reply(b"1234", status))
        assert result.cause is not None
        assert (result.cause.value, str(result.error)) == ("too_large", "The upstream 'a' sent too large a body.")


def test_a_condition_that_the_client_set_is_answered(call: CallPlan) -> None:
    """By one of its verdicts, where one of the fields is there; else that status is a failure."""
    verdicts = ((304, frozenset({b"if-none-match"})), (412, frozenset({b"if-match"})))
    success = SuccessPlan(frozenset({200}), None, verdicts)
    plan = replace(call, success=success)
    states = [
        judged(plan, reply(b"", status), (name, b'"t"')).state
        for status in (304, 412)
        for name in (b"if-none-match", b"if-match")
    ]
    assert states == [State.OK, State.FAILED, State.FAILED, State.OK]
    assert is_verdict(success, 500, Exchange("GET", "/", b"", [(b"if-match", b"*")])) is False
    assert is_verdict(success, 304, Exchange("GET", "/", b"", [])) is False


@pytest.mark.parametrize(("size", "is_shared"), [(SHORT, False), (SHORT + 1, True)])
@pytest.mark.parametrize("status", [200, 500])
def test_long_data_is_shared_with_who_is_given_the_same_reply(
    call: CallPlan, size: int, is_shared: bool, status: int
) -> None:
    """Of failures too."""
    sent = reply(b"[" + b" " * (size - 3) + b"1]", status)
    one, other = judged(call, sent), judged(call, sent)
    assert one.value == other.value == [1]
    assert (one.value is other.value) is is_shared


def long(size: int, kind: bytes | None = XML, status: int = 200) -> Reply:
    """Return a reply of so many bytes."""
    return reply(b"<a/>".ljust(size), status, kind)


@pytest.mark.parametrize(
    ("sent", "said", "is_long"),
    [
        (long(_AT_ONCE), {}, False), (long(_AT_ONCE + 1), {}, True), (long(_AT_ONCE + 1, JSON), {}, False),
        (long(_AT_ONCE + 1, b"application/hal+json"), {}, False), (long(_AT_ONCE + 1, status=500), {}, False),
        (long(_AT_ONCE + 1), {"eager": False}, False), (long(_AT_ONCE + 1), {"eager": False, "format": "xml"}, True),
        (long(_AT_ONCE + 1), {"max_body": _AT_ONCE}, False), (long(_AT_ONCE + 1), {"max_body": _AT_ONCE + 1}, True),
        (long(_AT_ONCE + 1, JSON), {"format": "xml"}, True), (long(_AT_ONCE + 1), {"format": "json"}, False),
        (long(_AT_ONCE + 1, b"application/x-unknown"), {}, False),
    ],
)  # fmt: skip
def test_which_bodies_are_read_in_a_thread(call: CallPlan, sent: Reply, said: dict[str, Any], is_long: bool) -> None:
    """Long ones of a success, in a format that takes long; JSON does not."""
    reading = Judge(replace(call, **said)).long_reading(sent)
    assert (reading is not None) is is_long


@pytest.mark.parametrize(
    ("said", "size", "status", "is_long"),
    [
        ({"is_read": True}, LARGE, 200, False), ({"is_read": True}, LARGE + 1, 200, True), ({}, LARGE + 1, 200, False),
        ({"is_read": True}, LARGE + 1, 500, False),
    ],
)  # fmt: skip
def test_what_is_looked_into_may_take_long(
    call: CallPlan, said: dict[str, Any], size: int, status: int, is_long: bool
) -> None:
    """A success of more bytes than so many, where expressions read it."""
    exchange = Exchange("GET", "/", b"", [])
    assert Judge(replace(call, **said)).takes_long(long(size, JSON, status), Names(exchange)) is is_long


@pytest.mark.parametrize(
    ("said", "at_once", "may_take_long"),
    [
        ({}, _AT_ONCE, True), ({"eager": False}, sys.maxsize, False), ({"format": "json"}, sys.maxsize, False),
        ({"format": "json", "is_read": True}, LARGE, True), ({"format": "xml", "eager": False}, _AT_ONCE, True),
        ({"is_read": True}, _AT_ONCE, True),
    ],
)  # fmt: skip
def test_up_to_how_many_bytes_a_reply_never_takes_long(
    call: CallPlan, said: dict[str, Any], at_once: int, may_take_long: bool
) -> None:
    """By what may come, and by who reads it."""
    judge = Judge(replace(call, **said))
    assert (judge.at_once, judge.may_take_long) == (at_once, may_take_long)


def test_calls_whose_replies_mean_the_same(call: CallPlan) -> None:
    """By all that a reply is judged and read by; one with a shape or a verdict of its own is like no other."""
    assert judges_alike(call) == judges_alike(replace(call, timeout=9.0)) is not None
    others = [{"name": "b"}, {"success": SuccessPlan(frozenset({1}))}, {"max_body": 1}, {"format": "xml"}, {"eager": False},
              {"is_read": True}, {"is_copied": True}]  # fmt: skip
    assert len({judges_alike(replace(call, **one)) for one in ({}, *others)}) == len(others) + 1
    assert judges_alike(replace(call, graphql="strict")) is None


def test_what_was_read_before_is_not_read_again(call: CallPlan) -> None:
    """It is given; a failure of that reading is one of the reply."""
    assert judged(call, reply(b"<a/>", 200, XML), read=lambda: {"a": 1}).value == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "body", "state", "value"),
    [
        (None, b"{", State.OK, "malformed"), (TEXT, b"no", State.OK, "no"), (XML, b"<a>1</a>", State.OK, {"a": "1"}),
        (b"application/hal+json", b"{", State.FAILED, "{"), (b"application/hal+json", b"[1]", State.OK, [1]), (JSON, b"{", State.FAILED, "{"),
    ],
)  # fmt: skip
def test_what_passes_through_is_read_where_somebody_asks(
    call: CallPlan, kind: bytes | None, body: bytes, state: State, value: Any
) -> None:
    """It may be anything, but for what claims to be JSON."""
    result = judged(replace(call, eager=False), reply(body, 200, kind))
    try:
        found = result.value
    except CallError as error:
        found = error.cause.value
    assert (result.state, found) == (state, value)


@pytest.mark.parametrize("kind", [b"application/json; charset=utf-16", b"application/hal+json; charset=utf-16"])
def test_json_is_passed_on_in_utf_8(call: CallPlan, kind: bytes) -> None:
    """As its type says then; other fields stay."""
    result = judged(call, reply(" [1]".encode("utf-16"), 200, kind, (b"x-a", b"1")))
    told = kind.partition(b";")[0] + b"; charset=utf-8"
    assert (result.raw, result.json) == (b" [1]", b"[1]")
    assert result.headers == [(b"content-type", told), (b"x-a", b"1")]
