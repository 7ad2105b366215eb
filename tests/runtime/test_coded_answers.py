"""Which answers are coded, and what becomes of one: its body, its fields, and what is remembered of it."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from aggregator.edge.coding import Compression
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.compressing import Compressing, coded_headers

JSON = (b"content-type", b"application/json")
VARY = (b"vary", b"accept-encoding")
CODED = (b"content-encoding", b"gzip")
BODY = b"[" + b"1," * 700 + b"1]"


class Variants:
    """What is kept of the body of an answer in codings."""

    def __init__(self, **known: bytes) -> None:
        self.known = known

    def find(self, body: bytes, coding: str) -> bytes | None:
        """Return what is known."""
        return self.known.get(coding)

    def keep(self, body: bytes, coding: str, coded: bytes) -> None:
        """Keep it."""
        self.known[coding] = coded


def coded(answer: Answer, accept: str | None = "gzip", above: int = 1000, *sent: tuple[bytes, bytes]) -> Answer:
    """Return *answer* as a client gets it that takes what *accept* says."""
    fields = list(sent) if accept is None else [(b"accept-encoding", accept.encode()), *sent]

    async def main() -> None:
        ready = asyncio.get_running_loop().create_future()
        compressing = Compressing(Compression(codings=("gzip",), above=above))
        compressing.code(Exchange("GET", "/", b"", fields), answer, lambda: ready.set_result(None))
        await ready

    asyncio.run(main())
    return answer


@pytest.mark.parametrize("size", [1403, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1])
def test_a_body_is_coded_as_a_whole(size: int) -> None:
    """Wherever that is done; the fields say so."""
    body = (b"[" + b"1," * (size // 2) + b"1]")[:size]
    answer = coded(Answer(200, [JSON], body))
    assert (gzip.decompress(answer.body), answer.headers) == (body, [JSON, VARY, CODED])


@pytest.mark.parametrize(
    ("status", "headers", "above", "accept"),
    [
        (200, [JSON], 1404, "gzip"), (206, [JSON], 1000, "gzip"), (204, [JSON], 1000, "gzip"), (200, [], 1000, "gzip"),
        (200, [(b"content-type", b"image/png")], 1000, "gzip"), (200, [JSON, (b"content-encoding", b"br")], 1000, "gzip"),
        (200, [JSON, (b"cache-control", b"max-age=1, No-Transform")], 1000, "gzip"),
    ],
)  # fmt: skip
def test_what_is_never_coded_does_not_vary(status: int, headers: HeaderList, above: int, accept: str) -> None:
    """It is what it was for every client."""
    answer = coded(Answer(status, list(headers), BODY), accept, above)
    assert (answer.body, answer.headers) == (BODY, headers)


@pytest.mark.parametrize("accept", [None, "identity", "gzip;q=0"])
def test_who_takes_no_coding_gets_none(accept: str | None) -> None:
    """Others might, which the answer says."""
    answer = coded(Answer(200, [JSON, (b"vary", b"origin")], BODY), accept, 1403)
    assert (answer.body, answer.headers) == (BODY, [JSON, (b"vary", b"origin, accept-encoding")])


def test_what_is_known_of_a_body_is_not_coded_again() -> None:
    """And what is not is remembered."""
    known, unknown = Variants(gzip=b"known"), Variants()
    assert coded(Answer(200, [JSON], BODY, variants=known)).body == b"known"
    assert coded(Answer(200, [JSON], BODY, variants=unknown)).body == unknown.known["gzip"]


def test_an_answer_whose_body_was_never_here_is_left_as_it_is() -> None:
    """As that of a call by HEAD."""
    answer = coded(Answer(200, [JSON], BODY, head_only=True))
    assert (answer.body, answer.headers) == (BODY, [JSON])


@pytest.mark.parametrize(
    ("tag", "sent", "told"),
    [(b'"a"', b'W/"a"', b'W/"a"'), (b'"a"', b'"a"', b'"a"'), (b'"a"', b'W/"b"', b'"a"'), (b'"a"', None, b'"a"')],
)
def test_a_304_names_the_tag_that_its_client_has(tag: bytes, sent: bytes | None, told: bytes) -> None:
    """That of the coded answer where it has sent that."""
    fields = [] if sent is None else [(b"if-none-match", sent)]
    answer = coded(Answer(304, [(b"etag", tag)], b""), "gzip", 1000, *fields)
    assert dict(answer.headers) == dict([(b"etag", told), VARY])


def test_what_speaks_of_the_bytes_as_they_were_goes() -> None:
    """Lengths and digests are those of another body, and a tag is a weak one; the rest stays in its order."""
    headers = [JSON, (b"etag", b'"a"'), (b"content-length", b"9"), (b"digest", b"x"), (b"content-digest", b"x"),
               (b"content-md5", b"x"), (b"accept-ranges", b"bytes"), (b"x-a", b"1")]  # fmt: skip
    assert coded_headers(headers, "gzip") == [JSON, (b"etag", b'W/"a"'), (b"x-a", b"1"), CODED]


def test_the_size_of_pieces_is_that_of_all() -> None:
    """Joined or not."""
    assert [Answer(200, [], content).size for content in (b"abc", [b"a", b"bc"], [])] == [3, 3, 0]


@pytest.mark.parametrize(
    ("headers", "sized"),
    [
        ([JSON], "flushed"), ([JSON, (b"content-length", b"1000")], "whole"), ([JSON, (b"content-length", b"999")], None),
        ([JSON, (b"content-length", b"9" * 18)], "whole"), ([JSON, (b"content-length", b"9" * 19)], "flushed"),
        ([JSON, (b"content-length", b"x")], "flushed"), ([JSON, (b"content-range", b"bytes 0-1/9")], None),
        ([(b"content-type", b"image/png")], None),
    ],
)  # fmt: skip
def test_a_stream_is_coded_by_its_head(headers: HeaderList, sized: str | None) -> None:
    """One of a length that is known is a body like others, of any other each piece is to be seen at once."""
    answer = Answer(200, list(headers), b"")
    exchange = Exchange("GET", "/", b"", [(b"accept-encoding", b"gzip")])
    coder = Compressing(Compression(codings=("gzip",), above=1000)).stream(exchange, answer)
    assert (coder is None) == (sized is None)
    if coder is not None:
        first = asyncio.run(coder.feed(b"data: 1\n\n" * 10))
        assert (len(first) > 20) == (sized == "flushed")
        assert gzip.decompress(first + coder.finish()) == b"data: 1\n\n" * 10
        assert answer.headers == [JSON, VARY, CODED]
