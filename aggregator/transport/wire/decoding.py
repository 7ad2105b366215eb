"""Content codings of a body undone as it arrives, with a cap on what comes out (RFC 9110 §8.4).

Both doors use it: `decoder_for` what the headers say, `Decoder` for the bytes, `accept_encoding` for requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from aggregator.errors import CallError, Cause
from aggregator.transport.wire.inflating import inflaters

_ALIASES = {b"x-gzip": b"gzip"}  # RFC 9110 §8.4.1.3
_NO_CODING = frozenset({b"", b"identity", b"none", b"binary", b"utf-8", b"utf8"})
"""What servers write for a body that has no coding; only ``identity`` means that in any standard."""
_NO_LONGER_TRUE = frozenset({b"content-encoding", b"content-length"})


def accept_encoding() -> bytes:
    """Return the value of ``Accept-Encoding`` that names what can be decoded here."""
    return b", ".join(inflaters())


def decoder_for(codings: Iterable[bytes], cap: float = math.inf) -> Decoder | None:
    """Return what undoes the values of ``Content-Encoding``; None when there is nothing to undo.

    Raises CallError (CODING) for a coding that is not known here, and for more than one.
    """
    names = codings_named(codings)
    if not names:
        return None
    if len(names) > 1:
        raise CallError(Cause.CODING, "The body has more than one content coding.")
    if names[0] not in inflaters():
        raise CallError(Cause.CODING, "The body has a content coding that is not supported.")
    return Decoder(names[0], cap)


def codings_named(values: Iterable[bytes]) -> list[bytes]:
    """Return the codings that *values* of ``Content-Encoding`` name, without the words that stand for none."""
    tokens = (token.strip().lower() for value in values for token in value.split(b","))
    return [_ALIASES.get(token, token) for token in tokens if token not in _NO_CODING]


def decoded_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return *headers* without those that described the coded body."""
    return [field for field in headers if field[0] not in _NO_LONGER_TRUE]


class Decoder:
    """Undoes *coding*; at most *cap* bytes come out of it."""

    __slots__ = ("_cap", "_fed", "_inflater", "_size")

    def __init__(self, coding: bytes, cap: float = math.inf) -> None:
        self._inflater = inflaters()[coding]()
        self._cap = cap
        self._size = 0
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* decodes to, in pieces. Raises CallError (CODING, TOO_LARGE)."""
        self._fed = self._fed or bool(data)
        try:
            for piece in self._inflater.feed(data):
                self._size += len(piece)
                if self._size > self._cap:
                    break
                yield piece
        except self._inflater.errors:
            raise CallError(Cause.CODING, "The body is not in the content coding that it claims.") from None
        if self._size > self._cap:
            raise CallError(Cause.TOO_LARGE, "The body is larger than allowed when decoded.")

    def finish(self) -> None:
        """End the body. Raises ``CallError`` (CODING) if it is incomplete; an empty one is complete."""
        if self._fed and not self._inflater.ended():
            raise CallError(Cause.CODING, "The body ends before its content coding does.")
