"""A background call may be made for each item of a list, or have alternatives; it is told of as one."""

from __future__ import annotations

import httpx
import pytest

NOTIFY = "{name: notify, for_each: %s, url: 'POST b:/send/{item.to}', json: {n: '{{ index }}'}}"
EACH = "'{{ body.all }}'"


def told(serve, effect, sink, body=None):
    """Return how effects ended, by name and how, and the path and body of each call to the *sink* in order."""
    gateway = serve(
        f"endpoints: {{POST /x: {{body: {{type: object}}, call: a:/x, background: [{effect}]}}}}",
        lambda request: httpx.Response(200, json={}) if request.url.host == "a.test" else sink(request),
    )
    assert gateway.post("/x", json=body or {}).status_code == 200
    gateway.close()  # which lets them end
    calls = [one for one in gateway.upstream.requests if one.url.host == "b.test"]
    return dict(gateway.app.running.queue.ends), [(one.url.path, one.content) for one in calls]


def fails_at(*paths):
    """Return a sink that refuses the calls with *paths*, and answers all others with what is no text."""
    return lambda request: httpx.Response(500 if request.url.path in paths else 200, content=b"\xff")


def test_one_call_is_made_for_each_item(serve):
    """The list is what the request says; what the sink answers is not looked at; the effect is done once."""
    ends, calls = told(serve, NOTIFY % EACH, fails_at(), {"all": [{"to": "ada"}, {"to": "bob"}]})
    assert sorted(calls) == [("/send/ada", b'{"n":0}'), ("/send/bob", b'{"n":1}')]
    assert ends == {("notify", "done"): 1}


def test_the_first_failure_of_an_item_ends_the_list(serve):
    """As in an answer: nothing further is begun."""
    each = f"{{in: {EACH}, concurrency: 1}}"
    ends, calls = told(serve, NOTIFY % each, fails_at("/send/a"), {"all": [{"to": "a"}, {"to": "b"}]})
    assert [path for path, _ in calls] == ["/send/a"]
    assert ends == {("notify", "failed"): 1}


def test_an_item_that_may_fail_stops_no_other_and_is_told(serve, caplog):
    """With ``on_error: skip`` all others are made, and the effect has failed all the same: the log names the item."""
    each = f"{{in: {EACH}, concurrency: 1, on_error: skip}}"
    ends, calls = told(serve, NOTIFY % each, fails_at("/send/a"), {"all": [{"to": "a"}, {"to": "b"}]})
    assert [path for path, _ in calls] == ["/send/a", "/send/b"]
    assert ends == {("notify", "failed"): 1}
    reasons = [record.fields["reason"] for record in caplog.records if record.name == "aggregator.background"]
    assert reasons == ["notify[0]: The upstream 'b' answered with status 500."]


@pytest.mark.parametrize(("body", "how"), [({}, "done"), ({"all": "ada"}, "failed")])
def test_no_list_is_an_empty_one_and_what_is_none_fails(serve, body, how):
    """A list that is missing has no items; a text is a mistake, which the log tells."""
    assert told(serve, NOTIFY % EACH, fails_at(), body) == ({("notify", how): 1}, [])


def test_an_alternative_is_made_when_the_call_fails(serve):
    """The next is tried, with a body of its own, and the effect is done."""
    effect = "{name: tell, url: POST b:/one, json: 1, fallback: [{url: POST b:/two, json: '{{ body.n }}'}, b:/three]}"
    ends, calls = told(serve, effect, fails_at("/one"), {"n": 7})
    assert calls == [("/one", b"1"), ("/two", b"7")]
    assert ends == {("tell", "done"): 1}


def test_alternatives_that_fail_are_one_failure(serve):
    """None is left: the effect has failed, once."""
    effect = "{name: tell, url: POST b:/one, json: 1, fallback: [POST b:/two]}"
    ends, calls = told(serve, effect, fails_at("/one", "/two"))
    assert [path for path, _ in calls] == ["/one", "/two"]
    assert ends == {("tell", "failed"): 1}


def test_a_condition_is_asked_once(serve):
    """``when`` is about all items."""
    effect = NOTIFY.replace("{name", "{when: '{{ body.go }}', name") % EACH
    assert told(serve, effect, fails_at(), {"all": [{"to": "a"}], "go": False}) == ({("notify", "skipped"): 1}, [])
