"""The client chooses the format of an answer among those that the endpoint offers."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest
import xmltodict

FORMATS = "endpoints: {GET /x: {fan_out: {x: a:/x}, response: {formats: [%s]}}}"
ANSWERS = {"/x": httpx.Response(200, content=b'{"price": 1.10}', headers={"content-type": "application/json"})}


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "text/html;q=0.5, application/*", "application/xml;q=0.1, */*"]
)
def test_the_first_format_is_the_default(serve, accept):
    """JSON that is only moved is moved byte for byte, whatever else could have been had."""
    headers = {} if accept is None else {"accept": accept}
    answer = serve(FORMATS % "json, xml, msgpack", ANSWERS).get("/x", headers=headers)
    assert (answer.text, answer.headers["content-type"]) == ('{"x":{"price": 1.10}}', "application/json")
    assert answer.headers["vary"] == "accept"


def test_xml(serve):
    """An object becomes elements, numbers with every digit."""
    answer = serve(FORMATS % "json, xml", ANSWERS).get("/x", headers={"accept": "application/xml"})
    assert answer.headers["content-type"].startswith("application/xml")
    assert b"<price>1.10</price>" in answer.content


def test_messagepack(serve):
    """Numbers, text and structure survive."""
    answer = serve(FORMATS % "json, msgpack", ANSWERS).get("/x", headers={"accept": "application/vnd.msgpack"})
    assert msgspec.msgpack.decode(answer.content) == {"x": {"price": 1.1}}


def test_nothing_is_called_for_a_client_that_accepts_nothing(serve):
    """406 comes before any upstream hears of the request."""
    gateway = serve(FORMATS % "json, msgpack", ANSWERS)
    answer = gateway.get("/x", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    assert "application/vnd.msgpack" in answer.json()["detail"]
    assert gateway.upstream.lines == []


def test_several_accept_headers_are_one(serve):
    """A list may be spread over fields (RFC 9110 §5.3)."""
    gateway = serve(FORMATS % "json, msgpack", ANSWERS)
    answer = gateway.get("/x", headers=[("accept", "text/html"), ("accept", "application/msgpack")])
    assert answer.headers["content-type"] == "application/msgpack"


def test_another_default_than_json(serve):
    """One format that is not JSON is an offer like any other."""
    answer = serve(FORMATS % "msgpack", ANSWERS).get("/x")
    assert msgspec.msgpack.decode(answer.content) == {"x": {"price": 1.1}}


def test_each_format_has_its_own_tag(serve):
    """A tag is of the bytes: another format is another representation (RFC 9110 §8.8.3)."""
    gateway = serve(
        "endpoints: {GET /x: {fan_out: {x: a:/x}, response: {formats: [json, msgpack], etag: true}}}", ANSWERS
    )
    first = gateway.get("/x").headers["etag"]
    second = gateway.get("/x", headers={"accept": "application/msgpack"}).headers["etag"]
    assert first != second
    assert gateway.get("/x", headers={"accept": "application/msgpack", "if-none-match": first}).status_code == 200
    assert gateway.get("/x", headers={"if-none-match": first}).status_code == 304


def test_a_shaped_answer_is_negotiated_too(serve):
    """The steps over the data come first, the format last."""
    gateway = serve("endpoints: {GET /x: {call: a:/x, response: {formats: [json, msgpack], group: g}}}", ANSWERS)
    assert msgspec.msgpack.decode(gateway.get("/x", headers={"accept": "application/msgpack"}).content) == {
        "g": {"price": 1.1}
    }
    assert gateway.get("/x").json() == {"g": {"price": 1.1}}


def test_a_call_in_another_format_is_negotiated(serve):
    """An upstream's XML can be had as JSON, for a single call too."""
    gateway = serve(
        "endpoints: {GET /x: {call: a:/x, response: {formats: [json, xml]}}}",
        {"/x": httpx.Response(200, content=b"<a><b>1</b></a>", headers={"content-type": "text/xml"})},
    )
    assert gateway.get("/x").json() == {"a": {"b": "1"}}


def test_problems_are_always_json(serve):
    """A failure is a problem document, whatever the client would have liked."""
    answer = serve(FORMATS % "json, msgpack", {}).get("/x", headers={"accept": "application/msgpack"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(("size", "is_loop"), [(100, True), (5_000, False)])
def test_a_large_answer_is_written_outside_the_loop(serve, monkeypatch, size, is_loop):
    """XML of 300 KiB takes a second: beyond 4 KiB of JSON it is written in a thread, below it is not worth one."""
    seen = []
    monkeypatch.setattr(xmltodict, "unparse", lambda *_, **__: seen.append(_in_loop()) or "<a/>")
    gateway = serve(FORMATS % "xml", {"/x": {"text": "x" * size}})
    assert (gateway.get("/x").text, seen) == ("<a/>", [is_loop])


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
