"""Content codings of large bodies: all of it comes out, however it came in, whole or streamed, and no more than asked."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import brotli
import pytest
import zstandard

from aggregator.errors import CallError, Cause
from aggregator.transport.fetching import fetched
from aggregator.transport.wire.decoding import Decoder
from aggregator.transport.wire.inflating import inflaters

H = b"host: shop\r\n"
DICE = random.Random(7)
ROWS = b"".join(b'{"id":%d,"name":"user %d"},' % (at, at * 7919 % 100_003) for at in range(35_000))
ALIKE = b"a" * 3_000_000
NOISE = DICE.randbytes(1_100_000)
HALF = DICE.randbytes(600_000).hex().encode()
BODIES = {"rows": ROWS, "alike": ALIKE, "half": HALF, "noise": NOISE}


def raw_deflate(data: bytes) -> bytes:
    """Pack without the zlib wrapper, as some servers do."""
    packer = zlib.compressobj(6, wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "gzip": (b"gzip", lambda data: gzip.compress(data, 6)),
    "deflate": (b"deflate", zlib.compress),
    "raw deflate": (b"deflate", raw_deflate),
    "br": (b"br", lambda data: brotli.compress(data, quality=5)),
    "zstd": (b"zstd", zstandard.compress),
}


def cut(data: bytes, step: int) -> Iterator[bytes]:
    """Return *data* in pieces of *step* bytes."""
    return (data[at : at + step] for at in range(0, len(data), step))


def unpacked(coding: bytes, data: bytes, step: int) -> bytes:
    """Decode *data*, fed in pieces of *step* bytes."""
    decoder = Decoder(coding)
    body = b"".join(piece for part in cut(data, step) for piece in decoder.feed(part))
    decoder.finish()
    return body


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("step", [16 * 1024, 10**9])
def test_large_bodies(packer: str, body: str, step: int) -> None:
    """Bodies of over a megabyte come out whole, in one piece and in many."""
    coding, pack = PACKERS[packer]
    assert unpacked(coding, pack(BODIES[body]), step) == BODIES[body]


@pytest.mark.long
@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("body", ["rows", "alike"])
def test_large_bodies_byte_by_byte(packer: str, body: str) -> None:
    """As above when each byte comes alone."""
    coding, pack = PACKERS[packer]
    assert unpacked(coding, pack(BODIES[body]), 1) == BODIES[body]


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("step", [16 * 1024, 10**9])
def test_a_large_body_and_more(packer: str, step: int) -> None:
    """A large body that is cut short is refused, and one that goes on after its end is."""
    coding, pack = PACKERS[packer]
    packed = pack(ROWS)
    for bad in (packed[:-3], packed + b"more"):
        with pytest.raises(CallError) as failure:
            unpacked(coding, bad, step)
        assert failure.value.cause == Cause.CODING


@pytest.mark.parametrize("packer", PACKERS)
def test_a_body_over_the_cap(packer: str) -> None:
    """Three megabytes of one letter are too large for a cap of one, and no more than the cap is given."""
    coding, pack = PACKERS[packer]
    sizes: list[int] = []
    with pytest.raises(CallError) as failure:
        sizes.extend(map(len, Decoder(coding, 1_000_000).feed(pack(ALIKE))))
    assert failure.value.cause == Cause.TOO_LARGE
    assert sum(sizes) <= 1_000_000


class Counting:
    """A decompressor that adds to *handed* how much it is given."""

    def __init__(self, inner: Any, handed: list[int]) -> None:
        self.inner = inner
        self.handed = handed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def decompress(self, data: bytes, *limit: int) -> Any:
        self.handed.append(len(data))
        return self.inner.decompress(data, *limit)

    def process(self, data: bytes, **limit: int) -> Any:
        self.handed.append(len(data))
        return self.inner.process(data, **limit)


@pytest.mark.parametrize("packer", ["gzip", "deflate", "raw deflate", "br"])
@pytest.mark.parametrize("body", [NOISE, bytes(50_000_000)])
def test_what_is_left_is_not_copied_again(monkeypatch: pytest.MonkeyPatch, packer: str, body: bytes) -> None:
    """The work grows with the bytes that come in and go out: no decompressor holds a long tail that it copies."""
    coding, pack = PACKERS[packer]
    packed = pack(body)
    handed: list[int] = []
    inflaters()  # looks once at what the packages can
    streams, brotlis = zlib.decompressobj, brotli.Decompressor
    monkeypatch.setattr(zlib, "decompressobj", lambda wbits: Counting(streams(wbits), handed))
    monkeypatch.setattr(brotli, "Decompressor", lambda: Counting(brotlis(), handed))
    assert unpacked(coding, packed, len(packed)) == body
    assert sum(handed) <= len(packed) + len(body) / 4
    assert max(handed) <= 16 * 1024


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("body", BODIES)
def test_large_bodies_of_calls(run: Any, any_stage: Any, packer: str, body: str) -> None:
    """An upstream's large body arrives whole through every door, read at once and streamed."""
    coding, pack = PACKERS[packer]
    packed = pack(BODIES[body])
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(packed))

    async def main() -> None:
        async with any_stage.playing(head + packed) as upstream, any_stage.door(upstream) as door:
            assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == BODIES[body]
            async with await door.stream(b"GET", b"/", H, None, deadline=any_stage.due(), decode=True) as reply:
                assert b"".join([piece async for piece in reply]) == BODIES[body]

    run(main())
