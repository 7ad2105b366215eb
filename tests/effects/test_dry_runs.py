"""Of a dry run nothing is sent: the log says what would be, and a durable one can be sent later."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from aggregator.plan.explaining.summary import call_words
from aggregator.stores.effects.contract import Filter
from tests.effects.conftest import Application, document, process

PLAIN = """
upstreams:
  mail: {url: 'http://mail.test/base', headers: {x-token: secret}}
endpoints:
  POST /signup:
    body: {type: object}
    respond: {status: 201}
    background:
      - {name: welcome, dry_run: true, for_each: '{{ body.all }}', url: 'POST mail:/send/{item}', json: {to: '{{ item }}'}}
"""


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of each line that tells of a dry run."""
    return [record.fields for record in caplog.records if record.msg == "A dry run: this would be sent."]  # type: ignore[attr-defined]


def kept(served: Application) -> list[dict[str, Any]]:
    """Return the effects that are kept."""
    return served.run(served.outbox.ask(lambda store: store.find(Filter())))


def test_a_call_is_written_and_not_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each of its list is told, as it would go to its upstream; what headers hold is not."""
    caplog.set_level(logging.INFO)
    with process(tmp_path, PLAIN) as served:
        assert served.post(json={"all": ["a", "b"]}).status_code == 201
        served.until(lambda: served.app.running.queue.counts.done == 1)
        assert served.requests == []
        assert dict(served.app.running.queue.ends) == {("welcome", "done"): 1}
        (plan,) = served.app.running.plan.endpoints
    assert [(one["method"], one["target"], one["body"]) for one in told(caplog)] == [
        ("POST", "/base/send/a", '{"to":"a"}'), ("POST", "/base/send/b", '{"to":"b"}'),
    ]  # fmt: skip
    assert "secret" not in str(told(caplog))
    assert "a dry run: nothing is sent" in str(list(call_words(plan)))


HIDING = """
telemetry: {hide: [body.password, query.key]}
upstreams: {mail: {url: 'http://mail.test'}}
endpoints:
  POST /signup:
    body: {type: object}
    respond: {status: 201}
    background: {name: welcome, dry_run: true, %s}
"""


@pytest.mark.parametrize(
    ("call", "target", "body"),
    [
        ("url: 'POST mail:/send', json: '{{ body }}'", "********", "********"),
        ("url: 'POST mail:/send', json: {pin: '{{ body.password }}'}", "********", "********"),
        ("url: 'POST mail:/send/{item}', for_each: '{{ [body.password] }}'", "********", ""),
        ("url: 'GET mail:/send', query: {k: '{{ query.key }}'}", "********", ""),
        ("url: 'POST mail:/send', json: {to: '{{ body.to }}'}", "/send", '{"to":"a"}'),
        ("url: 'POST mail:/send', json: {token: '{{ body.to }}'}", "/send", '{"token":"********"}'),
        ("url: 'POST mail:/send', form: {token: '{{ body.to }}'}", "/send", "token=********"),
    ],
)
def test_what_is_hidden_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, call: str, target: str, body: str) -> None:  # fmt: skip
    """A call that reads a hidden place tells how long its body is; of others, names of secrets are masked."""
    caplog.set_level(logging.INFO)
    with process(tmp_path, HIDING % call) as served:
        assert served.post("/signup?key=hunter2", json={"to": "a", "password": "hunter2"}).status_code == 201
        served.until(lambda: served.app.running.queue.counts.done == 1)
    assert [(one["target"], one["body"]) for one in told(caplog)] == [(target, body)]
    assert "hunter2" not in str(told(caplog))


def test_an_effect_ends_as_sent_and_says_that_it_was_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It waits for nothing, and is counted apart."""
    caplog.set_level(logging.INFO)
    with process(tmp_path, document(call="dry_run: true")) as served:
        served.sign_up("a")
        served.settle(sent=1)
        assert served.requests == []
        assert [one["last"] for one in kept(served)] == [{"dry_run": True}]
        assert (served.outbox.ends["dry_run"], served.outbox.ends["sent"]) == (1, 0)
    assert [(one["target"], one["body"]) for one in told(caplog)] == [("/base/send", '{"to":"a"}')]


def test_it_is_sent_once_it_is_asked_for_by_a_file_without(tmp_path: Path) -> None:
    """Not by itself: by ``replay``."""
    with process(tmp_path, document(call="dry_run: true")) as served:
        served.sign_up("a")
        served.settle(sent=1)
    with process(tmp_path, document()) as served:
        served.run(served.outbox.ask(lambda store: store.order("replay", Filter(name="welcome"), served.now)))
        served.settle(sent=1)
        assert [request.url.path for request in served.requests] == ["/base/send"]
        assert [one["last"] for one in kept(served)] == [{"status": 200}]
