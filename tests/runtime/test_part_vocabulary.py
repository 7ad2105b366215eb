"""One vocabulary for parts, in headers, problems, ``meta`` and logs: name, state, status, cause, ms, attempts."""

from __future__ import annotations

import logging

import httpx
import pytest

from aggregator.errors import CallError, Cause
from aggregator.exchange import State
from aggregator.runtime.outcome import is_partial, part_member, parts_header
from aggregator.runtime.result import Result, failed, skipped


def result(name="x", state=State.OK, status=200, ms=12.34):
    """Give a result as a run leaves it."""
    made = Result(name, state, status)
    made.ended = ms / 1000
    return made


def test_a_part_in_a_header():
    """A list of structured fields, one item a part (RFC 9651)."""
    lost = failed("ads", CallError(Cause.DEADLINE, "late"))
    lost.ended = 0.3
    header = parts_header([result(), lost, skipped("tips")])
    assert header == (
        b"x;state=ok;status=200;ms=12;attempts=1, ads;state=failed;cause=deadline;ms=300;attempts=1, "
        b"tips;state=skipped;ms=0;attempts=0"
    )


@pytest.mark.parametrize(("name", "written"), [("a-b", b"a-b"), ("_x", b'"_x"'), ("x1", b"x1")])
def test_a_name_that_is_no_token_is_a_string(name, written):
    """A name that structured fields do not know as a token is quoted."""
    assert parts_header([result(name)]).startswith(written + b";")


def test_a_part_as_data():
    """The same words; what was tried before it and what is inside it tell the same of themselves."""
    part = result("x")
    part.tried = (failed("x", CallError(Cause.DNS, "no"), status=0),)
    part.parts = (result("inner", ms=1),)
    part.attempts = 2
    assert part_member(part) == {
        "name": "x", "state": "ok", "status": 200, "ms": 12.3, "attempts": 2,
        "tried": [{"name": "x", "state": "failed", "cause": "dns", "ms": 0.0, "attempts": 1}],
        "parts": [{"name": "inner", "state": "ok", "status": 200, "ms": 1.0, "attempts": 1}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "partial"),
    [(State.OK, False), (State.SKIPPED, False), (State.DEFAULT, True), (State.STALE, True)],
)
def test_what_makes_an_answer_partial(state, partial):
    """A stand-in does, at any depth; a part that was not wanted does not."""
    assert is_partial([result(state=state)]) is partial
    outer = result("group")
    outer.parts = (result(state=state),)
    assert is_partial([outer]) is partial


def test_the_same_words_everywhere(serve, caplog):
    """Header, problem, meta and log line agree on every part."""
    gateway = serve(
        """
        server: {access_log: all}
        endpoints:
          GET /partial: {fan_out: {x: a:/x, ads: {url: a:/none, optional: true}}, response: {meta: true}}
          GET /failed: {fan_out: {x: a:/x, ads: {url: 'a:/none', needs: [x]}}}
        """,
        {"/x": 1},
    )
    with caplog.at_level(logging.INFO, "aggregator.request"):
        partial = gateway.get("/partial")
        failure = gateway.get("/failed")
    for answer, members, state in [
        (partial, partial.json()["meta"]["parts"], "default"),
        (failure, failure.json()["parts"], "failed"),
    ]:
        header = answer.headers["aggregator-parts"]
        assert [(part["name"], part["state"]) for part in members] == [("x", "ok"), ("ads", state)]
        assert header.startswith("x;state=ok;status=200;ms=")
        assert f"ads;state={state};status=404;cause=status;ms=" in header
    logged = " ".join(str(record.__dict__) for record in caplog.records)
    assert partial.headers["aggregator-parts"] in logged
    assert failure.headers["aggregator-parts"] in logged


def test_a_whole_answer_says_nothing(serve):
    """There is no header to read when there is nothing to tell."""
    answer = serve("endpoints: {GET /x: {fan_out: {x: a:/x}}}", {"/x": 1}).get("/x")
    assert "aggregator-parts" not in answer.headers


DEBUG = """
    server: {debug: {header: x-why, secret: "open sesame"}}
    endpoints:
      GET /x: {fan_out: {x: a:/x}}
      GET /call: {call: a:/x}
"""


@pytest.mark.parametrize("path", ["/x", "/call"])
@pytest.mark.parametrize("value", [None, "", "open", "open sesame "])
def test_upstream_text_is_hidden(serve, path, value):
    """Neither body nor headers of a failed upstream reach a client who does not know the secret."""
    gateway = serve(DEBUG, {"/x": httpx.Response(500, text="stack at 10.0.0.1", headers={"x-inner": "10.0.0.2"})})
    answer = gateway.get(path, headers={} if value is None else [("x-why", value.rstrip() + "!")])
    assert answer.status_code == 502
    assert "10.0.0" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("path", ["/x", "/call"])
def test_upstream_text_is_shown_to_those_who_know_the_secret(serve, path):
    """The declared header with the declared secret asks for the details."""
    gateway = serve(DEBUG, {"/x": httpx.Response(500, text="stack at 10.0.0.1", headers={"x-inner": "10.0.0.2"})})
    debug = gateway.get(path, headers={"x-why": "open sesame"}).json()["debug"]
    assert debug["upstream_body"] == "stack at 10.0.0.1"
    assert debug["upstream_headers"]["x-inner"] == "10.0.0.2"
