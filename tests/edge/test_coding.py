"""Content codings: which one is chosen, and that what is coded is read again."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.coding import CODINGS, accepted_coding, coder, compress, is_worth_it, weakened


def decoded(body: bytes, coding: str) -> bytes:
    """Return *body* as any client would read it."""
    if coding == "gzip":
        return gzip.decompress(body)
    if coding == "br":
        return bytes(brotli.decompress(body))
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("gzip;q=0.5, zstd;q=0.5", "zstd"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("*;q=0", None),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("identity", None),
        ("identity, gzip", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("identity;q=0", None),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("gzip;q=2", None),
        ("gzip;q=0.0001", None),
        ("gzip ; q=0.5", "gzip"),
        ("deflate, lzma", None),
        ("gzip;q=0, gzip", None),
        ("x-gzip;q=0, *", "zstd"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        (", ".join(f"c{number}" for number in range(31)) + ", gzip", "gzip"),
        (", ".join(f"c{number}" for number in range(32)) + ", gzip", None),
    ],
)  # fmt: skip
def test_the_coding_that_is_chosen(header: str | None, coding: str | None) -> None:
    """The greatest weight wins, then our order; what is refused or misspelled is not used."""
    assert accepted_coding(header, CODINGS) == coding


def test_our_order_is_the_preference() -> None:
    """Where the client does not mind, the order of the file decides."""
    assert accepted_coding("gzip, br, zstd", ("gzip", "zstd")) == "gzip"


@pytest.mark.parametrize("coding", CODINGS)
@given(body=st.binary(max_size=5000))
def test_a_whole_body(coding: str, body: bytes) -> None:
    """What is coded whole is read again as it was."""
    assert decoded(compress(body, coding), coding) == body


@pytest.mark.parametrize("coding", CODINGS)
@given(pieces=st.lists(st.binary(max_size=500), max_size=10))
def test_a_body_in_pieces(coding: str, pieces: list[bytes]) -> None:
    """What is coded as it comes, flushed after each piece, is read again as it was."""
    making = coder(coding)
    coded = b"".join(making.feed(piece) + making.flush() for piece in pieces) + making.finish()
    assert decoded(coded, coding) == b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_flush_shows_what_was_fed(coding: str) -> None:
    """After a flush a reader has everything that was fed, without waiting for the end: events arrive."""
    making = coder(coding)
    sent = making.feed(b"data: 1\n\n") + making.flush()
    reader = {
        "gzip": lambda: zlib.decompressobj(31).decompress(sent),
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress(sent),
        "br": lambda: brotli.Decompressor().process(sent),
    }[coding]
    assert reader() == b"data: 1\n\n"


@pytest.mark.parametrize(
    ("content_type", "worth"),
    [
        (b"application/json", True),
        (b"application/problem+json", True),
        (b"text/html; charset=utf-8", True),
        (b"TEXT/PLAIN", True),
        (b"image/svg+xml", True),
        (b"application/x-ndjson", True),
        (b"image/png", False),
        (b"application/zip", False),
        (b"application/octet-stream", False),
        (b"video/mp4", False),
        (None, False),
    ],
)
def test_what_is_worth_coding(content_type: bytes | None, worth: bool) -> None:
    """Texts become smaller; what is compressed already, and what is unknown, stays as it is."""
    assert is_worth_it(content_type) is worth


@pytest.mark.parametrize(("tag", "weak"), [(b'"a"', b'W/"a"'), (b'W/"a"', b'W/"a"')])
def test_a_coded_body_has_a_weak_tag(tag: bytes, weak: bytes) -> None:
    """The tag of a coded body compares as equal content, not as equal bytes (RFC 9110 §8.8.1)."""
    assert weakened(tag) == weak
