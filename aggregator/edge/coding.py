"""Content codings of answers: which one a client takes (RFC 9110 §12.5.3), what is worth it, and the coders.

Answers are made while somebody waits, so the fast levels are used: from 1 kB on they save more time on the wire than
they cost here.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

CODINGS = ("zstd", "br", "gzip")
_LIBRARIES = {"zstd": "zstandard", "br": "brotli", "gzip": "zlib"}
_ZSTD_LEVEL, _BROTLI_QUALITY, _GZIP_LEVEL = 1, 4, 1
_GZIP_WINDOW = 31  # zlib writes the format of gzip with 16 added to the size of its window
_MEMBER = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")
_WORTH_IT = re.compile(
    rb"(?i)\s*(?:text/|application/(?:json|xml|javascript|ecmascript|x-ndjson|wasm|yaml|x-yaml|graphql)\b"
    rb"|application/[^;\s]+\+(?:json|xml|yaml)\b|image/(?:svg\+xml|bmp)\b|font/(?:ttf|otf)\b)"
)


class Coder(Protocol):
    """A coder of one body: what ``feed`` holds back comes with ``flush``; ``finish`` ends the body."""

    def feed(self, piece: bytes) -> bytes:
        """Return what is ready after *piece*; may be empty."""

    def flush(self) -> bytes:
        """Return all that was fed so far, so that a reader sees it now."""

    def finish(self) -> bytes:
        """Return the rest of the body."""


class Compression(Struct, frozen=True):
    """Which *codings* are offered, the most wanted first, and from how many bytes on (*above*)."""

    codings: tuple[str, ...] = CODINGS
    above: int = 1024


def is_installed(coding: str) -> bool:
    """Return whether the library of *coding* is there."""
    return find_spec(_LIBRARIES[coding]) is not None


@lru_cache(maxsize=256)  # upstreams send few different ones
def is_worth_it(content_type: bytes | None) -> bool:
    """Return whether bodies of this type become smaller: texts do, pictures and archives are small already."""
    return content_type is not None and _WORTH_IT.match(content_type) is not None


@lru_cache(maxsize=512)  # browsers send few different ones
def accepted_coding(header: str | None, offered: Sequence[str]) -> str | None:
    """Return the coding for a request whose ``Accept-Encoding`` is *header*, None for no coding.

    The greatest weight wins, then the order of *offered*. ``identity`` stands for no coding, which is acceptable
    unless it is refused; where nothing is acceptable, no coding is used (RFC 9110 §12.5.3, last paragraph).
    """
    if header is None:
        return None
    weights = _weights(header)
    star = weights.get("*")
    best, best_weight = None, 0.0
    for coding in offered:
        weight = weights.get(coding, weights.get("x-gzip", star) if coding == "gzip" else star) or 0.0
        if weight > best_weight:
            best, best_weight = coding, weight
    identity = weights.get("identity", 0.0)  # said without a name, it is only what is left
    return None if best is None or identity > best_weight else best


def _weights(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for member in header.split(",")[:32]:
        match = _MEMBER.fullmatch(member)
        if match is not None:
            found.setdefault(match[1].lower(), 1.0 if match[2] is None else float(match[2]))
    return found


def compress(body: bytes, coding: str) -> bytes:
    """Return *body* in *coding*. Takes 2 to 15 µs a kB: large bodies belong into a thread."""
    if coding == "gzip":
        return zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW)
    if coding == "zstd":
        return _zstd_of_thread().compress(body)
    import brotli

    return bytes(brotli.compress(body, quality=_BROTLI_QUALITY))


_of_thread = threading.local()


def _zstd_of_thread() -> ZstdCompressor:
    """Return the compressor of this thread, which only one body at a time may use.

    To make one takes longer than to compress 2 kB with it.
    """
    found: ZstdCompressor | None = getattr(_of_thread, "zstd", None)
    if found is None:
        import zstandard

        found = _of_thread.zstd = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    return found


def coder(coding: str) -> Coder:
    """Return a coder for one body that is sent as it comes."""
    makers: dict[str, Callable[[], Coder]] = {"gzip": _Gzip, "zstd": _Zstd, "br": _Brotli}
    return makers[coding]()


class _Gzip:
    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def feed(self, piece: bytes) -> bytes:
        return self._compressor.compress(piece)

    def flush(self) -> bytes:
        return self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._compressor.flush(zlib.Z_FINISH)


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
        self._block = zstandard.COMPRESSOBJ_FLUSH_BLOCK

    def feed(self, piece: bytes) -> bytes:
        return self._compressor.compress(piece)

    def flush(self) -> bytes:
        return self._compressor.flush(self._block)

    def finish(self) -> bytes:
        return self._compressor.flush()


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._compressor = brotli.Compressor(quality=_BROTLI_QUALITY)

    def feed(self, piece: bytes) -> bytes:
        return bytes(self._compressor.process(piece))

    def flush(self) -> bytes:
        return bytes(self._compressor.flush())

    def finish(self) -> bytes:
        return bytes(self._compressor.finish())


def weakened(tag: bytes) -> bytes:
    """Return the entity tag of a coded body: weak, since its bytes are others than those that *tag* was made of."""
    return tag if tag.startswith(b"W/") else b"W/" + tag
