"""What a result knows of itself, and what listeners are told: facts that answers, logs and counters are made of."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from aggregator.errors import AggregatorError, CallError, Cause, ExpressionError
from aggregator.exchange import Exchange, State
from aggregator.parts.body import SHORT, Body
from aggregator.parts.events import Listeners, RequestEnded, Visitors, tell
from aggregator.parts.losses import lost_in
from aggregator.parts.names import LaterNames, Names
from aggregator.parts.result import MOST_MET, Result, as_call_error, failed, failed_within, skipped
from aggregator.parts.rows import RowPlan
from aggregator.transport import Reply


def result(name: str = "a", **said: Any) -> Result:
    """Return a result that took a second, but for what is *said*."""
    return Result(name, 1.0, 2.0, **said)


def test_the_facts_of_a_good_result() -> None:
    """Where nothing was out of the ordinary."""
    one = result(status=200, headers=[(b"content-type", b"a/b"), (b"content-type", b"c/d"), (b"x", b"1")])
    assert (one.content_type, one.header_map()) == (b"a/b", {"content-type": "a/b, c/d", "x": "1"})
    assert (one.is_there, one.milliseconds, one.age, one.is_joined, one.lacks_tags) == (
        True,
        1000.0,
        None,
        False,
        False,
    )
    assert (one.tags, one.rows, one.row, one.scope, one.met, one.elements) == (frozenset(), None, "", (), (), None)
    assert (one.words, one.attempts, repr(one)) == (("200",), 1, "<Result a: ok>")
    assert dict(one.view()) == {
        "status": 200, "headers": {"content-type": "a/b, c/d", "x": "1"}, "cookies": {}, "body": None, "state": "ok",
        "cause": None,
    }  # fmt: skip
    assert len(one.view()) == 6


def test_a_clock_that_goes_back_makes_no_negative_duration() -> None:
    """It took no time, as far as anybody can tell."""
    assert Result("a", 2.0, 1.0).milliseconds == 0.0


@pytest.mark.parametrize("state", State)
def test_what_is_there_was_said_by_an_upstream(state: State) -> None:
    """Now, or before: nothing that stands in for a failure."""
    assert result(state=state).is_there is (state in (State.OK, State.STALE))


def test_what_was_kept_was_not_called_for() -> None:
    """Its headers and tags may be those that were kept; else they stay."""
    one = result(reply=Reply(200, [], b"", False, 0.0, 0.0, 0.0, 0.0), headers=[(b"a", b"1")])
    one.tags = frozenset({"t"})
    one.was_kept(3.5)
    assert (one.age, one.attempts, one.reply, one.headers, one.tags) == (3.5, 0, None, [(b"a", b"1")], {"t"})
    assert one.words == ()
    one.was_kept(0.0, [(b"b", b"2")], frozenset({"u"}))
    assert (one.age, one.headers, one.tags) == (0.0, [(b"b", b"2")], {"u"})


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (result(status=503), ("503",)),
        (result(cause=Cause.REFUSED), ("refused",)),
        (result(state=State.CANCELLED), ("cancelled",)),
        (skipped("a", 0.0), ()),
    ],
)
def test_an_attempt_in_one_word(one: Result, words: tuple[str, ...]) -> None:
    """Its status, else its cause, else its state; nothing of what was never sent."""
    assert one.words == words


def test_the_last_attempts_are_told() -> None:
    """One alone is told by the result itself; of too many the first are left out."""
    one = result(status=200)
    one.has_met(("500",))
    assert one.met == ()
    one.has_met(("500", "200"))
    assert (one.met, one.words) == (("500", "200"), ("500", "200"))
    one.has_met(tuple(map(str, range(20))))
    assert one.met == tuple(map(str, range(4, 20)))
    assert len(one.met) == MOST_MET


def test_the_calls_that_a_result_consists_of() -> None:
    """Itself, or those inside; it rests on what was tried before as well, and on parts that failed it."""
    call, tried, inner = result("call"), result("tried"), result("inner")
    assert ([*call.replies()], [*call.rests_on()]) == ([call], [call])
    call.tried = (tried,)
    group = result("group")
    group.made_of((call, inner))
    assert [one.name for one in group.replies()] == ["call", "inner"]
    assert [one.name for one in group.rests_on()] == ["call", "tried", "inner"]
    broken = result("broken", state=State.FAILED, parts=(inner,))
    assert [one.name for one in broken.rests_on()] == ["broken", "inner"]
    assert [one.name for one in result("fine", parts=(inner,)).rests_on()] == ["fine"]


def test_a_failure_forgets_what_the_reply_meant() -> None:
    """Its error has no frames any more, which would hold the whole request."""
    one = result(status=200, raw=b"1", decoder=json.loads)
    assert one.value == 1
    with pytest.raises(CallError) as caught:
        raise CallError(Cause.MALFORMED, "No.")
    error = caught.value
    assert error.__traceback__ is not None
    assert one.fail(error) is one
    assert (error.__traceback__, error.__context__) == (None, None)
    assert (one.state, one.cause, one.status, str(one.error)) == (State.FAILED, Cause.MALFORMED, 200, "No.")
    assert (one.raw, one.is_read) == (b"1", False)


def test_errors_that_are_no_failures_of_calls() -> None:
    """What expressions and shapes raise has a cause of its own."""
    call = CallError(Cause.REFUSED, "No.")
    assert as_call_error(call) is call
    for error in (ExpressionError("Not so."), AggregatorError("Not so.")):
        found = as_call_error(error)
        assert (found.cause, str(found)) == (Cause.EXPRESSION, "Not so.")


def test_a_group_fails_as_what_failed_in_it() -> None:
    """By its reply, its rows and its error; the parts around it are seen from there, the nearest first."""
    rows = (RowPlan("any", status=503),)
    inner = failed("in", CallError(Cause.STATUS, "No."), 0.0, 1.0, upstream="up", status=500, rows=rows, attempts=3)
    inner.headers, inner.raw = [(b"a", b"1")], b"body"
    assert (inner.attempts, inner.upstream, inner.rows, inner.scope) == (3, "up", rows, ())
    outer = failed_within("out", failed_within("mid", inner, "near", 0.0, 2.0), "far", 0.5, 3.0)
    assert (outer.name, outer.started, outer.ended, outer.status, outer.upstream) == ("out", 0.5, 3.0, 500, "up")
    assert (outer.headers, outer.raw, outer.rows, outer.scope) == ([(b"a", b"1")], b"body", rows, ("near", "far"))
    assert outer.error is inner.error


def test_what_was_lost_inside() -> None:
    """What failed or was replaced, at any depth, not what is inside of that again."""
    bad, old, fine = result("bad", state=State.FAILED), result("old", state=State.STALE), result("fine")
    stood_in = result("stood in", state=State.DEFAULT, parts=(bad,))
    left_out = result("left out", state=State.SKIPPED, cause=Cause.DEGRADED)
    unwanted = result("unwanted", state=State.SKIPPED)
    deep = result("deep", parts=(result("group", parts=(bad, fine)), old))
    assert [one.name for one in lost_in(deep)] == ["bad", "old"]
    assert [one.name for one in lost_in(result(parts=(stood_in, left_out, unwanted)))] == ["stood in", "left out"]


def test_a_body_in_each_form() -> None:
    """Made from each other once, and no longer than they are true."""
    body = Body(raw=b'{"a": 1.10}', decoder=json.loads)
    assert (body.size, body.is_read) == (11, False)
    assert (body.value, body.is_read, body.json, body.size) == ({"a": 1.1}, True, b'{"a":1.1}', 9)
    body.json = b"[1]"
    assert (body.is_read, body.size, body.value, body.is_read) == (False, 3, [1], True)
    body.value = {"b": 2}
    assert (body.json, body.size) == (b'{"b":2}', 7)
    body.is_written(b'{"b": 2}')
    assert (body.json, body.value) == (b'{"b": 2}', {"b": 2})
    assert (Body().json, Body().value, Body().size) == (b"null", None, 0)


@pytest.mark.parametrize(("size", "is_shared"), [(SHORT, False), (SHORT + 1, True)])
def test_long_data_is_shared_by_results_of_a_reply(size: int, is_shared: bool) -> None:
    """A short text each reads for itself; who changes data has data of its own."""
    text = b"[" + b" " * (size - 3) + b"1]"
    reply = Reply(200, [], text, False, 0.0, 0.0, 0.0, 0.0)
    one, other = (Body(raw=text, decoder=json.loads) for _ in range(2))
    one.shares(reply)
    other.shares(reply)
    assert one.value == [1]
    assert other.is_read is is_shared
    assert (other.value is one.value) is is_shared
    own = other.own_value
    own.append(2)
    assert one.value == [1]
    other.json = b"[3]"
    assert (other.decoded, other.value) == (None, [3])


def test_numbers_keep_their_digits_where_they_are_copied() -> None:
    """Read once for all who only look, anew for each who may change it, and anew when the text is another."""
    body = Body()
    body.json = b"1.10"
    assert str(body.as_sent) == "1.10"
    assert body.as_sent is body.as_sent
    assert str(body.exact) == "1.10"
    body.json = b"2.20"
    assert str(body.as_sent) == "2.20"


@pytest.mark.parametrize(
    ("status", "partial", "bad"), [(499, False, False), (500, False, True), (200, True, True), (200, False, False)]
)
def test_a_bad_end_of_a_request(status: int, partial: bool, bad: bool) -> None:
    """A failure of ours, or an answer without all of its parts."""
    assert RequestEnded("GET /a", "1", "GET", "answered", status, None, partial, 0.0, 1.0).is_bad is bad


def test_visitors_come_and_go() -> None:
    """Some hear of everything, some of good answers without an event, some of bad ends alone."""
    visitors = Visitors()
    every, content, counting = (lambda event, number=number: number for number in range(3))
    visitors.join(every)
    visitors.join(content, is_content=True)
    visitors.join_counting(counting)  # type: ignore[arg-type]
    assert ([*visitors], visitors.every, visitors.answers) == ([every, content, counting], (every,), (counting,))
    visitors.leave(counting)
    visitors.leave(every)
    assert ([*visitors], visitors.every, visitors.answers) == ([content], (), ())


def test_listeners_beside_others() -> None:
    """Both hear, of each kind of event; visitors are those of whoever has a place for them."""
    names = [name for name in Listeners._fields if name != "visitors"]
    ours: dict[str, Any] = {name: (f"our {name}",) for name in names}
    theirs: dict[str, Any] = {name: (f"their {name}",) for name in names}
    both = Listeners(**ours).beside(Listeners(**theirs))
    assert {name: getattr(both, name) for name in names} == {name: (f"our {name}", f"their {name}") for name in names}
    visitors = Visitors()
    assert Listeners(visitors=visitors).beside(Listeners()).visitors is visitors
    assert Listeners().beside(Listeners(visitors=visitors)).visitors is visitors


def test_a_listener_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged as a fault of the program, with its place."""
    heard: list[object] = []
    event = RequestEnded("GET /a", "1", "GET", "answered", 200, None, False, 0.0, 1.0)

    def fail(_: object) -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR):
        tell((fail, heard.append), event)
    assert heard == [event]
    assert caplog.messages == ["A listener failed by a fault of the program: ValueError('no')"]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize(("later", "is_late"), [(0.0, False), (2.0, False), (2.1, True)])
def test_what_goes_on_later_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch, later: float, is_late: bool) -> None:
    """From the first look at the clock on, whatever the deadline of the request was."""
    exchange = Exchange("GET", "/a", b"", [])
    exchange.deadline = 1.0
    now = [100.0]
    monkeypatch.setattr("aggregator.parts.names.loop_time", lambda: now[0])
    names = LaterNames(Names(exchange), {}, 2.0)
    names.check_time()
    now[0] += later
    if is_late:
        with pytest.raises(CallError) as caught:
            names.child({}).check_time()
        assert (caught.value.cause, str(caught.value)) == (Cause.DEADLINE, "The answer could not be made in time.")
    else:
        names.child({}).check_time()


@pytest.mark.parametrize(("now", "is_late"), [(10.0, False), (10.05, False), (10.06, True)])
def test_expressions_have_a_moment_after_the_deadline(
    monkeypatch: pytest.MonkeyPatch, now: float, is_late: bool
) -> None:
    """To finish an answer that has all its parts; a request without a deadline has all the time."""
    exchange = Exchange("GET", "/a", b"", [])
    monkeypatch.setattr("aggregator.parts.names.loop_time", lambda: now)
    Names(exchange).child({}).check_time()
    exchange.deadline = 10.0
    if is_late:
        with pytest.raises(CallError):
            Names(exchange).child({}).check_time()
    else:
        Names(exchange).child({}).check_time()
