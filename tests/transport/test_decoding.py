"""Content codings: what they give, what they refuse, and that no input makes them give too much at once."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from aggregator.errors import CallError, Cause
from aggregator.transport import accept_encoding
from aggregator.transport.wire import inflating
from aggregator.transport.wire.decoding import Decoder, decoded_headers, decoder_for

TEXT = b"the quick brown fox " * 500
PACKERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": brotli.compress,
    b"zstd": zstandard.compress,
}


def raw_deflate(data: bytes) -> bytes:
    """Pack without the zlib wrapper, as some servers do."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def decode(coding: bytes, data: bytes, *, cap: float = 10**9, step: int = 10**9) -> bytes:
    """Decode *data*, fed in pieces of *step* bytes."""
    decoder = Decoder(coding, cap)
    steps = [data[at : at + step] for at in range(0, len(data), step)]
    result = b"".join(piece for part in steps for piece in decoder.feed(part))
    decoder.finish()
    return result


@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_round_trip(coding: bytes, step: int) -> None:
    """Each coding gives back what was packed, in whatever pieces it comes; nothing at all is nothing."""
    packed = PACKERS[coding](TEXT)
    assert decode(coding, packed, step=step) == TEXT
    assert decode(coding, b"") == b""
    assert decode(coding, PACKERS[coding](b""), step=step) == b""


@pytest.mark.parametrize("step", [1, 10**6])
def test_variants(step: int) -> None:
    """Bare deflate, gzip members and zstd frames one after another are understood."""
    assert decode(b"deflate", raw_deflate(TEXT), step=step) == TEXT
    assert decode(b"gzip", gzip.compress(b"a") + gzip.compress(b"b"), step=step) == b"ab"
    assert decode(b"zstd", zstandard.compress(b"a") + zstandard.compress(b"b"), step=step) == b"ab"


@pytest.mark.parametrize("coding", PACKERS)
def test_damage(coding: bytes) -> None:
    """What is not in the coding, is cut short, or goes on after its end is refused."""
    packed = PACKERS[coding](TEXT)
    for bad in (b"this is not packed at all", packed[:-3], packed[:1], packed + b"more"):
        with pytest.raises(CallError) as failure:
            decode(coding, bad)
        assert failure.value.cause == Cause.CODING
    with pytest.raises(CallError):
        decode(coding, packed + b"more", step=len(packed))


@pytest.mark.parametrize(
    ("coding", "largest"), [(b"gzip", 2**16), (b"deflate", 2**16), (b"br", 2**18), (b"zstd", 2**23)]
)
def test_bombs(coding: bytes, largest: int) -> None:
    """A bomb comes out in bounded pieces, and no further than the cap."""
    pack = {b"br": lambda data: brotli.compress(data, quality=1)}.get(coding, PACKERS[coding])
    bomb = pack(bytes(30_000_000))
    with pytest.raises(CallError) as failure:
        decode(coding, bomb, cap=1_000_000)
    assert failure.value.cause == Cause.TOO_LARGE
    assert max(len(piece) for piece in Decoder(coding).feed(bomb)) <= largest


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
def test_many_members(coding: bytes) -> None:
    """A body of ever new members is an attack on the processor."""
    with pytest.raises(CallError) as failure:
        decode(coding, PACKERS[coding](b"") * 100)
    assert failure.value.cause == Cause.CODING


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
def test_sixteen_members_are_a_body(coding: bytes) -> None:
    """One more is refused."""
    assert decode(coding, PACKERS[coding](b"a") * 16) == b"a" * 16
    with pytest.raises(CallError) as failure:
        decode(coding, PACKERS[coding](b"a") * 17)
    assert failure.value.cause == Cause.CODING


@pytest.mark.parametrize("coding", PACKERS)
def test_a_body_may_be_as_large_as_the_cap(coding: bytes) -> None:
    """And no byte larger."""
    packed = PACKERS[coding](TEXT)
    assert decode(coding, packed, cap=len(TEXT)) == TEXT
    with pytest.raises(CallError) as failure:
        decode(coding, packed, cap=len(TEXT) - 1)
    assert (failure.value.cause, failure.value.message) == (
        Cause.TOO_LARGE, "The body is larger than allowed when decoded.",
    )  # fmt: skip


@pytest.mark.parametrize(("log", "is_read"), [(23, True), (24, False)])
def test_a_window_of_eight_mebibytes(log: int, is_read: bool) -> None:
    """So much memory RFC 9659 allows, and every reader has to have."""
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=log)
    ).compressobj()
    packed = packer.compress(TEXT) + packer.flush()
    if is_read:
        assert decode(b"zstd", packed) == TEXT
    else:
        with pytest.raises(CallError):
            decode(b"zstd", packed)


def test_wide_window() -> None:
    """A zstd frame that wants more memory than RFC 9659 allows is refused."""
    frame = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27))
    packer = frame.compressobj()
    with pytest.raises(CallError):
        decode(b"zstd", packer.compress(TEXT) + packer.flush())


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
@pytest.mark.parametrize("step", [1, 10**6])
def test_zeros_after_the_end(coding: bytes, step: int) -> None:
    """Zeros that fill up a block after the end are ignored, however many; another byte behind them is not."""
    packed = PACKERS[coding](TEXT) + bytes(100_000)
    assert decode(coding, packed, step=step) == TEXT
    with pytest.raises(CallError):
        decode(coding, packed + b"x", step=step)


def test_a_member_after_zeros() -> None:
    """Members of gzip that are each filled up with zeros are one body."""
    assert decode(b"gzip", gzip.compress(b"a") + bytes(512) + gzip.compress(b"b") + bytes(512)) == b"ab"


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"identity"],
        [b"identity, Identity"],
        [b"utf-8"],
        [b"UTF8"],
        [b"none"],
        [b"binary"],
        [b"none, utf-8"],
    ],
)
def test_nothing_to_undo(values: list[bytes]) -> None:
    """No coding, in any spelling, needs no decoder; nor does a word that servers write in the place of none."""
    assert decoder_for(values) is None


@pytest.mark.parametrize("values", [[b"GZIP"], [b"x-gzip"], [b"identity, gzip"], [b"identity", b" gzip "]])
def test_one_coding(values: list[bytes]) -> None:
    """One coding is found among identities, in any case."""
    decoder = decoder_for(values, 100)
    assert decoder is not None
    assert b"".join(decoder.feed(gzip.compress(b"hi"))) == b"hi"


@pytest.mark.parametrize("values", [[b"gzip, gzip"], [b"gzip", b"br"], [b"gzip"] * 100, [b"foo"], [b"compress"]])
def test_codings_refused(values: list[bytes]) -> None:
    """More than one coding and unknown ones are refused, not passed on undecoded."""
    with pytest.raises(CallError) as failure:
        decoder_for(values)
    assert failure.value.cause == Cause.CODING


def test_accept_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what can be decoded here is asked for; a brotli that cannot bound its output counts as absent."""
    assert accept_encoding() == b"gzip, deflate, br, zstd"
    inflating.inflaters.cache_clear()
    monkeypatch.setattr(brotli, "Decompressor", object)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert accept_encoding() == b"gzip, deflate"
    inflating.inflaters.cache_clear()


def test_headers_of_a_decoded_body() -> None:
    """What described the coded body goes; the rest stays in order."""
    fields = [(b"a", b"1"), (b"content-encoding", b"gzip"), (b"content-length", b"9"), (b"b", b"2")]
    assert decoded_headers(fields) == [(b"a", b"1"), (b"b", b"2")]
