"""The log says why an answer failed, in the words that its client got."""

from __future__ import annotations

import httpx
import pytest


def told(serve, caplog, endpoint, answers):
    """Give the sentence and the reason of the log line about ``GET /x``."""
    gateway = serve(f"endpoints:\n  GET /x: {endpoint}\n", answers)
    gateway.get("/x")
    (record,) = [record for record in caplog.records if record.name == "aggregator.request"]
    return record.message, record.fields.get("reason")


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("{call: a:/bad}", "The upstream 'a' answered with status 500."),
        ("{fan_out: {ok: a:/ok, bad: a:/bad}}", "The upstream 'a' answered with status 500."),
        ("{call: a:/ok, response: {body: '{{ call.n + 1 }}'}}", "`+` cannot take a string and a number"),
        (
            "{call: a:/ok, response: {status: \"{{ 'many' }}\"}}",
            "The expression for the status of the answer did not give a status.",
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
