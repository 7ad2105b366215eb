"""uvicorn's HTTP protocol with limits on what a client may send, and a shorter way to endpoints that need no ASGI.

uvicorn's httptools path limits neither the size nor the fields of a head (Kludex/uvicorn#1684), takes trailers for
headers, and answers what it cannot parse ahead of requests that came before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aggregator.runtime.answers.answer import problem
from aggregator.server.connection.direct import DirectCycle, DirectDoor
from aggregator.server.connection.status_lines import STATUS_LINES
from aggregator.server.connection.timeouts import TimedProtocol

MAX_TARGET = 8 * 1024
MAX_HEAD = 32 * 1024
MAX_FIELDS = 100
MAX_PIPELINED = 16
"""Requests that may wait on one connection behind the one that is being answered; more are not read before."""

Tell = Callable[[int, str, str], None]

_SLASH = ord("/")
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+").fullmatch
_ABSOLUTE = re.compile(rb"(?i)https?://([^/?#]*)").match


class Refused(Exception):  # noqa: N818 - it ends the parsing of a head, nothing else
    """The head of a request is not acceptable; holds the status that says so."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


class GentleTransport:
    """What uvicorn's cycle needs of a transport; closing lets a client that is still sending read the answer."""

    __slots__ = ("_connection", "is_closing", "write")

    def __init__(self, connection: TimedProtocol) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        """Close when the client has had the answer."""
        self._connection.close_gently()


class GuardedProtocol(TimedProtocol):
    """One client connection; ``door`` leads to the endpoints, ``tell`` is told what never comes to one, and whose."""

    __slots__ = ("_answering", "_head_size", "_host", "_hosts", "_refusal")
    door: DirectDoor
    tell: Tell

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_size = 0
        self._hosts = 0
        self._host: bytes | None = None
        self._refusal: Refused | None = None
        self._answering: Any = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, which need not be the last that came, and forget everything."""
        answering, self._answering = self._answering, None
        if answering is not None and answering is not self.cycle and not answering.response_complete:
            answering.disconnected = True
            answering.message_event.set()
        super().connection_lost(exc)
        self.pipeline.clear()
        if self.cycle.__class__ is DirectCycle:
            self.cycle = None  # each holds the other

    def on_message_begin(self) -> None:
        """Begin to count a new head."""
        self._head_size = self._hosts = 0
        self.in_head = True
        self.whole = False
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target, within its limit (RFC 9110 §15.5.15)."""
        self.url += url
        if len(self.url) > MAX_TARGET:
            self._stop(414, f"The request target is longer than {MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, within the limits (RFC 6585 §5); fields after the body are counted and forgotten."""
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD or len(self.headers) >= MAX_FIELDS:
            self._stop(431, f"The request head is larger than {MAX_HEAD} bytes or {MAX_FIELDS} fields.")
        if not self.in_head:
            return
        name = name.lower()
        if name == b"host":
            self._hosts += 1
            if value != self._host:  # the same in every request of a connection, as a rule
                self._check_host(value)
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            self._stop(400, "Request bodies may be chunked, and not coded otherwise.")
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def _check_host(self, value: bytes) -> None:
        if not _HOST(value):
            self._stop(400, "The Host field does not name a host.")
        self._host = value

    def _stop(self, status: int, detail: str) -> None:
        self._refusal = Refused(status, detail)
        raise self._refusal

    def on_headers_complete(self) -> None:
        """Let the request go to its endpoint, directly or by ASGI; after a last answer nothing is begun."""
        version = self.parser.get_http_version()
        if self._hosts != 1 and (self._hosts or version == "1.1"):
            self._stop(400, "A request names its host exactly once (RFC 9112, section 3.2).")
        if version not in ("1.1", "1.0"):
            self._stop(505, "This server speaks HTTP/1.1.")
        self.in_head = False
        if self.timer is not None:
            self.stop_timer()
        if not (self.deaf or self.transport.is_closing() or self._begin_directly(version)):
            self._begin_asgi()

    def _begin_directly(self, version: str) -> bool:
        cycle = self.cycle
        if (
            (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.expect_100_continue
            or self.url[0] != _SLASH
            or self.parser.should_upgrade()
        ):
            return False
        method = self.parser.get_method().decode("ascii")
        found = self.door.find(method, self.url)
        if found is None:
            return False
        keep_alive = version != "1.0" and self.parser.should_keep_alive() and not self.leaving
        direct = self._answering = DirectCycle(self, found, keep_alive)
        self.cycle = direct
        direct.begin(method, self.headers, self.address)
        return True

    def _begin_asgi(self) -> None:
        self._check_target()
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)
        super().on_headers_complete()
        self.cycle.transport = GentleTransport(self)
        if expect or self.leaving or self.parser.should_upgrade():
            # A body that is announced may come or not once the answer is there: what follows cannot be told from it.
            self.cycle.keep_alive = False
        if len(self.pipeline) < MAX_PIPELINED:
            self.flow.resume_reading()  # uvicorn stops at the first that has to wait; a hang-up would not be seen

    def _check_target(self) -> None:
        """Refuse a target that is no path, or that names another host than the Host field (RFC 9112 §3.2.2)."""
        if self.url[0] == _SLASH:
            return
        absolute = _ABSOLUTE(self.url)
        if absolute is None:
            self._stop(400, "The request target is not a path.")
        elif absolute[1].lower() != dict(self.headers).get(b"host", absolute[1]).lower():
            self._stop(400, "The request target and the Host field name different hosts.")

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the request body; an endpoint that was reached directly reads none."""
        if self.cycle.__class__ is not DirectCycle:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Hear that the request is whole."""
        self.whole = True
        if self.timer is not None:
            self.stop_timer()
        if self.deaf:
            self.transport.close()
        elif self.cycle.__class__ is not DirectCycle:
            super().on_message_complete()

    # What is refused.

    def head_took_too_long(self) -> None:
        """Refuse a request whose head does not come to an end."""
        self._refuse(408, "The request head took too long to arrive.")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words are not used
        """Refuse a request that cannot be parsed, or whose head is not acceptable."""
        refusal, self._refusal = self._refusal, None
        if refusal is None:
            self._refuse(400, "The request is not well-formed HTTP.")
        else:
            self._refuse(refusal.status, refusal.detail)

    def _refuse(self, status: int, detail: str) -> None:
        in_body = not (self.in_head or self.whole)
        self.in_head = False
        self.stop_timer()
        if self.transport.is_closing():
            return
        answering = self._answering
        if answering is not None and not answering.response_complete:
            if answering is not self.cycle or not in_body:
                answering.keep_alive = False  # a refusal now would be taken for the answer that is due
                self.transport.pause_reading()
                return
            answering.disconnected = True
            answering.message_event.set()
        if answering is None or not getattr(answering, "response_started", False) or answering.response_complete:
            self._write_refusal(status, detail)
        self.whole = False  # whatever comes now, nobody reads it
        self.close_gently()

    def _write_refusal(self, status: int, detail: str) -> None:
        answer = problem(status, detail, headers=[(b"connection", b"close")])
        headers = (*self.server_state.default_headers, *answer.headers)  # the first are the date (RFC 9110 §6.6.1)
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        self.transport.write(b"".join([STATUS_LINES[status], *lines, length, answer.body]))
        self.tell(status, detail, self.address)


def guarded_protocol(header_timeout: float, door: DirectDoor, tell: Tell) -> type[GuardedProtocol]:
    """Give the protocol class with *header_timeout* seconds for a request head, and *door* to the endpoints.

    *tell* gets status, reason and client of each request that is refused before anybody knows where it goes.
    """
    attributes = {"__slots__": (), "header_timeout": header_timeout, "door": door, "tell": staticmethod(tell)}
    return type("GuardedProtocol", (GuardedProtocol,), attributes)
