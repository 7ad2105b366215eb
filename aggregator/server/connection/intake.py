"""The bytes of a client not parsed yet, cut into pieces that hold the end of at most one head or body.

Bytes are counted before they are parsed. llhttp has no limits of its own, httptools joins the pieces of a field one by
one, and both parse all they are given: a read of 256 KiB holds some 9700 requests.
"""

from __future__ import annotations

import re

MAX_TARGET = 8 * 1024
MAX_HEAD = 32 * 1024
MAX_FIELDS = 100
_LONGEST_LINE = MAX_TARGET + 256
"""Bytes of a first line beyond which its target is too long, whatever its method."""
_CHUNKED_PIECE = 8 * 1024
"""What of a chunked body is parsed at once: by so much the count of bytes beside the body may be late."""

_END = b"\r\n\r\n"
_EMPTY = b"\r\n"
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+ [^\x00-\x20#\x7f]+ HTTP/[0-9]\.[0-9]\r\n)").match
"""The first line of a request (RFC 9112 §3)."""


class Refused(Exception):  # noqa: N818 - it ends the parsing of a head, nothing else
    """A request that is not acceptable, with the *status* of the answer."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


def is_whole_head(data: bytes) -> bool:
    """Return whether *data* is one head, within the limits of its size and its first line, and nothing else."""
    line = _LINE(data)
    return line is not None and line.end() <= _LONGEST_LINE and data.find(_END, 0, MAX_HEAD) + 4 == len(data)


class Intake:
    """Bytes of one connection, in order.

    *waiting* is how many bytes have not been parsed. *is_between* requests: none waits, and none has begun. A head that
    comes as a whole then may be parsed as it is (``is_whole_head``), without coming by here.

    States: in a head (its first line not whole yet, then whole), in a body of known length (*_left* is a number), in a
    chunked body. ``expect_head`` and ``expect_body`` change between them.
    """

    __slots__ = ("_at", "_beside", "_data", "_in_head", "_left", "_line", "_tail", "is_between", "waiting")

    def __init__(self) -> None:
        self._data = b""
        self._at = self.waiting = 0
        self.expect_head()

    def add(self, data: bytes) -> None:
        """Add bytes from the client."""
        self._data = self._data[self._at :] + data if self.waiting else data
        self._at = 0
        self.waiting = len(self._data)
        self.is_between = False

    def expect_head(self) -> None:
        """Expect a new head: the last request is whole."""
        self._in_head = True
        self._line: bytes | None = b""
        self._left: int | None = None
        self._tail = b""
        self._beside = 0
        self.is_between = not self.waiting

    def expect_body(self, length: int | None) -> None:
        """Expect a body of *length* bytes; None when it comes in chunks."""
        self._in_head = self.is_between = False
        self._line = None
        self._left = length
        self._beside = 0

    def had_body(self) -> None:
        """Reset the count of bytes beside the body: bytes of a body were among those parsed."""
        self._beside = 0

    def piece(self) -> bytes | memoryview:
        """Return what to parse next; there must be something *waiting*.

        Raises ``Refused``: 431 for a head, or fields after a body, of more than 32 KiB, 414 for a first line of so
        much, 400 for a first line that is none.
        """
        data, at = self._data, self._at
        if self._left is not None:
            end = min(at + self._left, len(data))
            self._left -= end - at
        else:
            end = self._whole_head(data, at)
            if not end:
                end = self._next_end(data, at)
                self._count(data, at, end)
        self._at = end
        self.waiting = len(data) - end
        if self.waiting:
            return memoryview(data)[at:end]
        self._data, self._at = b"", 0
        return data if at == 0 else memoryview(data)[at:]

    def _whole_head(self, data: bytes, at: int) -> int:
        """Return where a head ends that is here as a whole, as most are; 0 for one of which there is more to say."""
        if self._line != b"":
            return 0
        end, line = data.find(_END, at, at + MAX_HEAD) + 4, _LINE(data, at)
        if end < 4 or line is None or line.end() - at > _LONGEST_LINE:
            return 0
        self._line, self._beside = None, end - at
        return end

    def _next_end(self, data: bytes, at: int) -> int:
        """Return where the next empty line ends, of which the beginning may have come before; or what is there.

        Those before a head are a piece of their own (RFC 9112 §2.2).
        """
        if self._line == b"" and data[at] in _EMPTY:
            ahead = data[at : at + MAX_HEAD + 1]
            return at + len(ahead) - len(ahead.lstrip(_EMPTY))
        if self._tail:
            found = (self._tail + data[at : at + 3]).find(_END)
            if found >= 0:
                end = at + found + 4 - len(self._tail)
                self._tail = b""
                return end
        limit = at + (MAX_HEAD if self._in_head else _CHUNKED_PIECE)
        found = data.find(_END, at, limit + 1)
        if found >= 0:
            self._tail = b""
            return found + 4
        end = len(data) if self._in_head else min(limit, len(data))
        self._tail = (self._tail + data[max(at, end - 3) : end])[-3:]
        return end

    def _count(self, data: bytes, at: int, end: int) -> None:
        if self._in_head:
            if self._line is not None and not (self._line == b"" and data[at] in _EMPTY):
                self._check_line(data, at, end)
            self._beside += end - at
            late = self._beside > MAX_HEAD
        else:
            late = self._beside > MAX_HEAD  # what is counted now may be the body
            self._beside += end - at
        if late:
            raise self._too_large()

    def _too_large(self) -> Refused:
        if self._in_head:
            return Refused(431, f"The request head is larger than {MAX_HEAD} bytes or {MAX_FIELDS} fields.")
        return Refused(431, f"More than {MAX_HEAD} bytes came beside the body: fields after it, or chunk extensions.")

    def _check_line(self, data: bytes, at: int, end: int) -> None:
        """Refuse a first line with more than one space, another protocol, or a fragment; llhttp takes them all."""
        assert self._line is not None
        line = _LINE(data, at) if not self._line else None
        if line is None:
            self._line += data[at : min(end, at + MAX_HEAD)]
            line = _LINE(self._line)
        if (len(self._line) if line is None else len(line[1])) > _LONGEST_LINE:
            raise Refused(414, f"The request target is longer than {MAX_TARGET} bytes.")
        if line is not None:
            self._line = None
        elif b"\n" in self._line:
            raise Refused(400, "The request line is not well-formed HTTP.")
