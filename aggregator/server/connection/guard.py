"""The protocol of a client connection: what comes is parsed when it has its turn, and each request goes its way.

One request is parsed at a time; what comes behind it stays bytes until its turn. llhttp limits neither the size nor the
fields of a head and parses all that it is given (``intake.py``). What a head may be is in ``heads.py``, what is
refused in ``refusing.py``, how long a client may take in ``timeouts.py``. The answer is written by uvicorn's cycle
(``asgi.py``), or by ours for endpoints that need no ASGI (``direct.py``).
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.server import ServerState

from aggregator.server.connection.asgi import Head, begin_asgi
from aggregator.server.connection.direct import DirectCycle, DirectDoor
from aggregator.server.connection.heads import HeadProtocol
from aggregator.server.connection.intake import Refused, is_whole_head
from aggregator.server.connection.refusing import FinishRefusal, Tell, TellCut
from aggregator.server.connection.turns import Turns
from aggregator.server.limiting.peers import Peers

MAX_AHEAD = 64 * 1024
"""Bytes that are read behind the request that is being answered, so that a hang-up is seen."""
MAX_AT_ONCE = 16
"""Requests of one connection that are begun in one turn of the loop: other clients wait meanwhile."""

_SLASH = ord("/")


class GuardedProtocol(HeadProtocol):
    """One client connection; ``door`` leads to the endpoints, ``peers`` count connections.

    States of the last request: in its head (*in_head*), in its body (neither *in_head* nor *whole*), *whole*; beside
    that, answered or not (*cycle*). The next one is parsed when the last is whole and answered, and the client takes
    its answers.
    """

    __slots__ = ("_counted", "_is_due", "_is_feeding", "app_state", "config")
    door: DirectDoor
    peers: Peers
    turns: Turns

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, _loop or asyncio.get_running_loop())
        self.config = config
        self.app_state = app_state
        self._parser = httptools.HttpRequestParser(self)
        self._is_due = self._is_feeding = False
        self._counted = ""
        self.on_message_begin()
        self.in_head, self.whole = False, True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to read from the client, unless its address has all the connections that it may have."""
        super().connection_made(transport)
        counted = self.peers.enter(self.address)
        if counted is None:
            self.deaf = True
            self.close()
        else:
            self._counted = counted

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request in flight that its client is gone; drop parser and cycle, which refer to the connection."""
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
        """Buffer *data*, and parse what has its turn."""
        if self.deaf:
            return
        self._idle_since = math.inf  # it asks something
        intake, cycle = self._intake, self.cycle
        if (
            intake.is_between and not self._is_due and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused and is_whole_head(data)
        ):  # fmt: skip
            self._go_on(data)  # as nearly all come
            return
        intake.add(data)
        if not self._is_due:
            self._go_on()

    def resume_writing(self) -> None:
        """Called when the client has taken what was written: continue with its waiting requests."""
        super().resume_writing()
        if self._intake.waiting:
            self._go_on_soon()

    def on_response_complete(self) -> None:
        """Continue with the next request; limit the time of one that was answered before it was whole."""
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
        """Schedule ``_go_on`` for the next turn of the loop, once."""
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._go_on_now)

    def _go_on_now(self) -> None:
        self._is_due = False
        self._go_on()

    def _go_on(self, head: bytes | None = None) -> None:
        """Parse *head*; without one, what is buffered as far as it has its turn, a few requests at most."""
        if self._is_feeding or self.deaf or self.transport.is_closing():
            return
        self._is_feeding = True
        try:
            if head is None:
                self._feed()
            else:
                self._parser.feed_data(head)
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
        """Pause or resume reading, by what is left to parse; limit the time of a request that is not whole."""
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

    def on_headers_complete(self) -> None:
        """Start the request at its endpoint, directly or by ASGI."""
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
        if self._length is not None or self._is_chunked:
            self._intake.expect_body(self._length)
        self.in_head = False
        if self.timer is not None:
            self.stop_timer()
        try:
            if not self._begin_directly(version):
                self._begin_asgi(version)
        except Exception as error:
            self._stop_by_fault(error)

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

    def _begin_asgi(self, version: str) -> None:
        parser, expects = self._parser, self._expects_continue
        # A body that is announced may come or not once the answer is there: what follows cannot be told from it.
        last = version == "1.0" or expects or self.leaving or parser.should_upgrade() or not parser.should_keep_alive()
        method = parser.get_method().decode("ascii")
        self.cycle = begin_asgi(self, Head(method, self._target, self.headers, version, not last, expects))

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the request body; an endpoint that was reached directly, or has answered, reads none."""
        self._intake.had_body()
        cycle = self.cycle
        if cycle.__class__ is DirectCycle or cycle is None or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """Called when the request is whole."""
        self.whole = True
        if not self._intake.is_between:
            self._intake.expect_head()
        if self.timer is not None:
            self.stop_timer()
        if self.deaf:
            self.close()
        elif self.cycle.__class__ is not DirectCycle and self.is_answering:
            self.cycle.more_body = False
            self.cycle.message_event.set()


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
        "tell_cut": staticmethod(tell_cut), "finish": staticmethod(finish), "turns": Turns(),
    }  # fmt: skip
    return type("GuardedProtocol", (GuardedProtocol,), attributes)
