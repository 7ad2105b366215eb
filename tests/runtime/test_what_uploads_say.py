"""What the request to a streaming endpoint says of its body, and which coding its upstream is asked for."""

from __future__ import annotations

import pytest

from aggregator.exchange import Exchange
from aggregator.runtime.streams.uploads import announces_body, asking_coding, length_of
from aggregator.transport import accept_encoding

LENGTH, CHUNKED = (b"content-length", b"7"), (b"transfer-encoding", b"chunked")


def of(*fields: tuple[bytes, bytes]) -> Exchange:
    """Return a request with *fields*."""
    return Exchange("POST", "/", b"", list(fields))


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (["gzip"], "gzip"), (["br, GZIP"], "gzip"), (["br", "gzip;q=0.5"], "gzip"), (["gzip ; q=0.001"], "gzip"), (["gzip;q=1"], "gzip"),
        (["gzip;q=0"], "identity"), (["gzip; q=0.000"], "identity"), (["br"], "identity"), ([], "identity"), (["xgzip"], "identity"),
        (["gzip;q=0, gzip"], "gzip"), (["*"], "identity"),
    ],
)  # fmt: skip
def test_an_upstream_is_asked_for_what_the_client_takes(sent: list[str], asked: str) -> None:
    """The body is not decoded on its way; all else in the request stays."""
    exchange = of(*((b"accept-encoding", value.encode()) for value in sent))
    block = b"host: a\r\naccept-encoding: %b\r\nx: 1\r\n"
    assert asking_coding(block % accept_encoding(), exchange) == block % asked.encode()
    assert asking_coding(b"accept-encoding: br\r\n", exchange) == b"accept-encoding: br\r\n"


@pytest.mark.parametrize(
    ("fields", "announced", "length"),
    [
        ([], [True, False, False], b""), ([LENGTH], [True] * 3, b"content-length: 7\r\n"), ([CHUNKED], [True] * 3, b""),
        ([CHUNKED, LENGTH], [True] * 3, b""), ([(b"x", b"content-length")], [True, False, False], b""),
    ],
)  # fmt: skip
def test_whether_a_body_comes(fields: list[tuple[bytes, bytes]], announced: list[bool], length: bytes) -> None:
    """In HTTP/1 the framing says so, in HTTP/2 nothing does; its length goes up where nothing contradicts it."""
    exchange = of(*fields)
    assert [announces_body(exchange, version) for version in ("2", "1.1", "1.0")] == announced
    assert length_of(exchange) == length
