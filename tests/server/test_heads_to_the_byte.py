"""What a head may be, at the exact limits, and what becomes of a request that is refused: once, in whole."""

from __future__ import annotations

from typing import Any

import pytest
from leaping import in_leaps
from unplugged import Client, Endpoint, seconds

from aggregator.runtime.answers.answer import Answer

HOST = "host: a\r\n"
NOT_WELL_FORMED = "The request is not well-formed HTTP."
LONG_TARGET = "The request target is longer than 8192 bytes."
MANY_FIELDS = "The request head is larger than 32768 bytes or 100 fields."
ONE_HOST = "A request names its host exactly once (RFC 9112, section 3.2)."
NO_HOST = "The Host field does not name a host."


def ok() -> Answer:
    """Return a small answer."""
    return Answer(200, [], b"ok")


def target(length: int) -> str:
    """Return a request to a target of *length* bytes."""
    return f"GET /{'n' * (length - 1)} HTTP/1.1\r\n{HOST}\r\n"


def fields(count: int) -> str:
    """Return a request with *count* fields."""
    return f"GET /a HTTP/1.1\r\n{HOST}" + "x: 1\r\n" * (count - 1) + "\r\n"


def hosts(*values: str, version: str = "1.1") -> str:
    """Return a request with *values* as its hosts."""
    return f"GET /a HTTP/{version}\r\n" + "".join([f"Host: {value}\r\n" for value in values]) + "\r\n"


@pytest.mark.parametrize(
    ("head", "refused"),
    [
        (target(8192), None), (target(8193), (414, LONG_TARGET)),
        (fields(100), None), (fields(101), (431, MANY_FIELDS)),
        (hosts("a"), None), (hosts("a", "a"), (400, ONE_HOST)), (hosts(), (400, ONE_HOST)),
        (hosts(version="1.0"), None), (hosts("a", version="1.0"), None), (hosts("a", "a", version="1.0"), (400, ONE_HOST)),
        (hosts("a:80"), None), (hosts("[::1]:80"), None), (hosts("a b"), (400, NO_HOST)), (hosts("a/b"), (400, NO_HOST)),
        (hosts("u@a"), (400, NO_HOST)),
        ("GET a HTTP/1.1\r\nhost: a\r\n\r\n", (400, NOT_WELL_FORMED)),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", (400, "The request target is not a path.")),
        ("GET http://u@b/ HTTP/1.1\r\nhost: a\r\n\r\n", (400, NO_HOST)),
        ("POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
         (400, "Request bodies may be chunked, and not coded otherwise.")),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)  # fmt: skip
@pytest.mark.parametrize("cut", [0, 30])
@in_leaps
async def test_a_head_within_its_limits_is_answered_and_any_other_refused(
    head: str, refused: tuple[int, str] | None, cut: int
) -> None:
    """In one answer, whether it came at once or not; the log is told why, and of whom."""
    client = Client(Endpoint(ok()))
    for data in filter(None, (head[:cut], head[cut:])):
        client.send(data.encode())
    await seconds(2)
    assert client.told == ([] if refused is None else [(*refused, "192.0.2.1")])
    status = 200 if refused is None else refused[0]
    assert client.got.startswith(f"HTTP/1.1 {status} ".encode())
    assert client.got.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("sent", "path", "query", "host"),
    [
        ("http://b/a/b?c=d", "/a/b", b"c=d", b"b"), ("http://b", "/", b"", b"b"), ("HTTPS://b:80?c", "/", b"c", b"b:80"),
        ("/a?", "/a", b"", b"a"), ("//b/c", "//b/c", b"", b"a"),
    ],
)  # fmt: skip
@in_leaps
async def test_a_target_in_absolute_form_says_the_host(sent: str, path: str, query: bytes, host: bytes) -> None:
    """Whatever the field says (RFC 9112 §3.2.2); the next request has its own again."""
    endpoint = Endpoint(ok())
    client = Client(endpoint)
    client.send(f"GET {sent} HTTP/1.1\r\nx: 1\r\nhost: a\r\n\r\n".encode())
    client.send(f"GET /n HTTP/1.1\r\nX-Y: 1\r\n{HOST}\r\n".encode())
    ((first, asked, named), second) = endpoint.seen
    assert (first, asked, dict(named)) == (path, query, {b"host": host, b"x": b"1"})
    assert second == ("/n", b"", [(b"x-y", b"1"), (b"host", b"a")])


@in_leaps
async def test_what_is_refused_is_told_with_what_has_come() -> None:
    """Method, path, query and fields so far: for what a site adds to each of its answers."""
    client = Client(Endpoint(ok()))
    client.send(b"PUT /a%20b?c=%31 HTTP/1.1\r\nHost: a\r\nX-Y: 1\r\nTransfer-Encoding: gzip\r\n\r\n")
    (one,) = client.refused
    assert (one.method, one.path, one.query, one.header_list, one.peer, one.scheme) == (
        "PUT", "/a b", {"c": "1"}, [(b"host", b"a"), (b"x-y", b"1")], "192.0.2.1", "http",
    )  # fmt: skip


BROKEN = b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


@in_leaps
async def test_a_broken_body_ends_a_request_that_waits() -> None:
    """Its work is given up, and it is refused; what comes behind it is nothing."""
    endpoint = Endpoint()
    client = Client(endpoint)
    client.send(BROKEN + b"x\r\n")
    client.send(b"GET /b HTTP/1.1\r\nhost: a\r\n\r\n")
    assert endpoint.told == ["/a cancelled", "/a gone"]
    assert client.told == [(400, NOT_WELL_FORMED, "192.0.2.1")]
    assert client.got.startswith(b"HTTP/1.1 400 Bad Request\r\ndate: today\r\nconnection: close\r\n")
    await seconds(2)
    assert client.events == [("ended", 0.0), ("closed", 1.0)]
    assert [path for path, _, _ in endpoint.seen] == ["/a"]


@in_leaps
async def test_a_broken_body_behind_an_answer_is_answered_no_more() -> None:
    """The connection ends."""
    endpoint = Endpoint(ok())
    client = Client(endpoint)
    client.send(BROKEN)
    got = client.got
    client.send(b"x\r\n")
    await seconds(2)
    assert (client.got, client.told, endpoint.told) == (got, [], ["/a 200 2"])
    assert got.count(b"HTTP/1.1 ") == 1
    assert client.events == [("ended", 0.0), ("closed", 1.0)]


@in_leaps
async def test_a_fault_of_ours_is_no_fault_of_the_client() -> None:
    """A request that keeps us from its endpoint is answered with 500, and the connection ends."""
    client = Client(Endpoint(ok()))
    assert client.generation is not None

    def fail(method: str, path: bytes) -> Any:
        raise RuntimeError("secret")

    client.generation.find = fail  # type: ignore[method-assign]
    client.send(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
    await seconds(2)
    assert client.got.startswith(b"HTTP/1.1 500 Internal Server Error\r\ndate: today\r\nconnection: close\r\n")
    assert b"secret" not in client.got
    assert ([status for status, _, _ in client.told], client.closing) == ([500], True)
