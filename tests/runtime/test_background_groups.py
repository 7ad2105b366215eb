"""A background call may be a fan-out: calls side by side, which may read each other; it is told of as one."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

from aggregator.exchange import Exchange
from tests.runtime.test_background_lists import fails_at

PAIR = "{name: told, fan_out: {one: 'POST b:/one', two: 'POST b:/two'}}"


@pytest.fixture
def told(serve):
    """Return a function: how an effect ended, by name and how, and the path and body of each call of it, sorted."""

    def tell(effect, sink, body=None):
        gateway = serve(
            f"endpoints: {{POST /x: {{body: {{type: object}}, call: a:/x, background: [{effect}]}}}}\n"
            "groups: {audits: {audit: 'POST b:/audit'}}",
            lambda request: httpx.Response(200, json={"id": 7}) if request.url.host == "a.test" else sink(request),
        )
        assert gateway.post("/x", json=body or {}).status_code == 200
        gateway.close()  # which lets them end
        calls = [one for one in gateway.upstream.requests if one.url.host == "b.test"]
        return dict(gateway.app.running.queue.ends), sorted((one.url.path, one.content) for one in calls)

    return tell


def test_all_calls_of_it_are_made(told):
    """Those of groups too; what the sinks answer is not looked at, and the effect is done once."""
    effect = "{name: told, fan_out: {use: audits, one: 'POST b:/one', two: {url: POST b:/two, json: '{{ call.id }}'}}}"
    ends, calls = told(effect, fails_at())  # whose answers are no text
    assert calls == [("/audit", b""), ("/one", b""), ("/two", b"7")]
    assert ends == {("told", "done"): 1}


def test_one_reads_what_another_got(told):
    """As in an answer: it waits for that one, and only what is read is looked at."""
    effect = (
        "{name: told, fan_out: {mail: {url: POST b:/mail, json: '{{ contact.no }}'}, contact: 'POST b:/contact', "
        "late: {url: POST b:/late, needs: [mail]}}}"
    )
    answers = {"/contact": {"json": {"no": 3}}}
    ends, calls = told(
        effect, lambda request: httpx.Response(200, **answers.get(request.url.path, {"content": b"\xff"}))
    )
    assert calls == [("/contact", b""), ("/late", b""), ("/mail", b"3")]
    assert ends == {("told", "done"): 1}


def test_a_call_that_fails_is_the_failure_of_all(told, caplog):
    """The log names the call."""
    ends, _ = told(PAIR, fails_at("/two"))
    assert ends == {("told", "failed"): 1}
    reasons = [record.fields["reason"] for record in caplog.records if record.name == "aggregator.background"]
    assert reasons == ["two: The upstream 'b' answered with status 500."]


def test_what_waits_for_one_that_failed_is_not_called(told):
    """As in an answer."""
    effect = "{name: told, fan_out: {one: 'POST b:/one', two: {url: POST b:/two, needs: [one]}}}"
    assert told(effect, fails_at("/one")) == ({("told", "failed"): 1}, [("/one", b"")])


def test_an_optional_call_stops_no_other_and_is_told(told, caplog):
    """The others are made, also one that waits for it; the effect has failed all the same."""
    effect = "{name: told, fan_out: {one: {url: POST b:/one, optional: true}, two: {url: POST b:/two, needs: [one]}}}"
    ends, calls = told(effect, fails_at("/one"))
    assert calls == [("/one", b""), ("/two", b"")]
    assert ends == {("told", "failed"): 1}
    assert [record.fields["reason"] for record in caplog.records if record.levelno >= logging.WARNING] == [
        "one: The upstream 'b' answered with status 500."
    ]


def test_a_part_may_be_a_list_a_race_or_a_group(told):
    """With their own rules."""
    effect = (
        "{name: told, fan_out: {each: {url: 'POST b:/each/{item}', for_each: '{{ body.all }}'}, "
        "first: {race: ['POST b:/one']}, inner: {fan_out: {two: 'POST b:/two'}}}}"
    )
    ends, calls = told(effect, fails_at(), {"all": ["a", "b"]})
    assert [path for path, _ in calls] == ["/each/a", "/each/b", "/one", "/two"]
    assert ends == {("told", "done"): 1}


def test_a_group_that_is_read_is_there_as_a_whole(told):
    """Also one within: another call sends it on."""
    effect = (
        "{name: told, fan_out: {inner: {fan_out: {n: 'POST b:/n'}}, "
        "all: {url: POST b:/all, json: {got: '{{ inner }}'}}}}"
    )
    _, calls = told(effect, lambda _: httpx.Response(200, json=5))
    assert json.loads(dict(calls)["/all"]) == {"got": {"n": 5}}


@pytest.mark.parametrize(("go", "how"), [(True, "done"), (False, "skipped")])
def test_conditions_are_of_all_or_of_one(told, go, how):
    """``when`` beside the fan-out is about all of it, that of a call about the call."""
    effect = (
        "{name: told, when: '{{ body.go }}', fan_out: {one: {url: POST b:/one, when: '{{ body.one }}'}, "
        "two: 'POST b:/two'}}"
    )
    assert told(effect, fails_at(), {"go": go}) == ({("told", how): 1}, [("/two", b"")] if go else [])


def test_nobody_waits_for_them(told, monkeypatch):
    """Also once one has ended, the others go behind the calls of requests that somebody waits for."""
    seen = []
    flag = Exchange.under_way

    monkeypatch.setattr(
        Exchange,
        "under_way",
        property(
            flag.__get__,
            lambda one, value: (seen.append(value) if not one.is_awaited else None, flag.__set__(one, value)),
        ),
    )
    effect = "{name: told, fan_out: {one: 'POST b:/one', two: {url: POST b:/two, needs: [one]}}}"
    told(effect, fails_at())
    assert seen
    assert set(seen) == {False}
