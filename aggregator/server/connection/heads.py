"""Heads of requests as the parser finds them, within limits on their target, their size and their fields."""

from __future__ import annotations

import asyncio
import re

from uvicorn import Config
from uvicorn.server import ServerState

from aggregator.server.connection.intake import MAX_FIELDS, MAX_HEAD, MAX_TARGET, Intake
from aggregator.server.connection.refusing import RefusingProtocol

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+").fullmatch
_ABSOLUTE = re.compile(rb"(?i)https?://([^/?#]*)").match


class HeadProtocol(RefusingProtocol):
    """A connection on which heads are taken, field by field.

    *_hosts* counts the ``Host`` fields of a head, of which *_host* was the last; *_length* is what its
    ``Content-Length`` says, and *_is_chunked* that a body comes in chunks.
    """

    __slots__ = ("_expects_continue", "_host", "_hosts", "_intake", "_is_chunked", "_length")

    def __init__(self, config: Config, server_state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, server_state, loop)
        self._intake = Intake()
        self._host: bytes | None = None

    def on_message_begin(self) -> None:
        """Begin a new head."""
        self._hosts = 0
        self.in_head = True
        self.whole = False
        self._target = b""
        self.headers = []
        self._length: int | None = None
        self._is_chunked = self._expects_continue = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target, within its limit (RFC 9110 §15.5.15)."""
        self._target += url
        if len(self._target) > MAX_TARGET:
            self._stop(414, f"The request target is longer than {MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, within the limits (RFC 6585 §5); fields after the body are forgotten."""
        if not self.in_head:
            return
        if len(self.headers) >= MAX_FIELDS:
            self._stop(431, f"The request head is larger than {MAX_HEAD} bytes or {MAX_FIELDS} fields.")
        name = name.lower()
        if name == b"host":
            self._hosts += 1
            if value != self._host:  # the same in every request of a connection, as a rule
                self._check_host(value)
        elif name == b"content-length":
            self._length = int(value)
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked":
                self._stop(400, "Request bodies may be chunked, and not coded otherwise.")
            self._is_chunked = True
        elif name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self.headers.append((name, value))

    def _check_host(self, value: bytes) -> None:
        if not _HOST(value):
            self._stop(400, "The Host field does not name a host.")
        self._host = value

    @property
    def host(self) -> bytes:
        """The ``Host`` field of the request, empty for none."""
        return self._host or b"" if self._hosts else b""

    def _origin_form(self) -> bytes:
        """Return an absolute target from its path on; its host is meant, whatever Host says (RFC 9112 §3.2.2)."""
        absolute = _ABSOLUTE(self._target)
        if absolute is None:
            self._stop(400, "The request target is not a path.")
        self._check_host(absolute[1])
        self.headers = [(b"host", absolute[1]), *(field for field in self.headers if field[0] != b"host")]
        self._hosts = 1
        rest = self._target[absolute.end() :]
        return rest if rest[:1] == b"/" else b"/" + rest
