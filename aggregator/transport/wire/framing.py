"""One HTTP/1.1 response after another off a connection's bytes, or a refusal of what is not exactly one.

llhttp (through httptools) does the grammar; the rules that it leaves to its user, or reads leniently, are
here. Sans I/O: `feed` takes what arrived, the attributes hold what it was. Used by `Connection`.
"""

from __future__ import annotations

import math
import re

from httptools import HttpParserError, HttpResponseParser

from aggregator.errors import CallError, Cause
from aggregator.transport.settings import Caps

_LENGTH = b"content-length"
_TRANSFER = b"transfer-encoding"
_CONTENT = b"content-encoding"
_CHALLENGE = b"www-authenticate"
_NOTED = frozenset({_LENGTH, _TRANSFER, _CONTENT, _CHALLENGE})
_SHORT = 5
"""Digits of a length that says nothing: what comes is counted."""
_BATCH = 512
_FRAMING = 16  # bytes of framing for each byte of a body: a chunk of one needs 5
_OF_CONNECTIONS = re.compile(rb"\b(?:ntlm|negotiate|kerberos)\b", re.IGNORECASE)


def binds_connection(challenge: bytes) -> bool:
    """Return whether *challenge* (``WWW-Authenticate``) binds a connection to one user (RFC 4559 §6)."""
    return _OF_CONNECTIONS.search(challenge) is not None


class _StopParsingError(Exception):
    """Stops llhttp from inside a callback; what for stands in the reader."""


class ResponseReader:
    """Reads the responses of one connection; `expect` begins each.

    After `feed`: *status*, *headers* (names in lower case) and *codings* are valid once *head_done*;
    `take` and `body` give what came of the body; *complete* says that nothing more is due, and then
    *reusable* whether another response may follow on the same connection.
    """

    __slots__ = (
        "_bodiless", "_caps", "_chunked", "_earlier", "_fault", "_fields", "_framing", "_interim", "_is_11",
        "_limit", "_parser", "_pieces", "_seen", "_size", "_spent", "_spoiled", "_stalled", "codings", "complete",
        "head_done", "headers", "reusable", "status",
    )  # fmt: skip

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._parser: HttpResponseParser = HttpResponseParser(self)
        self._spent = False
        self.expect(False)

    def expect(self, bodiless: bool, limit: float = math.inf) -> None:
        """Prepare for a response; it is *bodiless* when it answers HEAD; *limit* bounds its body in bytes."""
        if self._spent:
            self._parser = HttpResponseParser(self)
            self._spent = False
        self._bodiless = bodiless
        self._limit = limit
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._earlier: list[bytes] = []
        self._fault: CallError | None = None
        self._seen = self._size = self._stalled = self._framing = self._interim = self.status = 0
        self.codings: list[bytes] | None = None
        self.head_done = self.complete = self.reusable = self._chunked = self._spoiled = False

    def spoil(self) -> None:
        """Mark the connection as unfit for another response."""
        self._spoiled = True

    def close(self) -> None:
        """Drop the parser, which holds methods of this reader; nothing can be fed any more."""
        del self._parser

    def feed(self, data: bytes) -> bool:
        """Parse *data*; return whether the response is complete. Raises ``CallError`` for one that is not HTTP."""
        if self.head_done:
            return self._feed_body(data)
        if not self._seen:
            self._is_11 = data.startswith(b"HTTP/1.1 ")
            if not self._is_11 and data[:1] != b"H":  # llhttp takes RTSP and ICE, too, and skips empty lines
                raise CallError(Cause.PROTOCOL, "The upstream did not answer in valid HTTP.", fault="Expected HTTP/")
        self._seen += len(data)
        if self._seen > self._caps.head:
            return self._feed_across(data)
        fault = None
        try:  # as ``_parse``, without a call
            self._parser.feed_data(data)
        except HttpParserError as error:
            fault = str(error)
        if fault is not None:
            self._stopped(fault)
        return self.complete

    def _feed_across(self, data: bytes) -> bool:
        """Parse *data*, within which the head must end: its cap holds however the network cuts the bytes."""
        room = len(data) - (self._seen - self._caps.head)
        view = memoryview(data)
        self._parse(view[:room])
        if not self.head_done:
            raise CallError(Cause.PROTOCOL, "The upstream sent a head that is too large.")
        return self._feed_body(view[room:])

    def _parse(self, data: bytes | memoryview) -> None:
        fault = None
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            fault = str(error)
        if fault is not None:
            self._stopped(fault)

    def _feed_body(self, data: bytes | memoryview) -> bool:
        before = self._size
        self._parse(data)
        self._framing += len(data) - self._size + before
        if self._size == before and not self.complete:
            self._stalled += len(data)
            if self._stalled > self._caps.head:  # endless chunk extensions or trailers
                raise CallError(Cause.PROTOCOL, "The upstream sent framing without a body.")
        else:
            self._stalled = 0
            if self._framing > self._caps.head + _FRAMING * self._size:
                raise CallError(Cause.PROTOCOL, "The upstream sent more framing than body.")
        return self.complete

    def end(self) -> bool:
        """Return whether the response is complete now that the connection has ended."""
        if self.head_done and not self.complete:
            names = {name for name, _ in self.headers}
            self.complete = not names & {_LENGTH, _TRANSFER}
        return self.complete

    def take(self) -> list[bytes]:
        """Return the pieces of the body that came since the last `take`."""
        pieces, self._pieces = self._pieces, []
        if self._earlier:
            pieces, self._earlier = self._earlier + pieces, []
        return pieces

    def body(self) -> bytes:
        """Return the body in one piece."""
        pieces = self._pieces
        if len(pieces) == 1 and not self._earlier:
            return pieces[0]
        return b"".join(self.take())

    # What llhttp calls, in this order.

    def on_message_begin(self) -> None:
        """Refuse a message after the one that is due."""
        if self.complete:
            self.reusable = False
            raise _StopParsingError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; llhttp leaves the white space after a value in place."""
        self._fields.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        """Judge the head, and decide what of a body can follow it."""
        status = self._parser.get_status_code()
        fields, self._fields = self._fields, []
        if len(fields) > self._caps.headers:
            self._refuse("The upstream sent too many headers.")
        if not 200 <= status <= 599:
            self._judge_interim(status, fields)
            return
        if not self._is_11 and self._parser.get_http_version() not in ("1.0", "1.1"):
            self._refuse("The upstream answered in a version of HTTP that is not supported.")
        self.status = status
        self.headers = fields
        self.head_done = True
        for name, value in fields:
            if name in _NOTED and (name != _LENGTH or len(value) > _SHORT or status == 204):
                self._note(name, value)
        if self._bodiless:
            self.complete = self._spent = True
            self.reusable = self._parser.should_keep_alive() and not self._spoiled

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body, within the limit."""
        if self.complete:  # a body where there can be none
            self.reusable = False
            raise _StopParsingError
        self._size += len(data)
        if self._size > self._limit:
            self._too_large()
        self._pieces.append(data)
        if len(self._pieces) == _BATCH:  # tiny chunks must not cost more than they hold
            self._earlier.append(b"".join(self._pieces))
            self._pieces = []

    def on_message_complete(self) -> None:
        """Close the response, unless it was an interim one."""
        if self.complete:
            self._spent = False
        elif self.status:
            self.complete = True
            self.reusable = self._parser.should_keep_alive() and not self._spoiled

    # The rules.

    def _judge_interim(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self._interim += 1
        self._is_11 = False
        if status == 101 or not 100 <= status <= 199:
            self._refuse("The upstream answered with a status that has no meaning here.")
        if self._interim > self._caps.interim:
            self._refuse("The upstream sent too many interim responses.")
        if any(name in (_LENGTH, _TRANSFER) for name, _ in fields):  # RFC 9110 §8.6, RFC 9112 §6.1
            self._refuse("The upstream sent an interim response with a body.")

    def _note(self, name: bytes, value: bytes) -> None:
        if name == _CHALLENGE:
            if binds_connection(value):
                self._spoiled = True
            return
        if self._bodiless or self.status == 304:  # these describe the body that GET would bring
            return
        if name == _CONTENT:
            self.codings = [*(self.codings or ()), value]
        elif self.status == 204:
            if value.strip(b"0"):  # what it announces would be read as the next response
                self._spoiled = True
        elif name == _LENGTH:
            if len(value) > _SHORT and int(value) > self._limit:
                self._too_large()
        else:
            is_11 = self._is_11 or self._parser.get_http_version() == "1.1"
            if self._chunked or not is_11 or value.lower() != b"chunked":
                self._refuse("The upstream sent a transfer coding that is not supported.")
            self._chunked = True

    def _too_large(self) -> None:
        self._fault = CallError(Cause.TOO_LARGE, "The body is larger than allowed.")
        raise _StopParsingError

    def _refuse(self, message: str) -> None:
        self._fault = CallError(Cause.PROTOCOL, message)
        raise _StopParsingError

    def _stopped(self, fault: str) -> None:
        """Raise what stopped the parser, unless the response was complete: then the rest only spoils it.

        *fault* are llhttp's words, of which there is a fixed number.
        """
        refused, self._fault = self._fault, None
        if refused is not None:
            raise refused
        if not self.complete:
            raise CallError(Cause.PROTOCOL, "The upstream did not answer in valid HTTP.", fault=fault)
        self.reusable = False
