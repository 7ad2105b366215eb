"""One vocabulary for parts, in headers, problems, ``meta`` and logs: name, state, status, cause, ms, attempts."""

from __future__ import annotations

import logging

import httpx
import pytest

from aggregator.errors import CallError, Cause
from aggregator.exchange import State
from aggregator.parts.result import Result, failed, skipped
from aggregator.runtime.answers.outcome import (
    is_partial,
    is_smooth,
    is_told,
    part_member,
    parts_header,
    parts_text,
    smooth_text,
)


def result(name="x", state=State.OK, status=200, ms=12.34):
    """Return a result as a run leaves it."""
    return Result(name, 0.0, ms / 1000, state=state, status=status)


def test_a_part_in_a_header():
    """A list of structured fields, one item a part (RFC 9651)."""
    lost = failed("ads", CallError(Cause.DEADLINE, "late"), 0.0, 0.3)
    header = parts_header([result(), lost, skipped("tips", 0.0)])
    assert header == (
        b"x;state=ok;status=200;ms=12;attempts=1, ads;state=failed;cause=deadline;ms=300;attempts=1, "
        b"tips;state=skipped;ms=0;attempts=0"
    )


@pytest.mark.parametrize(("name", "written"), [("a-b", b"a-b"), ("_x", b'"_x"'), ("x1", b"x1")])
def test_a_name_that_is_no_token_is_a_string(name, written):
    """A name that structured fields do not know as a token is quoted."""
    assert parts_header([result(name)]).startswith(written + b";")


def test_the_header_of_many_parts_is_cut():
    """A head that is larger than its buffer makes a proxy refuse the answer; the last item counts what is left out."""
    names = [f"part_{number}" for number in range(81)]
    header = parts_header([result(name) for name in names])
    items = header.decode().split(", ")
    assert len(header) <= 2048
    assert items[-1] == f"*;omitted={81 - (len(items) - 1)}"
    assert [item.partition(";")[0] for item in items[:-1]] == names[: len(items) - 1]
    assert len(items) > 30


def test_one_long_item_is_left_out_too():
    """A name may be as long as it likes."""
    assert parts_header([result("x" * 3000), result()]) == b"*;omitted=2"


def test_a_part_as_data():
    """The same words; what was tried before it and what is inside it tell the same of themselves."""
    part = result("x")
    part.tried = (failed("x", CallError(Cause.DNS, "no"), 0.0, 0.0),)
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
        telemetry: {log: {access: all}}
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
      GET /stream: {stream: true, call: a:/x}
      GET /x: {fan_out: {x: a:/x}}
      GET /call: {call: a:/x}
"""


@pytest.mark.parametrize("path", ["/x", "/call", "/stream"])
@pytest.mark.parametrize("value", [None, "", "open", "open sesame "])
def test_upstream_text_is_hidden(serve, path, value):
    """Neither body nor headers of a failed upstream reach a client who does not know the secret."""
    gateway = serve(DEBUG, {"/x": httpx.Response(500, text="stack at 10.0.0.1", headers={"x-inner": "10.0.0.2"})})
    answer = gateway.get(path, headers={} if value is None else [("x-why", value.rstrip() + "!")])
    assert answer.status_code == 502
    assert "10.0.0" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("path", ["/x", "/call", "/stream"])
def test_upstream_text_is_shown_to_those_who_know_the_secret(serve, path):
    """The declared header with the declared secret asks for the details."""
    gateway = serve(DEBUG, {"/x": httpx.Response(500, text="stack at 10.0.0.1", headers={"x-inner": "10.0.0.2"})})
    debug = gateway.get(path, headers={"x-why": "open sesame"}).json()["debug"]
    assert debug["upstream_body"] == "stack at 10.0.0.1"
    assert debug["upstream_headers"]["x-inner"] == "10.0.0.2"


META = """
    server: {debug: {header: x-why, secret: "open sesame"}}
    endpoints:
      GET /x:
        fan_out:
          ok: a:/ok
          lost: {url: a:/x, optional: true}
          group: {optional: true, fan_out: {inner: a:/x}}
          second: {url: a:/x, fallback: [a:/ok]}
          many: {for_each: {in: "{{ [1] }}", on_error: "null"}, url: a:/x}
          silent: {url: a:/silent, optional: true}
        response: {meta: true}
      GET /tried:
        fan_out: {second: {url: a:/x, fallback: [a:/ok]}}
        response:
          meta: true
          etag: true
          cache_control: "max-age=9"
          pass_headers: {x-ok: first, etag: first}
"""
META_ANSWERS = {
    "/ok": httpx.Response(200, json=1, headers={"x-ok": "yes", "etag": '"1"'}),
    "/x": httpx.Response(500, text="stack at 10.0.0.1", headers={"x-inner": "10.0.0.2"}),
    "/silent": httpx.ConnectError("refused by 10.0.0.3"),
}


def test_meta_tells_what_upstreams_said_to_those_who_know_the_secret(serve):
    """Each reply that is a failure is there once: lost, tried before, or inside a part; none where there was none."""
    gateway = serve(META, META_ANSWERS)
    parts = gateway.get("/x", headers={"x-why": "open sesame"}).json()["meta"]["parts"]
    ok, lost, group, second, many, silent = parts
    assert [part["name"] for part in parts if "debug" in part] == ["lost"]
    assert lost["debug"]["upstream_body"] == "stack at 10.0.0.1"
    for inner in (lost, *group["parts"], *second["tried"], *many["parts"]):
        assert inner["debug"]["upstream_headers"]["x-inner"] == "10.0.0.2"
    assert (ok["state"], silent["cause"]) == ("ok", "unreachable")


@pytest.mark.parametrize("headers", [{}, {"x-why": "open"}, {"x-other": "open sesame"}])
def test_meta_tells_nobody_else(serve, headers):
    """The vocabulary of parts is for all, the text of upstreams is not."""
    answer = serve(META, META_ANSWERS).get("/x", headers=headers)
    assert [part["state"] for part in answer.json()["meta"]["parts"]] == [
        "ok",
        "default",
        "default",
        "ok",
        "ok",
        "default",
    ]
    assert "10.0.0" not in answer.text + str(answer.headers)


def test_what_a_few_may_read_is_kept_by_no_cache(serve):
    """Also where nothing is missing: a cache would show it to others."""
    gateway = serve(META, META_ANSWERS)
    shown = gateway.get("/tried", headers={"x-why": "open sesame"})
    assert shown.json()["meta"]["parts"][0]["tried"][0]["debug"]["upstream_body"] == "stack at 10.0.0.1"
    assert (shown.headers["cache-control"], shown.headers["x-ok"]) == ("no-store", "yes")
    assert "etag" not in shown.headers
    usual = gateway.get("/tried")
    assert (usual.headers["cache-control"], usual.headers["etag"] != '"1"') == ("max-age=9", True)


def told(name="x", **said):
    """Return a result of a hundred milliseconds with what is *said* of it."""
    made = result(name, ms=100)
    for key, value in said.items():
        setattr(made, key, value)
    return made


def kept(age, **said):
    """Return what was kept for so many seconds."""
    made = told(**said)
    made.was_kept(age)
    return made


def met(*words, **said):
    """Return a result that has met these words."""
    made = told(attempts=len(words), **said)
    made.has_met(words)
    return made


LOST = told("g", parts=(result("a"), failed("b", CallError(Cause.RESET, "No."), 0.0, 0.0)))
PARTS = [
    (told(), "x;state=ok;status=200;ms=100;attempts=1"),
    (told(status=0), "x;state=ok;ms=100;attempts=1"),
    (told(chosen="next"), "x;state=ok;chosen=next;status=200;ms=100;attempts=1"),
    (told(chosen="a b"), 'x;state=ok;chosen="a b";status=200;ms=100;attempts=1'),
    (told(ended=-1.0), "x;state=ok;status=200;ms=0;attempts=1"),
    (told(name='a"\\'), '"a\\"\\\\";state=ok;status=200;ms=100;attempts=1'),
    (met("503", "200"), 'x;state=ok;status=200;ms=100;attempts=2;met="503 200"'),
    (kept(7.6, state=State.STALE, cause=Cause.STATUS), "x;state=stale;status=200;cause=status;age=8;ms=100;attempts=0"),
    (kept(7.6), "x;state=ok;status=200;ms=100;attempts=0"),
    (LOST, "g;state=ok;status=200;lost=1;cause=reset;ms=100;attempts=1"),
]


@pytest.mark.parametrize(("part", "text"), PARTS)
def test_a_part_in_the_header(part, text):
    """Each word where there is something to tell, in one order."""
    assert parts_text([part]) == text
    assert parts_header([part, part]).decode() == f"{text}, {text}"
    if part.state is State.OK and not part.parts:
        assert smooth_text([part, told()]) == f"{text}, {PARTS[0][1]}"


@pytest.mark.parametrize(
    ("parts", "smooth", "told_of"),
    [
        ((told(),), True, False), ((told(), told(attempts=2)), False, False), ((met("503", "200"),), False, True),
        ((told(chosen="next"),), True, True), ((told(parts=(result(),)),), False, False), ((kept(1.0),), True, False),
        ((skipped("x", 0.0),), False, False), ((), True, False),
    ],
)  # fmt: skip
def test_what_an_answer_tells_of_its_parts(parts, smooth, told_of):
    """Nothing where each came at once; more than one attempt and a choice are told of good ones, too."""
    assert (is_smooth(parts), is_told(parts)) == (smooth, told_of)


def test_a_header_is_as_long_as_it_may_be():
    """Whole up to its last byte, and cut beyond; what is cut leaves room for the number of what is left out."""
    item = len(b"x;state=ok;status=200;ms=12;attempts=1")
    for size, is_whole in ((2048, True), (2049, False)):
        header = parts_header([result(), result("x" * (size - 2 * item - 1))])
        assert (len(header), header.endswith(b";attempts=1")) == ((size, True) if is_whole else (item + 13, False))
    for size, count in ((2048 - len("*;omitted=2") - 2, 1), (2048 - len("*;omitted=2") - 1, 2)):
        parts = [result("x" * (size - item + 1)), result("y" * 3000)]
        assert parts_header(parts).endswith(b"*;omitted=%d" % count)


def test_a_part_that_is_old_or_chosen_as_data():
    """By the same words."""
    known = {"name": "x", "state": "stale", "chosen": "next", "status": 200, "cause": "status", "age": 8, "ms": 100.0,
             "attempts": 0}  # fmt: skip
    assert part_member(kept(7.6, state=State.STALE, cause=Cause.STATUS, chosen="next")) == known
    assert part_member(met("503", "200"))["met"] == ["503", "200"]
