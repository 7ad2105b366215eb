"""What is read of a request before anything is made of it: its body, its length, its coding, its id, its deadline."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from aggregator.edge.networks import parse_networks
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.runtime.coding import LARGE
from aggregator.runtime.request.body import ClientGone, body_stream, check_length
from aggregator.runtime.request.deadlines import AskedDeadline
from aggregator.runtime.request.decoding import content_of
from aggregator.runtime.request.identity import peer_of, request_id, sent_path_of
from aggregator.runtime.request.inputs import Refusal

CAP = 5


def of(*fields: tuple[bytes, bytes], body: bytes = b"") -> Exchange:
    """Return a request with *fields* and *body*."""
    made = Exchange("POST", "/", b"", list(fields))
    made.body = body
    return made


def refusal(caught: pytest.ExceptionInfo[Refusal]) -> tuple[int, str, HeaderList]:
    """Return status, detail and fields of a refusal."""
    return caught.value.status, caught.value.detail, list(caught.value.headers)


async def pieces(*messages: dict[str, Any]) -> tuple[list[bytes], int]:
    """Return the pieces of the body that *messages* bring, and how many of these were not asked for."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    return [piece async for piece in body_stream(receive, CAP)], len(left)


def message(body: bytes | None, *, more: bool | None) -> dict[str, Any]:
    """Return a message of ASGI, without what is None."""
    said = {"body": body, "more_body": more}
    return {"type": "http.request", **{name: value for name, value in said.items() if value is not None}}


@pytest.mark.parametrize(
    ("messages", "read", "left"),
    [
        ([message(b"abc", more=True), message(b"de", more=False)], [b"abc", b"de"], 0),
        ([message(b"abcde", more=None), message(b"f", more=False)], [b"abcde"], 1),
        ([message(None, more=True), message(b"", more=True), message(b"a", more=False)], [b"a"], 0),
        ([message(None, more=None)], [], 0),
    ],
)  # fmt: skip
def test_a_body_comes_in_pieces_up_to_its_cap(messages: list[dict[str, Any]], read: list[bytes], left: int) -> None:
    """Empty ones are none; behind the last one nothing is asked for."""
    assert asyncio.run(pieces(*messages)) == (read, left)


def test_a_body_over_its_cap_is_refused_and_one_that_ends_early_is_gone() -> None:
    """At the first byte too many, over all pieces."""
    with pytest.raises(Refusal) as caught:
        asyncio.run(pieces(message(b"abcde", more=True), message(b"f", more=True)))
    assert refusal(caught) == (413, "The request body is larger than 5 bytes.", [])
    with pytest.raises(ClientGone):
        asyncio.run(pieces(message(b"a", more=True), {"type": "http.disconnect"}))


@pytest.mark.parametrize(
    ("name", "length", "is_refused"),
    [
        (b"content-length", b"5", False), (b"content-length", b"6", True), (b"content-length", b"000000000000000005", False),
        (b"content-length", b"0000000000000000005", True), (b"content-length", b"9x", False), (b"x-length", b"9", False),
    ],
)  # fmt: skip
def test_an_announced_length_is_refused_over_the_cap(name: bytes, length: bytes, is_refused: bool) -> None:
    """One of more than eighteen digits is not read as a number at all."""
    if is_refused:
        with pytest.raises(Refusal) as caught:
            check_length(of((name, length)), CAP)
        assert refusal(caught) == (413, "The request body is larger than 5 bytes.", [])
    else:
        check_length(of((name, length)), CAP)


CODED, CODING = gzip.compress(b"12345", mtime=0), (b"content-encoding", b"gzip")


@pytest.mark.parametrize(
    ("fields", "body", "content"),
    [
        ([CODING], CODED, b"12345"), ([], CODED, CODED), ([CODING], b"", b""), ([(b"content-encoding", b"identity")], b"1", b"1"),
        ([(b"content-type", b"gzip")], CODED, CODED), ([(b"content-encoding", b"deflate")], zlib.compress(b"1"), b"1"),
    ],
)  # fmt: skip
def test_a_coding_of_a_body_is_undone(fields: HeaderList, body: bytes, content: bytes) -> None:
    """Up to the cap; what came stays as it was, for calls that pass it on."""
    exchange = of(*fields, body=body)
    assert asyncio.run(content_of(exchange, CAP)) == content
    assert exchange.body == body


@pytest.mark.parametrize(
    ("codings", "body", "status", "detail"),
    [
        ([b"gzip"], gzip.compress(b"123456", mtime=0), 413, "The request body is larger than 5 bytes when decoded."),
        ([b"gzip"], b"12345", 400, "The request body is not in the content coding that it claims."),
        ([b"gzip"], CODED[:-1], 400, "The request body is not in the content coding that it claims."),
        ([b"lzma"], b"1", 415, "Request bodies may have one content coding, of "),
        ([b"gzip", b"gzip"], CODED, 415, "Request bodies may have one content coding, of "),
    ],
)
def test_a_coding_that_cannot_be_undone_is_refused(codings: list[bytes], body: bytes, status: int, detail: str) -> None:
    """With the codings that are known, where the client's is not."""
    with pytest.raises(Refusal) as caught:
        asyncio.run(content_of(of(*((b"content-encoding", one) for one in codings), body=body), CAP))
    known = [value.decode() for _, value in caught.value.headers]
    assert (caught.value.status, caught.value.detail) == (status, f"{detail}{known[0]}." if known else detail)
    assert [name for name, _ in caught.value.headers] == ([b"accept-encoding"] if status == 415 else [])


@pytest.mark.parametrize("size", [LARGE - 1, LARGE])
def test_a_long_coded_body_is_the_same_in_a_thread(size: int) -> None:
    """What is coded by hardly anything stays long."""
    packer = zlib.compressobj(level=0, wbits=31)
    text = b"1" * (size - 38)
    body = packer.compress(text) + packer.flush()
    exchange = of(CODING, body=body)
    assert asyncio.run(content_of(exchange, 2 * LARGE)) == text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a", True), (b"A-z_0.9", True), (b"a" * 128, True), (b"a" * 129, False), (b"", False), (b"a b", False),
        (b"a\n", False), (b"\xe4", False), (None, False),
    ],
)  # fmt: skip
def test_the_id_of_a_client_is_kept_where_it_is_harmless(sent: bytes | None, kept: bool) -> None:
    """Else the request has one that no other has: what is before its number is the same for all of this process."""
    fields = [] if sent is None else [(b"x-request-id", sent)]
    if kept:
        assert request_id(fields).encode() == sent
    else:
        first, second = (request_id(fields).split("-") for _ in range(2))
        assert (first[0] == second[0], len(first[0])) == (True, 12)
        assert int(second[1], 16) == int(first[1], 16) + 1


@pytest.mark.parametrize(
    ("scope", "peer"),
    [({"client": ("192.0.2.1", 80)}, "192.0.2.1"), ({"client": ("::ffff:192.0.2.1", 80)}, "192.0.2.1"),
     ({"client": None}, ""), ({}, "")],
)  # fmt: skip
def test_where_a_request_comes_from(scope: dict[str, Any], peer: str) -> None:
    """The address alone; a peer on a Unix socket has none."""
    assert peer_of(scope) == peer


def test_a_path_as_it_was_sent() -> None:
    """Where the server has kept that; else one that means the same."""
    assert sent_path_of({"path": "/a b", "raw_path": b"/a%20b"}) == b"/a%20b"
    assert sent_path_of({"path": "/a b"}) == sent_path_of({"path": "/a b", "raw_path": b""}) == b"/a%20b"


@pytest.mark.parametrize(
    ("peer", "said", "deadline"),
    [
        ("192.0.2.1", b"500", 100.5), ("192.0.2.1", b"0", 100.0), ("192.0.2.1", b"99999", 110.0), ("192.0.2.1", b"0.5", 110.0),
        ("192.0.2.1", b"-1", 110.0), ("192.0.2.1", b"", 110.0), ("192.0.2.1", None, 110.0), ("198.51.100.1", b"500", 110.0),
        ("192.0.2.1", b"000000500", 100.5), ("192.0.2.1", b"0000000500", 110.0),
    ],
)  # fmt: skip
def test_a_caller_shortens_the_deadline(peer: str, said: bytes | None, deadline: float) -> None:
    """By milliseconds, if it is trusted; it never extends it, and more than nine digits are none."""
    exchange = of(*([] if said is None else [(b"x-deadline", said)]))
    exchange.peer, exchange.deadline = peer, 110.0
    AskedDeadline(b"x-deadline", parse_networks(["192.0.2.0/24"])).shorten(exchange, 100.0)
    assert exchange.deadline == deadline
