"""Headers of parts that go to the client: by rule, with Set-Cookie apart, never from what failed."""

from __future__ import annotations

import httpx
import pytest

TWO = """
    endpoints:
      GET /x:
        fan_out: {{one: a:/one, two: {{url: b:/two, optional: true}}}}
        response: {{pass_headers: {{{rules}}}{more}}}
"""


def reply(*headers, status=200):
    """Return an upstream's answer with *headers*, repeated ones apart."""
    return httpx.Response(status, headers=[("content-type", "application/json"), *headers], content=b"1")


def passed(serve, name, rule, one, two):
    """Return the values of *name* that the client gets when the parts send *one* and *two*."""
    answers = {"/one": reply(*((name, value) for value in one)), "/two": reply(*((name, value) for value in two))}
    gateway = serve(TWO.format(rules=f"{name}: {rule}", more=""), answers)
    return gateway.get("/x").headers.get_list(name)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("first", ["9"]), ("last", ["10"]), ("append", ["9", "11", "10"]), ("min", ["9"]), ("max", ["11"])],
)
def test_a_rule_says_what_becomes_of_several(serve, rule, expected):
    """Ranks: first and last go by the order of the file, min and max by number, append keeps them all."""
    assert passed(serve, "x-left", rule, ["9", "11"], ["10"]) == expected


@pytest.mark.parametrize(("rule", "expected"), [("min", ["2"]), ("max", ["2"])])
def test_what_is_no_number_has_no_rank(serve, rule, expected):
    """A word or NaN is neither smallest nor largest; among words alone the first counts."""
    assert passed(serve, "x-left", rule, ["many", "nan"], ["2"]) == expected
    assert passed(serve, "x-left", rule, ["many"], ["few"]) == ["many"]


def test_cookies_are_never_joined(serve):
    """Several Set-Cookie stay apart: a comma is part of their values (RFC 6265 §3)."""
    one = ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]
    assert passed(serve, "set-cookie", "append", one, ["c=3"]) == [*one, "c=3"]


def test_nothing_passes_that_is_not_named(serve):
    """Without a rule no header of an upstream reaches the client."""
    gateway = serve(
        TWO.format(rules="", more=", etag: true"), {"/one": reply(("x-secret", "1"), ("server", "s")), "/two": reply()}
    )
    assert {"x-secret", "server"}.isdisjoint(gateway.get("/x").headers)


def test_headers_of_failed_parts_do_not_pass(serve):
    """A session cookie on an error page is not for the client."""
    answers = {"/one": reply(("set-cookie", "a=1")), "/two": reply(("set-cookie", "evil=1"), status=500)}
    gateway = serve(TWO.format(rules="set-cookie: append", more=""), answers)
    assert gateway.get("/x").headers.get_list("set-cookie") == ["a=1"]


def test_what_the_file_sets_itself_wins(serve):
    """A declared header is not doubled by one that passes."""
    gateway = serve(
        TWO.format(rules="x-v: first", more=", headers: {x-v: own}"), {"/one": reply(("x-v", "1")), "/two": reply()}
    )
    assert gateway.get("/x").headers.get_list("x-v") == ["own"]


def test_a_partial_answer_keeps_nothing_that_speaks_of_the_whole(serve):
    """Caching headers of the parts that are there do not make an incomplete answer cacheable."""
    answers = {
        "/one": reply(("cache-control", "max-age=99"), ("etag", '"1"'), ("x-v", "1")),
        "/two": reply(status=500),
    }
    answer = serve(TWO.format(rules="cache-control: first, etag: first, x-v: first", more=""), answers).get("/x")
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert "etag" not in answer.headers
    assert answer.headers["x-v"] == "1"


def test_headers_come_from_inside_lists_groups_and_batches(serve):
    """Every call that went into the answer has its say, in declared order; the loser of a race has none."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              list: {for_each: "{{ [1, 2] }}", url: "a:/item/{item}"}
              many: {for_each: {in: "{{ [1, 2] }}", batch: {key: id}}, url: "a:/batch/{keys}"}
              group: {fan_out: {inner: a:/inner}}
              alternative: {url: a:/gone, fallback: [a:/there]}
            response: {pass_headers: {x-v: append}}
        """,
        {
            "/item/1": reply(("x-v", "item 1")),
            "/item/2": reply(("x-v", "item 2")),
            "/batch/1%2C2": lambda _: httpx.Response(200, json=[{"id": 1}], headers={"x-v": "batch"}),
            "/inner": reply(("x-v", "inner")),
            "/gone": reply(("x-v", "gone"), status=500),
            "/there": reply(("x-v", "there")),
        },
    )
    assert gateway.get("/x").headers.get_list("x-v") == ["item 1", "item 2", "batch", "inner", "there"]


def test_vary_is_added_up(serve):
    """Several parts and the format of the answer vary on different headers; one field names them all."""
    text = """
        endpoints:
          GET /x:
            fan_out: {one: a:/one, two: b:/two}
            response: {formats: [json, msgpack], pass_headers: {vary: append}}
    """
    answers = {"/one": reply(("vary", "Accept-Language, origin")), "/two": reply(("vary", "Accept"))}
    [vary] = serve(text, answers).get("/x").headers.get_list("vary")
    assert sorted(vary.split(", ")) == ["accept", "accept-language", "origin"]


def test_a_single_call_passes_no_header_but_its_type(serve):
    """The rules hold for one call as they do for several."""
    gateway = serve(
        "endpoints: {GET /x: {call: a:/one, response: {pass_headers: {x-v: first}}}}",
        {"/one": reply(("x-v", "1"), ("x-w", "2"), ("set-cookie", "a=1"))},
    )
    answer = gateway.get("/x")
    assert answer.headers["x-v"] == "1"
    assert {"x-w", "set-cookie"}.isdisjoint(answer.headers)
