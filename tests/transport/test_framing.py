"""What counts as one response, byte for byte, without a socket."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import CallError, Cause
from aggregator.transport.settings import Caps
from aggregator.transport.wire.framing import ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def reader_of(
    *pieces: bytes, bodiless: bool = False, limit: float = 10_000, caps: Caps | None = None
) -> ResponseReader:
    """Return a reader that has been fed *pieces*."""
    reader = ResponseReader(caps or Caps())
    reader.expect(bodiless, limit)
    for piece in pieces:
        reader.feed(piece)
    return reader


def read(raw: bytes, **options: Any) -> tuple[Any, ...]:
    """Return what *raw* is taken for: a response with the fate of its connection, or a refusal."""
    try:
        reader = reader_of(raw, **options)
    except CallError as error:
        return (error.cause,)
    return reader.status, reader.body(), reader.complete, reader.reusable


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (OK + b"content-length:\t5 \t\r\n\r\nhello", b"hello"),
        (OK + b"Content-Length: 0005\r\n\r\nhello", b"hello"),
        (OK + b"X-Latin: \xff\xe9\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", b""),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (CHUNKED + b'5;name="a b"\r\nhello\r\n0\r\n\r\n', b"hello"),
        (CHUNKED + b"005\r\nhello\r\n00\r\nExpires: 0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 999999999\r\nContent-Encoding: gzip\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi"),
        (OK + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    ],
)
def test_accepted(raw: bytes, body: bytes) -> None:
    """A well-framed response is complete at its last byte and leaves its connection to the next."""
    assert read(raw)[1:] == (body, True, True)
    assert not reader_of(raw[:-1]).complete


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"Connection: foo, Close\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"Content-Length: 2\r\n\r\nhiX",
        OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 2",
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi and more",
        CHUNKED + b"2\r\nhi\r\n0\r\n\r\nmore",
    ],
)
def test_complete_but_last(raw: bytes) -> None:
    """A complete response stands; what follows it is dropped and its connection serves no other."""
    assert read(raw) == (200, b"hi", True, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
def test_a_body_where_there_can_be_none(raw: bytes) -> None:
    """A body that 204 or 304 announces or brings is never read as the next response."""
    assert read(raw)[1:] == (b"", True, False)


def test_head_response() -> None:
    """To HEAD every response is complete at its head; a body after it spoils the connection."""
    for fields in (
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Transfer-Encoding: chunked",
        b"Content-Length: 99999999",
    ):
        fields += b"\r\n"
        assert read(OK + fields + b"\r\n", bodiless=True) == (200, b"", True, True)
    assert read(OK + b"Content-Length: 5\r\n\r\nhello", bodiless=True) == (200, b"", True, False)
    assert read(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", bodiless=True) == (200, b"", True, False)


def test_one_response_after_another() -> None:
    """A reader goes on to the next response, also after one without the body that its head describes."""
    reader = reader_of(OK + b"Content-Length: 5\r\n\r\n", bodiless=True)
    for number in range(3):
        reader.expect(False, 100)
        assert reader.feed(OK + b"X: %d\r\nContent-Length: 1\r\n\r\n%d" % (number, number))
        assert (reader.body(), reader.headers[0]) == (b"%d" % number, (b"x", b"%d" % number))
    reader.expect(True)
    assert reader.feed(OK + b"Content-Length: 0\r\n\r\n")
    reader.expect(False)
    assert reader.feed(OK + b"Content-Length: 0\r\n\r\n")


REFUSED = {
    "both lengths": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "both, other order": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "same length twice": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "list of lengths": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "plus": OK + b"Content-Length: +5\r\n\r\nhello",
    "minus": OK + b"Content-Length: -5\r\n\r\nhello",
    "hexadecimal": OK + b"Content-Length: 0x5\r\n\r\nhello",
    "underscore": OK + b"Content-Length: 1_0\r\n\r\nhello",
    "empty length": OK + b"Content-Length: \r\n\r\nhello",
    "space in length": OK + b"Content-Length: 5 5\r\n\r\nhello",
    "length overflow": OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "folded header": OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "folded at once": OK + b"A:\r\n b\r\nContent-Length: 0\r\n\r\n",
    "space before name": OK + b" A: b\r\nContent-Length: 0\r\n\r\n",
    "space before colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "no colon": OK + b"AB\r\nContent-Length: 0\r\n\r\n",
    "empty name": OK + b": b\r\nContent-Length: 0\r\n\r\n",
    "name not a token": OK + b"A(b): c\r\nContent-Length: 0\r\n\r\n",
    "NUL in value": OK + b"A: b\x00c\r\nContent-Length: 0\r\n\r\n",
    "CR in value": OK + b"A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "LF in value": OK + b"A: b\nc: d\r\nContent-Length: 0\r\n\r\n",
    "control in value": OK + b"A: b\x01c\r\nContent-Length: 0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "bare LF at end": OK + b"Content-Length: 0\r\n\n",
    "coding gzip": OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "coding list": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "nearly chunked": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted chunked": OK + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "no coding": OK + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size not hex": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "chunk size 0x": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size plus": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk size space": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "chunk size empty": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "chunk size overflow": CHUNKED + b"ffffffffffffffffff\r\nhello",
    "chunk without CRLF": CHUNKED + b"5\r\nhello0\r\n\r\n",
    "chunk with other end": CHUNKED + b"5\r\nhelloxx0\r\n\r\n",
    "chunk with LF": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "chunk extension with LF": CHUNKED + b"5;a\nhello\r\n0\r\n\r\n",
    "length as trailer": CHUNKED + b"0\r\nContent-Length: 9\r\n\r\n",
    "status 000": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
    "status 099": b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
    "status 999": b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
    "status 42": b"HTTP/1.1 42 OK\r\nContent-Length: 0\r\n\r\n",
    "status 2000": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"<html>hi</html>",
    "HTTP/0.9 with a line": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "ICE": b"ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "empty line first": b"\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2 after 100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "lower case": b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "CR in reason": b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nabc",
    "100 with a length": b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "103 in chunks": b"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "103 that closes": b"HTTP/1.1 103 Hints\r\nConnection: close\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "17 interim": b"HTTP/1.1 102 Processing\r\n\r\n" * 17,
    "201 headers": OK + b"X: 1\r\n" * 200 + b"Content-Length: 0\r\n\r\n",
    "large head": OK + b"X: " + b"y" * 65_600 + b"\r\nContent-Length: 0\r\n\r\n",
    "large reason": b"HTTP/1.1 200 " + b"y" * 65_600 + b"\r\nContent-Length: 0\r\n\r\n",
    "large interim": (b"HTTP/1.1 103 Hints\r\nX: " + b"y" * 33_000 + b"\r\n\r\n") * 2
    + OK
    + b"Content-Length: 0\r\n\r\n",
    "201 interim headers": b"HTTP/1.1 103 Hints\r\n" + b"X: 1\r\n" * 201 + b"\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "endless header": OK + b"X: " + b"y" * 65_600,
    "endless empty lines": b"\r\n" * 33_000,
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_refused(raw: bytes) -> None:
    """What could be read in two ways, or not at all, is refused, whatever the pieces that it comes in."""
    assert read(raw) == (Cause.PROTOCOL,)
    with pytest.raises(CallError):
        reader_of(*[raw[at : at + 7] for at in range(0, len(raw), 7)])


def test_limits_are_exact() -> None:
    """The limits on headers and on the body allow what they say and no more."""
    many = OK + b"X: 1\r\n" * 199 + b"Content-Length: 0\r\n\r\n"
    assert read(many)[0] == 200
    body = b"x" * 100
    assert read(OK + b"Content-Length: 100\r\n\r\n" + body, limit=100)[1] == body
    assert read(OK + b"Content-Length: 101\r\n\r\n", limit=100)[0] == 200  # the body itself is counted
    assert read(OK + b"Content-Length: 101\r\n\r\nx" + body, limit=100) == (Cause.TOO_LARGE,)
    assert read(OK + b"Content-Length: 100001\r\n\r\n", limit=100_000) == (Cause.TOO_LARGE,)
    assert read(CHUNKED + b"65\r\nx" + body, limit=100) == (Cause.TOO_LARGE,)
    assert read(OK + b"Content-Length: 80000\r\n\r\n" + b"x" * 80_000, limit=80_000)[2]


@pytest.mark.parametrize("size", [1, 1000, 65_536, 200_000])
def test_limit_of_the_head_is_exact(size: int) -> None:
    """A head of 64 KiB is read, and one byte more is not, in pieces of *size* bytes and with a body close behind."""
    start, end, body = b"HTTP/1.1 103 Hints\r\n\r\n" + OK + b"X: ", b"\r\nContent-Length: 70000\r\n\r\n", b"z" * 70_000
    room = 64 * 1024 - len(start) - len(end)
    whole, over = start + b"y" * room + end + body, start + b"y" * (room + 1) + end + body
    reader = reader_of(*[whole[at : at + size] for at in range(0, len(whole), size)], limit=70_000)
    assert (reader.status, reader.body(), reader.complete, reader.reusable) == (200, body, True, True)
    with pytest.raises(CallError, match="head that is too large"):
        reader_of(*[over[at : at + size] for at in range(0, len(over), size)])


@pytest.mark.parametrize("start", [CHUNKED + b"0\r\nX: ", CHUNKED + b"5\r\nhello\r\n0\r\n", CHUNKED + b"5;"])
def test_framing_without_a_body_ends(start: bytes) -> None:
    """Endless trailers and chunk extensions are cut, though no body grows by them."""
    line = b"y" * 1000 if not start.endswith(b"\n") else b"Y: " + b"y" * 995 + b"\r\n"
    with pytest.raises(CallError) as failure:
        reader_of(start, *[line] * 70)
    assert failure.value.cause == Cause.PROTOCOL


def test_a_stream_of_many_chunks_goes_on() -> None:
    """What frames a body that grows is no framing without one, though it comes apart from it, and for hours."""
    reader = reader_of(CHUNKED, limit=1_000_000)
    for _ in range(20_000):
        reader.feed(b"a\r\n")
        reader.feed(b"data: 1\n\n\n")
        reader.feed(b"\r\n")
        reader.take()
    assert reader.feed(b"0\r\n\r\n")


def test_framing_far_beyond_the_body_ends() -> None:
    """A byte of body now and then does not pay for endless chunk extensions."""
    with pytest.raises(CallError) as failure:
        reader_of(CHUNKED, *[b"1;" + b"y" * 1000 + b"\r\nx\r\n"] * 100)
    assert failure.value.cause == Cause.PROTOCOL


def test_tiny_chunks_are_gathered() -> None:
    """A body in thousands of tiny chunks is whole in the end, in however many pieces they come."""
    for size, count in ((2, 3000), (1, 20_000)):
        chunk = b"%x\r\n%b\r\n" % (size, b"ab"[:size])
        for pieces in ([CHUNKED + chunk * count + b"0\r\n\r\n"], [CHUNKED, *[chunk] * count, b"0\r\n\r\n"]):
            assert reader_of(*pieces, limit=20_000).body() == b"ab"[:size] * count


def test_end_of_connection() -> None:
    """Only a body without a declared end is complete when the connection ends."""
    assert reader_of(OK + b"\r\nall there is").end()
    for raw in (b"", b"HTTP/1.1 200", OK + b"Content-Length: 9\r\n\r\nhalf", CHUNKED + b"5\r\nhel", CHUNKED):
        assert not reader_of(raw).end() if raw else not reader_of().end()


RESPONSES = (
    OK + b"A: b \r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + CHUNKED + b"3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nT: 1\r\n\r\n",
    OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 204 No Content\r\n\r\n",
)


@given(st.sampled_from(RESPONSES), st.lists(st.integers(0, 130), max_size=8))
@settings(max_examples=60)
def test_pieces_do_not_matter(raw: bytes, cuts: list[int]) -> None:
    """A response is read alike however the network cuts it."""
    edges = [0, *sorted(cuts), len(raw)]
    reader = reader_of(*[raw[a:b] for a, b in pairwise(edges) if raw[a:b]])
    whole = reader_of(raw)
    assert (reader.status, reader.headers, reader.body()) == (whole.status, whole.headers, whole.body())
    assert (reader.complete, reader.reusable) == (whole.complete, whole.reusable) == (True, whole.reusable)


@given(st.sampled_from((*RESPONSES, *list(REFUSED.values())[:40])), st.data())
@settings(max_examples=150)
def test_mutations_raise_nothing_else(raw: bytes, data: st.DataObject) -> None:
    """Whatever bytes come, the outcome is a response or a CallError, and never more body than the limit."""
    broken = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken) - 1))
        broken[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        broken = broken or bytearray(b"x")
    outcome = read(bytes(broken), limit=50)
    assert outcome[0] in (Cause.PROTOCOL, Cause.TOO_LARGE) or len(outcome[1]) <= 50


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "Expected HTTP/"),
        (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "Duplicate Content-Length"),
        (OK + b"Content-Length: secret\r\n\r\n", "Invalid character in Content-Length"),
        (OK + b"secret header\r\n\r\n", "Invalid header token"),
        (OK + b"A: b\r\n secret\r\n\r\n", "Unexpected whitespace after header value"),
        (CHUNKED + b"secret\r\n", "Invalid character in chunk size"),
        (CHUNKED + b"3\r\nsecret\r\n", "Expected LF after chunk data"),
    ],
)
def test_which_rule_was_broken_is_told(raw: bytes, fault: str) -> None:
    """One sentence for the client, the rule for the log; neither holds a word of the upstream."""
    with pytest.raises(CallError) as caught:
        reader_of(raw)
    assert caught.value.message == "The upstream did not answer in valid HTTP."
    assert caught.value.fault == fault
