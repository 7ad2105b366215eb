"""What the conformance suite asks beyond the time of a reply: fields, variants, conditions, and what ends a reply.

Source of the questions: https://github.com/http-tests/cache-tests; the cases are written anew.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import httpx
import pytest

from tests.policies.conftest import START
from tests.policies.standard.test_cases import CC, DAY, FILE, Serve, dated

LANGUAGES = [({"x-lang": "de"}, {"x-lang": "fr"}), ({"x-lang": "de"}, {}), ({}, {"x-lang": "de"})]


@pytest.mark.parametrize(("one", "other"), LANGUAGES)
def test_another_field_that_vary_names(serve: Serve, one: dict[str, str], other: dict[str, str]) -> None:
    """A request with another one, or without one, does not get the reply; the first one still does."""
    headers = {CC: "max-age=3600", "vary": "x-lang"}
    served = serve(FILE, lambda _: httpx.Response(200, json=1, headers=headers))
    for sent in (one, other, one, other):
        served.get("/a", headers=sent)
    assert len(served.requests) == 2


def test_a_condition_goes_with_what_vary_names(serve: Serve) -> None:
    """What is asked whether it has changed is asked for as before."""
    headers = {CC: "max-age=1", "vary": "x-lang", "etag": '"a"'}
    served = serve(FILE, lambda _: httpx.Response(200, json=1, headers=headers))
    served.get("/a", headers={"x-lang": "de"})
    served.now += 10
    served.get("/a", headers={"x-lang": "de"})
    sent = served.requests[1].headers
    assert (sent["x-lang"], sent["if-none-match"]) == ("de", '"a"')


def test_another_query(serve: Serve) -> None:
    """Another query is another thing."""
    served = serve(QUERIED, lambda _: httpx.Response(200, json=1, headers={CC: "max-age=3600"}))
    for query in ("a", "b", "a"):
        served.get(f"/a?q={query}")
    assert served.lines == ["GET /a?q=a", "GET /a?q=b"]


QUERIED = """
upstreams: {up: {url: "http://up.test", cache: rfc}}
endpoints:
  GET /a: {call: {url: "up:/a?q={query.q}"}}
"""
PASSED = """
upstreams: {up: {url: "http://up.test", cache: CACHE}}
endpoints:
  GET /a: {call: up:/a, response: {pass_headers: {age: first, date: first, a: first, b: first, c: first}}}
  GET /computed: {fan_out: {x: up:/a}, response: {cache_control: compute}}
"""


@pytest.mark.parametrize("cache", ["rfc", "3600s"])
@pytest.mark.parametrize("said", [{CC: "max-age=600"}, {"expires": 600}])
def test_the_age_of_what_is_kept_is_told(serve: Serve, cache: str, said: dict[str, Any]) -> None:
    """`Age` is what it came with and what has passed since, `Date` stays; who computes from it reckons with that."""
    headers = dated({**said, "date": 0, "age": 30}, START)
    served = serve(PASSED.replace("CACHE", cache), lambda _: httpx.Response(200, json=1, headers=headers))
    dates = {served.get("/a").headers["date"]}
    served.now += 100
    answer = served.get("/a")
    assert answer.headers["age"] == "130"
    assert dates | {answer.headers["date"]} == {formatdate(START, usegmt=True)}
    if CC in said:
        assert served.get("/computed").headers[CC] == "max-age=470"
    assert len(served.requests) == 1


def test_fields_of_a_connection_are_not_kept(serve: Serve) -> None:
    """What `Connection` names was for us alone (RFC 9110 §7.6.1)."""
    headers = {CC: "max-age=3600", "connection": "a, b", "a": "1", "b": "2", "c": "3"}
    served = serve(PASSED.replace("CACHE", "rfc"), lambda _: httpx.Response(200, json=1, headers=headers))
    for _ in range(2):
        answer = served.get("/a")
        assert {"a", "b", "c"} & set(answer.headers) == {"c"}
    assert len(served.requests) == 1


VALIDATORS = [{"etag": '"1"'}, {"last-modified": -DAY}]


@pytest.mark.parametrize("validator", VALIDATORS)
def test_fields_of_a_304(serve: Serve, validator: dict[str, Any]) -> None:
    """What it says anew is in the answer and in what is kept, what it leaves out stays."""
    first = {CC: "max-age=1", "a": "1", "b": "1", "date": 0, **validator}
    verdict = {CC: "max-age=3600", "a": "2", "date": 10, **validator}

    def upstream(request: httpx.Request) -> httpx.Response:
        is_asked = {"if-none-match", "if-modified-since"} & set(request.headers)
        return httpx.Response(304 if is_asked else 200, json=None if is_asked else 1,
                              headers=dated(verdict if is_asked else first, START))  # fmt: skip

    served = serve(PASSED.replace("CACHE", "rfc"), upstream)
    served.get("/a")
    served.now += 10
    for _ in range(2):
        answer = served.get("/a")
        assert (answer.status_code, answer.headers["a"], answer.headers["b"]) == (200, "2", "1")
    assert len(served.requests) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_an_unsafe_method_ends(serve: Serve, method: str) -> None:
    """A success of any unsafe method ends what is kept of the place; a failure does not."""
    file = f"{FILE.partition('  POST')[0]}  {method} /a: {{call: '{method} up:/a'}}\n"
    statuses = iter([200, 500, 200, 200])
    served = serve(file, lambda _: httpx.Response(next(statuses), json=1, headers={CC: "max-age=3600"}))
    served.get("/a")
    served.run(served.ask(method, "/a"))
    served.get("/a")
    served.run(served.ask(method, "/a"))
    served.get("/a")
    assert served.lines == ["GET /a", f"{method} /a", f"{method} /a", "GET /a"]


ANSWERED = """
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /a: {cache: 1h, fan_out: {a: up:/a}}
"""


def test_conditions_of_clients(serve: Serve) -> None:
    """Of a kept answer clients are told 304 with its entity tag, which goes before a time of change."""
    served = serve(ANSWERED, lambda _: httpx.Response(200, json=1))
    tag = served.get("/a").headers["etag"]
    since = formatdate(START - DAY, usegmt=True)
    for sent in (tag, f"W/{tag}", f'"x", {tag}', f'{tag}, "x"'):
        answer = served.get("/a", headers={"if-none-match": sent, "if-modified-since": since})
        assert (answer.status_code, answer.headers["etag"]) == (304, tag)
    assert served.get("/a", headers={"if-none-match": '"x"', "if-modified-since": since}).status_code == 200
