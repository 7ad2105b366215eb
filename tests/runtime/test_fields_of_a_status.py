"""What a status needs comes with it: Location, WWW-Authenticate, Content-Range and the like, whichever way it passes."""

from __future__ import annotations

import httpx
import pytest

ROW = """
    endpoints:
      GET /x:
        {kind}
        status_map: {{status: {{pass: true{more}}}}}
        response: {{pass_headers: {{x-hint: first}}}}
"""
CALL, FAN_OUT = "call: a:/x", "fan_out: {one: a:/x}"


def reply(status, *headers, content=b"{}"):
    """Return an upstream's answer, repeated headers apart."""
    return httpx.Response(status, headers=[("content-type", "application/json"), *headers], content=content)


@pytest.mark.parametrize("kind", [CALL, FAN_OUT])
@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (301, "location", "/elsewhere"),
        (308, "location", "https://example.com/"),
        (304, "etag", '"v1"'),
        (401, "www-authenticate", 'Bearer realm="a"'),
        (405, "allow", "GET, PUT"),
        (412, "etag", '"v2"'),
        (415, "accept", "text/csv"),
        (416, "content-range", "bytes */10"),
        (429, "retry-after", "7"),
        (503, "retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"),
    ],
)
def test_a_passed_answer_keeps_what_its_status_needs(serve, kind, status, name, value):
    """A redirect without Location, a 401 without a challenge: nobody could do anything with it."""
    answer = serve(ROW.format(kind=kind, more=""), {"/x": reply(status, (name, value), ("x-secret", "1"))}).get("/x")
    assert (answer.status_code, answer.headers[name]) == (status, value)
    assert "x-secret" not in answer.headers


def test_several_challenges_stay_apart(serve):
    """Each WWW-Authenticate is a line of its own, as the upstream wrote them."""
    sent = reply(401, ("www-authenticate", "Negotiate"), ("www-authenticate", "Basic"))
    answer = serve(ROW.format(kind=CALL, more=""), {"/x": sent}).get("/x")
    assert answer.headers.get_list("www-authenticate") == ["Negotiate", "Basic"]


def test_the_status_of_the_answer_decides_what_it_needs(serve):
    """A 302 that passes as 200 has no Location; a header of the row is the one that is sent."""
    sent = {"/x": reply(302, ("location", "/inside"))}
    assert "location" not in serve(ROW.format(kind=CALL, more=", status: 200"), sent).get("/x").headers
    own = serve(ROW.format(kind=CALL, more=", headers: {location: /outside}"), sent).get("/x")
    assert own.headers.get_list("location") == ["/outside"]


@pytest.mark.parametrize("kind", [CALL, FAN_OUT])
def test_pass_headers_speak_of_passed_failures_too(serve, kind):
    """What the file lets through of an answer, it lets through when the answer is an upstream's own failure."""
    answer = serve(ROW.format(kind=kind, more=""), {"/x": reply(409, ("x-hint", "try again"))}).get("/x")
    assert answer.headers["x-hint"] == "try again"


def test_pass_headers_leave_problems_alone(serve):
    """An answer of ours that tells of a failure has no headers of the upstream that failed."""
    text = "endpoints: {GET /x: {call: a:/x, response: {pass_headers: {x-hint: first}}}}"
    assert "x-hint" not in serve(text, {"/x": reply(409, ("x-hint", "1"))}).get("/x").headers


def test_a_passed_304_does_not_take_back_what_is_stored(serve):
    """`no-store` on a 304 would be told of the copy that the client has."""
    answer = serve(ROW.format(kind=CALL, more=""), {"/x": reply(304, ("etag", '"v1"'), content=b"")}).get("/x")
    assert "cache-control" not in answer.headers


RANGE = "endpoints: {GET /x: {call: {url: a:/x, forward: {headers: [range]}}%s}}"


@pytest.mark.parametrize("more", ["", ", response: {status: 201}", ", response: {status: '{{ 202 }}'}"])
def test_a_part_of_a_body_says_which(serve, more):
    """A 206 passes with its Content-Range, and under no other status: it would be taken for the whole."""
    sent = reply(206, ("content-range", "bytes 0-1/4"))
    answer = serve(RANGE % more, {"/x": sent}).get("/x", headers={"range": "bytes=0-1"})
    assert (answer.status_code, answer.headers["content-range"]) == (206, "bytes 0-1/4")


def test_a_redirect_that_is_a_success_has_its_location(serve):
    """Where the file calls a 3xx a success, the client learns where to go."""
    text = "endpoints: {GET /x: {call: {url: a:/x, success: {status: [3xx]}}}}"
    answer = serve(text, {"/x": reply(302, ("location", "/there"), content=b"")}).get("/x", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/there")


@pytest.mark.parametrize(
    "endpoint",
    ["fan_out: {one: a:/x}", "call: {url: a:/x, allow: [id]}", "call: a:/x, response: {body: '{{ call }}'}"],
)
def test_a_part_of_a_body_is_no_success_where_the_whole_is_wanted(serve, endpoint):
    """A 206 that becomes a piece of an answer is a failure that says why."""
    gateway = serve(f"endpoints: {{GET /x: {{{endpoint}}}}}", {"/x": reply(206, ("content-range", "bytes 0-1/4"))})
    answer = gateway.get("/x")
    assert (answer.status_code, answer.json()["upstream_status"]) == (502, 206)
    assert "only a part of its content (206)" in answer.json()["detail"]


def test_a_part_of_a_body_is_a_success_where_the_file_says_so(serve):
    """`206` under `success` says that a part will do; `2xx` does not, since it says what is meant anyway."""
    text = "endpoints: {GET /x: {fan_out: {one: {url: a:/x, success: {status: [%s]}}}}}"
    sent = {"/x": reply(206, ("content-range", "bytes 0-1/4"))}
    assert serve(text % "2xx, 206", sent).get("/x").json() == {"one": {}}
    assert serve(text % "2xx, 404", sent).get("/x").status_code == 502


CONDITIONAL = "endpoints: {GET /x: {%s, forward: {headers: [if-none-match, if-match, range]}}}"
SINGLE = [
    "call: a:/x",
    "call: {url: a:/x, allow: [id], success: {when: '{{ this.body.id }}'}}",
    "call: a:/x, response: {status: 201, body: '{{ call.id }}', etag: true, meta: true}",
    "call: {url: a:/x, fallback: [b:/y]}",
    "call: {race: [a:/x, b:/y]}",
    "call: a:/x, status_map: {any: 500}",
    "stream: true, call: a:/x",
]


@pytest.mark.parametrize("endpoint", SINGLE)
@pytest.mark.parametrize(
    ("status", "condition", "field"),
    [(304, "if-none-match", "etag"), (412, "if-match", "etag"), (416, "range", "content-range")],
)
def test_what_the_client_asked_under_a_condition_is_answered(serve, endpoint, status, condition, field):
    """When the file forwards the validators, 304 and 412 are the upstream's word to the client, and pass."""
    sent = {
        "/x": reply(status, (field, "w"), content=b"" if status == 304 else b'{"e":1}'),
        "/y": httpx.ConnectError(""),
    }
    answer = serve(CONDITIONAL % endpoint, sent).get("/x", headers={condition: '"v1"'})
    assert (answer.status_code, answer.headers[field]) == (status, "w")
    assert answer.content == (b"" if status == 304 else b'{"e":1}')


def test_validators_that_the_file_writes_itself_count_too(serve):
    """A header made from the client's is the client's."""
    text = "endpoints: {GET /x: {call: {url: a:/x, headers: {if-none-match: \"{{ headers['if-none-match'] }}\"}}}}"
    answer = serve(text, {"/x": reply(304, content=b"")}).get("/x", headers={"if-none-match": '"v1"'})
    assert answer.status_code == 304


def test_a_verdict_that_nobody_asked_for_is_a_failure(serve):
    """Who sent no condition has no copy: a 304 would leave it with nothing."""
    answer = serve(CONDITIONAL % "call: a:/x", {"/x": reply(304, content=b"")}).get("/x")
    assert (answer.status_code, answer.json()["upstream_status"]) == (502, 304)


def test_a_row_that_names_the_status_decides(serve):
    """`412: 409` is meant as it says; a class or `any` speaks of failures."""
    gateway = serve(CONDITIONAL % "call: a:/x, status_map: {412: 409}", {"/x": reply(412)})
    assert gateway.get("/x", headers={"if-match": '"v1"'}).status_code == 409


@pytest.mark.parametrize(("status", "words"), [(304, "nothing was modified (304)"), (412, "does not hold (412)")])
def test_in_a_fan_out_a_verdict_fails_and_says_so(serve, status, words):
    """One part of several cannot answer for all: the detail says what happened, and blames no redirect."""
    text = CONDITIONAL % "fan_out: {one: a:/x}"
    content = b"" if status == 304 else b"{}"
    answer = serve(text, {"/x": reply(status, content=content)}).get("/x", headers={"if-none-match": '"v1"'})
    assert answer.status_code == 502
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (206, "sent only a part of its content (206), of which no whole answer can be made"),
        (299, "answered with status 299"), (300, "answered with a redirect (300), which is not followed"),
        (304, "answered that nothing was modified (304), so there is no body to make an answer of"),
        (399, "answered with a redirect (399), which is not followed"), (400, "answered with status 400"),
        (404, "did not find it"), (412, "answered that a condition of the request does not hold (412)"),
        (416, "answered that it has no such range (416)"), (503, "answered with status 503"),
    ],
)  # fmt: skip
def test_a_failure_says_what_its_status_means(rig, status, meaning):
    """In a sentence, with the number where that alone would not tell it."""
    one = rig("fan_out: {x: {url: a:/x, success: {status: [200]}}}").start()
    one.sent[0].answer(status=status)
    assert one.body["detail"] == f"The upstream 'a' {meaning}."
