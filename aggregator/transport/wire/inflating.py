"""The content codings themselves, each fed with what arrived and giving what it stands for in bounded pieces.

Every class has ``feed``, ``ended`` and the *errors* that mean bytes which are not in the coding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, ClassVar, Protocol

PIECE = 64 * 1024
_STEP = 16 * 1024  # bytes handed over at once: a decompressor copies what it has not used, after every piece
_MEMBERS = 16  # more concatenated streams than that are an attack on the processor
_ZSTD_WINDOW = 8 * 1024 * 1024  # RFC 9659 §3
_ZSTD_STEP = 256  # bytes; 4 of them may stand for 128 KiB, so a step gives 8 MiB at worst


class Inflater(Protocol):
    """A decoder of one coded body."""

    errors: ClassVar[tuple[type[Exception], ...]]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return what *data* decodes to."""
        ...

    def ended(self) -> bool:
        """Return whether the coded body is complete."""
        ...


def _steps(data: bytes, size: int = _STEP) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def _drain(inflater: Any, data: bytes) -> Iterator[bytes]:
    while True:
        piece = inflater.decompress(data, PIECE)
        if piece:
            yield piece
        data = inflater.unconsumed_tail
        if inflater.eof or (not data and len(piece) < PIECE):
            return


class Gzip:
    """RFC 1952: members one after another. Zeros that fill up a block behind one are skipped, as gzip(1) does."""

    errors: ClassVar[tuple[type[Exception], ...]] = (zlib.error, ValueError)

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._members = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* decodes to."""
        for step in _steps(data):
            while step:
                if self._member.eof:
                    step = step.lstrip(b"\0")
                    if not step:
                        break
                    self._next()
                yield from _drain(self._member, step)
                step = self._member.unused_data

    def ended(self) -> bool:
        """Return whether the last member is complete."""
        return self._member.eof

    def _next(self) -> None:
        self._members += 1
        if self._members > _MEMBERS:
            raise ValueError("too many members")
        self._member = zlib.decompressobj(31)


class Deflate:
    """RFC 1950, or bare RFC 1951 as some servers send it: the first two bytes tell. Zeros may follow."""

    errors: ClassVar[tuple[type[Exception], ...]] = (zlib.error, ValueError)

    def __init__(self) -> None:
        self._start = b""
        self._stream: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* decodes to."""
        if self._stream is None:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(15 if wrapped else -15)
        for step in _steps(data):
            if not self._stream.eof:
                yield from _drain(self._stream, step)
                step = self._stream.unused_data
            if self._stream.eof and step.strip(b"\0"):
                raise ValueError("data after the end")

    def ended(self) -> bool:
        """Return whether the stream is complete."""
        return self._stream is not None and bool(self._stream.eof)


class Brotli:
    """RFC 7932, by the brotli package."""

    errors: ClassVar[tuple[type[Exception], ...]] = (ValueError,)

    def __init__(self) -> None:
        import brotli

        Brotli.errors = (brotli.error,)
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* decodes to."""
        # can_accept_more_data() speaks of the input alone: it is true while more is still to come out
        for step in _steps(data):
            while piece := self._stream.process(step, output_buffer_limit=PIECE):
                yield piece
                step = b""

    def ended(self) -> bool:
        """Return whether the stream is complete."""
        return bool(self._stream.is_finished())


class Zstd:
    """RFC 8878, by the zstandard package: frames one after another."""

    errors: ClassVar[tuple[type[Exception], ...]] = (ValueError,)

    def __init__(self) -> None:
        import zstandard

        Zstd.errors = (zstandard.ZstdError, ValueError)
        self._source = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._source.decompressobj()
        self._frames = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* decodes to; in small steps, since one call inflates all that it is given."""
        for step in _steps(data, _ZSTD_STEP):
            while step:
                if self._frame.eof:
                    self._next()
                piece = self._frame.decompress(step)
                if piece:
                    yield piece
                step = self._frame.unused_data

    def ended(self) -> bool:
        """Return whether the last frame is complete."""
        return bool(self._frame.eof)

    def _next(self) -> None:
        self._frames += 1
        if self._frames > _MEMBERS:
            raise ValueError("too many frames")
        self._frame = self._source.decompressobj()


@lru_cache(maxsize=1)
def inflaters() -> dict[bytes, Callable[[], Inflater]]:
    """Return the codings that can be undone here, by name; br and zstd only if their packages are there."""
    found: dict[bytes, Callable[[], Inflater]] = {b"gzip": Gzip, b"deflate": Deflate}
    if _usable("brotli"):
        found[b"br"] = Brotli
    if _usable("zstandard"):
        found[b"zstd"] = Zstd
    return found


def _usable(package: str) -> bool:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec(package) is None:
        return False
    # brotli before 1.2 cannot bound what it gives
    return package != "brotli" or hasattr(import_module(package).Decompressor, "can_accept_more_data")
