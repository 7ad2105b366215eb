"""The log says why an answer failed, in the words that its client got."""

from __future__ import annotations

import httpx
import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport.httpx.failures import failure_of


def told(serve, caplog, endpoint, answers):
    """Return the sentence and the reason of the log line about ``GET /x``."""
    gateway = serve(f"endpoints:\n  GET /x: {endpoint}\n", answers)
    gateway.get("/x")
    (record,) = [record for record in caplog.records if record.name == "aggregator.request"]
    return record.message, record.fields.get("reason")


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("{call: a:/bad}", "The upstream 'a' answered with status 500."),
        ("{fan_out: {ok: a:/ok, bad: a:/bad}}", "The upstream 'a' answered with status 500."),
        ("{call: a:/ok, response: {body: '{{ call.n + 1 }}'}}", "`+` cannot take a string and a number."),
        (
            '{call: a:/ok, response: {status: "{{ call.n | string }}"}}',
            "The expression for the status of the answer did not give a status.",
        ),
        (
            "{call: a:/ok, response: {headers: {x-n: '{{ call.n + 1 }}'}}}",
            "`+` cannot take a string and a number.",
        ),
        (
            "{fan_out: {one: a:/ok, two: a:/ok}, response: {merge: error}}",
            "The parts `one` and `two` both have the key `n`.",
        ),
    ],
)
def test_the_reason_of_a_failure(serve, caplog, endpoint, reason):
    """That of the part that failed, or of the answer that could not be made."""
    sentence, said = told(serve, caplog, endpoint, {"/ok": {"n": "1"}, "/bad": httpx.Response(500)})
    assert (sentence, said) == ("Answered with a failure.", reason)


def test_the_reason_of_a_partial_answer(serve, caplog):
    """That of the first part that is missing."""
    endpoint = "{fan_out: {ok: a:/ok, bad: {url: a:/bad, optional: true}}}"
    assert told(serve, caplog, endpoint, {"/ok": 1, "/bad": httpx.Response(500)}) == (
        "Answered in part.",
        "The upstream 'a' answered with status 500.",
    )


def test_the_reason_of_an_answer_with_lost_items(serve, caplog):
    """A list that lacks an item has the reason of the first one that was lost."""
    endpoint = "{fan_out: {ids: a:/ids, each: {for_each: {in: '{{ ids }}', on_error: null}, url: 'a:/{item}'}}}"
    answers = {"/ids": ["ok", "bad"], "/ok": 1, "/bad": httpx.Response(500)}
    assert told(serve, caplog, endpoint, answers) == (
        "Answered in part.",
        "The upstream 'a' answered with status 500.",
    )


def test_the_reason_is_what_the_client_reads(serve, caplog):
    """The sentence is the detail of the problem, also when the status map itself cannot be applied."""
    for rows in ("", ", status_map: [{on: any, body: '{{ this.status + \"a\" }}'}]"):
        caplog.clear()
        gateway = serve(f"endpoints:\n  GET /x: {{call: {{url: a:/bad}}{rows}}}\n", {"/bad": httpx.Response(500)})
        detail = gateway.get("/x").json()["detail"]
        (record,) = [record for record in caplog.records if record.name == "aggregator.request"]
        assert record.fields["reason"] == detail
        assert ("status map" in detail) == bool(rows)


def test_which_rule_of_http_was_broken(serve, caplog):
    """The client reads one sentence; the log, and who has the debug secret, which of many faults it was."""
    text = """
        server: {debug: {header: x-why, secret: "open sesame"}}
        endpoints:
          GET /one: {call: a:/x}
          GET /two: {fan_out: {x: {url: a:/x, optional: true}}, response: {meta: true}}
    """
    error = CallError(Cause.PROTOCOL, "The upstream did not answer in valid HTTP.", fault="Duplicate Content-Length")
    gateway, secret = serve(text, {"/x": error}), {"x-why": "open sesame"}
    assert "Duplicate" not in gateway.get("/one").text
    assert [record.fields.get("fault") for record in caplog.records] == ["Duplicate Content-Length"]
    assert gateway.get("/one", headers=secret).json()["debug"]["fault"] == "Duplicate Content-Length"
    [part] = gateway.get("/two", headers=secret).json()["meta"]["parts"]
    assert part["debug"]["fault"] == "Duplicate Content-Length"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("illegal status line: bytearray(b'secret')", "illegal status line"),
        ("Receive buffer too long (secret bytes)", "Receive buffer too long"),
        ("", None),
    ],
)
def test_what_a_client_says_of_a_fault_is_cut_before_its_quotes(said, fault):
    """h11 quotes what the upstream sent, which is for no log."""
    found = failure_of(httpx.RemoteProtocolError(said))
    assert (found.cause, found.fault) == (Cause.PROTOCOL, fault)
