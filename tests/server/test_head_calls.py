"""HEAD passed on as HEAD: the answer tells of a body that was never here."""

from __future__ import annotations

import pytest

ROUTES = """
endpoints:
  HEAD /sized: {call: HEAD up:/sized}
  HEAD /unsized: {call: HEAD up:/unsized}
  HEAD /coded: {call: HEAD up:/coded}
  HEAD /tagged: {call: HEAD up:/sized, response: {etag: true}}
  GET /asked: {call: HEAD up:/sized}
"""
START = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def gateway(shared_stage, door):
    """The server, reached by each door."""
    upstream = shared_stage.upstream()
    upstream["/sized"] = START + b"content-length: 1234\r\n\r\n"
    upstream["/unsized"] = START + b"transfer-encoding: chunked\r\n\r\n"
    upstream["/coded"] = START + b"content-encoding: gzip\r\ncontent-length: 99\r\n\r\n"
    return shared_stage.gateway(ROUTES, upstream, door=door)


@pytest.mark.parametrize(("target", "length"), [("/sized", "1234"), ("/unsized", None), ("/coded", None)])
def test_the_length_is_that_of_the_upstream(gateway, target, length):
    """It is told as the upstream told it, or not at all; never as that of nothing; the connection goes on."""
    wire = gateway.wire()
    for _ in range(2):
        answer = wire.ask("HEAD", target)
        assert (answer.status, answer["content-type"], answer["transfer-encoding"]) == (200, "application/json", None)
        assert answer.all("content-length") == ([] if length is None else [length])


def test_nothing_has_no_tag(gateway):
    """A tag of the body that is not here would be that of nothing, the same for every file."""
    assert gateway.ask("HEAD", "/tagged")["etag"] is None


def test_a_get_of_a_head_call_is_empty(gateway):
    """Who asks with GET gets a body, of length 0."""
    answer = gateway.get("/asked")
    assert (answer["content-length"], answer.body) == ("0", b"")
