"""Refusal of requests before they reach an endpoint: the client gets one answer, and then the connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import unquote

from uvicorn import Config
from uvicorn.server import ServerState

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import FAULT, tell_fault
from aggregator.runtime.request.hangup import CUT
from aggregator.server.connection import timeouts
from aggregator.server.connection.direct import DirectCycle
from aggregator.server.connection.intake import Refused
from aggregator.server.connection.status_lines import STATUS_LINES
from aggregator.server.connection.timeouts import TimedProtocol

Tell = Callable[[int, str, str], None]
FinishRefusal = Callable[[Exchange, Answer], None]
TellCut = Callable[[str, str], None]


class RefusingProtocol(TimedProtocol):
    """A connection whose requests may be refused.

    ``tell`` is told what never comes to an endpoint, and whose it was; ``tell_cut`` of an answer that was made and not
    taken; ``finish`` is done to each refusal. *headers* and *_target* are what is known of the request so far.
    """

    __slots__ = ("_parser", "_refusal", "_target", "headers")
    tell: Tell
    tell_cut: TellCut
    finish: FinishRefusal

    def __init__(self, config: Config, server_state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, server_state, loop)
        self._parser: Any = None
        self._refusal: Refused | None = None
        self._target = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def _stop(self, status: int, detail: str) -> NoReturn:
        self._refusal = Refused(status, detail)
        raise self._refusal

    def _stop_by_fault(self, error: Exception) -> NoReturn:
        """Refuse a request that a fault of ours keeps from its endpoint: to the parser it would be the client's."""
        tell_fault(f"{self._parser.get_method().decode('latin-1')} {self._target.decode('latin-1')}", error, "")
        self.cycle, self.in_head = None, True
        self._stop(500, FAULT)

    def head_took_too_long(self) -> None:
        """Refuse a request whose head does not come to an end."""
        self._refuse(408, "The request head took too long to arrive.")

    def answer_was_not_taken(self) -> None:
        """Report that we cut the connection: by the request being answered, if there is one."""
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
        """Answer an unacceptable request, unless an answer to it has begun, and close."""
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
        """Tell the request that its body is broken; return whether an answer to it has begun."""
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
