"""The protocol of a client connection: limits on what a client may send, and the way of each request to its endpoint.

One request is parsed at a time; what comes behind it stays bytes until its turn. llhttp limits neither the size nor the
fields of a head and parses all that it is given (``intake.py``); the answer is written by uvicorn's cycle
(``asgi.py``), or by ours for endpoints that need no ASGI (``direct.py``).
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import unquote

import httptools
from uvicorn import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.server import ServerState

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import FAULT, tell_fault
from aggregator.runtime.request.hangup import CUT
from aggregator.server.connection import timeouts
from aggregator.server.connection.asgi import Head, begin_asgi
from aggregator.server.connection.direct import DirectCycle, DirectDoor
from aggregator.server.connection.intake import MAX_FIELDS, MAX_HEAD, MAX_TARGET, Intake, Refused
from aggregator.server.connection.status_lines import STATUS_LINES
from aggregator.server.connection.timeouts import TimedProtocol
from aggregator.server.limiting.peers import Peers

MAX_AHEAD = 64 * 1024
"""Bytes that are read behind the request that is being answered, so that a hang-up is seen."""
MAX_AT_ONCE = 16
"""Requests of one connection that are begun in one turn of the loop: other clients wait meanwhile."""

Tell = Callable[[int, str, str], None]
FinishRefusal = Callable[[Exchange, Answer], None]
TellCut = Callable[[str, str], None]

_SLASH = ord("/")
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+").fullmatch
_ABSOLUTE = re.compile(rb"(?i)https?://([^/?#]*)").match


class GuardedProtocol(TimedProtocol):
    """One client connection; ``door`` leads to the endpoints.

    ``peers`` count connections. ``tell`` is told what never comes to an endpoint, and whose it was; ``tell_cut`` of an
    answer that was made and not taken.

    States of the last request: in its head (*in_head*), in its body (neither *in_head* nor *whole*), *whole*; beside
    that, answered or not (*cycle*). The next one is parsed when the last is whole and answered, and the client takes
    its answers.
    """

    __slots__ = ("_counted", "_expects_continue", "_host", "_hosts", "_intake", "_is_due", "_is_feeding",
                 "_length", "_parser", "_refusal", "_target", "app_state", "config", "headers")  # fmt: skip
    door: DirectDoor
    peers: Peers
    tell: Tell
    tell_cut: TellCut
    finish: FinishRefusal

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, _loop or asyncio.get_running_loop())
        self.config = config
        self.app_state = app_state
        self._parser: Any = httptools.HttpRequestParser(self)
        self._intake = Intake()
        self._is_due = self._is_feeding = False
        self._counted = ""
        self._host: bytes | None = None
        self._refusal: Refused | None = None
        self.on_message_begin()
        self.in_head, self.whole = False, True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to hear the client, unless its address has all the connections that it may have."""
        super().connection_made(transport)
        counted = self.peers.enter(self.address)
        if counted is None:
            self.deaf = True
            self.close()
        else:
            self._counted = counted

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, and forget everything: parser and cycle hold the connection."""
        super().connection_lost(exc)
        if self._counted:
            self.peers.leave(self._counted)
            self._counted = ""
        cycle, self.cycle, self._parser = self.cycle, None, None
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    # What comes.

    def data_received(self, data: bytes) -> None:
        """Take what came, and parse what has its turn."""
        if self.deaf:
            return
        self._idle_since = math.inf  # it asks something
        self._intake.add(data)
        if not self._is_due:
            self._go_on()

    def resume_writing(self) -> None:
        """Hear that the client took what was written, and go on with what it asked meanwhile."""
        super().resume_writing()
        if self._intake.waiting:
            self._go_on_soon()

    def on_response_complete(self) -> None:
        """Go on with the next request; one that was answered before it was whole has its time limited from now."""
        if self.deaf:
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._intake.waiting:
            if not self._is_feeding:  # else it goes on by itself
                self._go_on_soon()
        else:
            if self.flow.read_paused:
                self.flow.resume_reading()
            self._wait_for_request()
        if not (self._is_feeding or self.whole):
            self.limit_rest()

    def _go_on_soon(self) -> None:
        """Go on in the next turn of the loop, once, however many ask for it."""
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._go_on_now)

    def _go_on_now(self) -> None:
        self._is_due = False
        self._go_on()

    def _go_on(self) -> None:
        """Parse what has come as far as it has its turn, and some requests at most."""
        if self._is_feeding or self.deaf or self.transport.is_closing():
            return
        self._is_feeding = True
        try:
            self._feed()
        except Refused as refusal:
            self._refuse(refusal.status, refusal.detail)
        except httptools.HttpParserUpgrade:
            pass  # the connection ends after the answer
        except httptools.HttpParserError:
            self._refuse_unparsable()
        finally:
            self._is_feeding = False
        if self._intake.waiting or self.flow.read_paused or not self.whole:
            self._bound_reading()

    def _bound_reading(self) -> None:
        """Read on, or not, by what is left to parse; limit the time of a request that is not whole."""
        if self.deaf:
            return
        self.flow.is_full = self._intake.waiting > MAX_AHEAD
        if self.flow.is_full:
            self.flow.pause_reading()
        elif self.whole:
            self.flow.resume_reading()
        self.limit_rest()

    def _feed(self) -> None:
        intake, room = self._intake, MAX_AT_ONCE
        while intake.waiting and not self.deaf and not self.transport.is_closing():
            if self.whole:
                cycle = self.cycle
                if self.flow.write_paused or not (cycle is None or cycle.response_complete):
                    return
                if not room:
                    self._go_on_soon()
                    return
                room -= 1
            self._parser.feed_data(intake.piece())

    # What the parser finds.

    def on_message_begin(self) -> None:
        """Begin a new head."""
        self._hosts = 0
        self.in_head = True
        self.whole = False
        self._target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self._length: int | None = None
        self._expects_continue = False

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
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            self._stop(400, "Request bodies may be chunked, and not coded otherwise.")
        elif name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self.headers.append((name, value))

    def _check_host(self, value: bytes) -> None:
        if not _HOST(value):
            self._stop(400, "The Host field does not name a host.")
        self._host = value

    def _stop(self, status: int, detail: str) -> NoReturn:
        self._refusal = Refused(status, detail)
        raise self._refusal

    def on_headers_complete(self) -> None:
        """Let the request go to its endpoint, directly or by ASGI."""
        version = self._parser.get_http_version()
        if self._hosts != 1 and (self._hosts or version == "1.1"):
            self._stop(400, "A request names its host exactly once (RFC 9112, section 3.2).")
        if version not in ("1.1", "1.0"):
            self._stop(505, "This server speaks HTTP/1.1.")
        cycle = self.cycle
        if not (cycle is None or cycle.response_complete):
            self._stop(400, "The request is not well-formed HTTP.")  # never parsed two at once: fail closed
        if self._target[0] != _SLASH:
            self._target = self._origin_form()
        self._intake.expect_body(self._length)
        self.in_head = False
        if self.timer is not None:
            self.stop_timer()
        try:
            if not self._begin_directly(version):
                self._begin_asgi(version)
        except Exception as error:
            self._stop_by_fault(error)

    def _stop_by_fault(self, error: Exception) -> NoReturn:
        """Refuse a request that a fault of ours keeps from its endpoint: to the parser it would be the client's."""
        tell_fault(f"{self._parser.get_method().decode('latin-1')} {self._target.decode('latin-1')}", error, "")
        self.cycle, self.in_head = None, True
        self._stop(500, FAULT)

    def _begin_directly(self, version: str) -> bool:
        if self._expects_continue or self._parser.should_upgrade():
            return False
        method = self._parser.get_method().decode("ascii")
        found = self.door.find(method, self._target, self)
        if found is None:
            return False
        keep_alive = version != "1.0" and self._parser.should_keep_alive() and not self.leaving
        direct = self.cycle = DirectCycle(self, found, keep_alive)
        direct.begin(method, self.headers, self.address)
        return True

    @property
    def host(self) -> bytes:
        """The ``Host`` field of the request, empty for none."""
        return self._host or b"" if self._hosts else b""

    def _begin_asgi(self, version: str) -> None:
        parser, expects = self._parser, self._expects_continue
        # A body that is announced may come or not once the answer is there: what follows cannot be told from it.
        last = version == "1.0" or expects or self.leaving or parser.should_upgrade() or not parser.should_keep_alive()
        method = parser.get_method().decode("ascii")
        self.cycle = begin_asgi(self, Head(method, self._target, self.headers, version, not last, expects))

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

    def on_body(self, body: bytes) -> None:
        """Take a piece of the request body; an endpoint that was reached directly, or has answered, reads none."""
        self._intake.had_body()
        cycle = self.cycle
        if cycle.__class__ is DirectCycle or cycle is None or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Hear that the request is whole."""
        self.whole = True
        self._intake.expect_head()
        if self.timer is not None:
            self.stop_timer()
        if self.deaf:
            self.close()
        elif self.cycle.__class__ is not DirectCycle and self.is_answering:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    # What is refused.

    def head_took_too_long(self) -> None:
        """Refuse a request whose head does not come to an end."""
        self._refuse(408, "The request head took too long to arrive.")

    def answer_was_not_taken(self) -> None:
        """Have it told that we cut the connection: by the request whose answer it is, if that is still under way."""
        reason = f"The client took nothing of it for {timeouts.SEND_TIMEOUT:g} s."
        if self.is_answering and self.cycle.__class__ is not DirectCycle:
            self.cycle.scope[CUT] = reason
        else:
            self.tell_cut(reason, self.address)

    def _refuse_unparsable(self) -> None:
        refusal, self._refusal = self._refusal, None
        if refusal is None:
            self._refuse(400, "The request is not well-formed HTTP.")
        else:
            self._refuse(refusal.status, refusal.detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what cannot be taken, unless an answer to it has begun, and close."""
        in_body = not (self.in_head or self.whole)
        self.in_head = False
        self.stop_timer()
        if self.transport.is_closing():
            return
        begun = in_body and self._end_work()
        if not begun:
            self._write_refusal(status, detail)
        self.whole = False  # whatever comes now, nobody reads it
        self.close_gently()

    def _end_work(self) -> bool:
        """Tell the request whose body is broken; return whether an answer to it has begun."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        cycle.disconnected = True
        cycle.message_event.set()
        return bool(getattr(cycle, "response_started", False))

    def _write_refusal(self, status: int, detail: str) -> None:
        answer = problem(status, detail, headers=[(b"connection", b"close")])
        self.finish(self._seen(), answer)
        headers = (*self.server_state.default_headers, *answer.headers)  # the first are the date (RFC 9110 §6.6.1)
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        self.transport.write(b"".join([STATUS_LINES[answer.status], *lines, length, answer.body]))
        self.tell(status, detail, self.address)

    def _seen(self) -> Exchange:
        """Return what has come of the request that is refused."""
        path, _, query = self._target.partition(b"?")
        exchange = Exchange(
            self._parser.get_method().decode("latin-1"), unquote(path.decode("latin-1")), query, self.headers
        )
        exchange.peer, exchange.scheme = self.address, self.scheme
        return exchange


def guarded_protocol(
    header_timeout: float, door: DirectDoor, peers: Peers, tell: Tell, tell_cut: TellCut, finish: FinishRefusal
) -> type[GuardedProtocol]:
    """Return the protocol class with *header_timeout* seconds for a request head, and *door* to the endpoints.

    *peers* count the connections of each address.

    *tell* gets status, reason and client of each request that is refused before anybody knows where it goes, *tell_cut*
    reason and client of each whole answer that the client did not take. *finish* is done to each refusal.
    """
    attributes = {
        "__slots__": (), "header_timeout": header_timeout, "door": door, "peers": peers, "tell": staticmethod(tell),
        "tell_cut": staticmethod(tell_cut), "finish": staticmethod(finish),
    }  # fmt: skip
    return type("GuardedProtocol", (GuardedProtocol,), attributes)
