"""The log of requests, a listener: one line for each that an operator wants to know about."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Any

from aggregator.exchange import Exchange
from aggregator.http import phrase
from aggregator.parts.events import NO_LISTENERS, Listeners, RequestEnded
from aggregator.parts.losses import failed_in
from aggregator.parts.result import Result
from aggregator.plan.telemetry import LOG, LogPlan
from aggregator.runtime.answers.failure import sentence
from aggregator.runtime.answers.outcome import LONGEST, parts_header, parts_text, smooth_text
from aggregator.runtime.observing.sighting import fields_shown, own_fields, seen_of
from aggregator.runtime.observing.tracing import trace_ids
from aggregator.runtime.repeats import Repeats
from aggregator.telemetry import requests
from aggregator.telemetry.hiding import without_values
from aggregator.telemetry.requests import ANSWERED, AnswerLine, RequestLine, Seen, tenths

_GONE, _SLOW = "client_gone", "client_slow"
"""Causes that are no upstream's: the client hung up, or took its answer too slowly."""
_CUT = 499
"""The status of a request whose client hung up or was cut off, as proxies write it."""


class RequestLog:
    """Writes of requests, as *plan* says.

    Unless all are told, those of one endpoint with one status are counted once there were ten in a second. *chance*
    gives numbers from 0 to 1 that choose what is sampled.
    """

    __slots__ = ("_chance", "_fields", "_hidden", "_is_plain", "_repeats", "_shares", "_which")

    def __init__(self, plan: LogPlan = LOG, chance: Callable[[], float] = random.random) -> None:
        self._which = plan.access
        self._fields = fields_shown(plan)
        self._hidden = plan.hidden
        self._shares = _shares(plan)
        self._is_plain = plan.access == "all" and not self._fields and not self._shares and not plan.hidden.params
        self._chance = chance
        self._repeats = Repeats(_write_repeats)

    @property
    def listeners(self) -> Listeners:
        """The log as a listener of the requests that it tells."""
        if self._which == "none":
            return NO_LISTENERS
        if self._which == "errors":
            return Listeners(rationed=(self,))
        return Listeners(answers=(self,)) if self._is_plain else Listeners(requests=(self,))

    def answered(
        self, endpoint: str, exchange: Exchange, status: int, parts: tuple[Result, ...], seconds: float, size: int,
        smooth: bool,
    ) -> bool:  # fmt: skip
        """Write the line of a good answer; return whether it needs more than is known here.

        It is written as those are that went well, most lines of a log, unless more has to be told than such lines have
        room for, or others listen to the log.
        """
        if status >= 400 or not endpoint.startswith(f"{exchange.method} "):
            return True
        sink = requests.answer_sink()
        if sink is None:
            return True
        told = smooth_text(parts) if smooth else parts_text(parts)
        if len(told) > LONGEST or not told.isascii():
            told = parts_header(parts).decode()
        trace = exchange.trace
        identity, span = ("", "") if trace is None else (trace.id, trace.span)
        sink.put_answer(AnswerLine(
            time.time(), status, seconds, size, told, endpoint, exchange.path, exchange.id, exchange.client, identity,
            span,
        ))  # fmt: skip
        return False

    def __call__(self, event: RequestEnded) -> None:
        """Write the line of *event*, unless it is not among those that are sampled."""
        if event.how == "gone":
            self._write(logging.INFO, "The client hung up.", event, {"status": event.status, "cause": _GONE}, {})
        elif event.how == "broke":
            cause = _SLOW if event.cause is None else event.cause.value
            known = {"status": event.status, "size": event.size, "cause": cause}
            self._write(logging.WARNING, "An answer was cut off.", event, known, {"reason": event.reason})
        elif not event.endpoint:
            self._refused(event)
        else:
            self._answered(event)

    def _answered(self, event: RequestEnded) -> None:
        bad, status = event.is_bad, event.status
        if not bad and not self._is_chosen(status):
            return
        known: dict[str, Any] = {
            "status": status, "ms": tenths(event.ended - event.started), "size": event.size,
            "parts": parts_header(event.parts).decode(),
        }  # fmt: skip
        reason = _reason(event, known) if bad or status >= 400 else {}
        if not bad and self._shares and status in self._shares:
            known["sample"] = self._shares[status]
        text = "Answered with a failure." if status >= 500 else "Answered in part." if bad else ANSWERED
        self._write(logging.WARNING if bad else logging.INFO, text, event, known, reason)

    def _refused(self, event: RequestEnded) -> None:
        if self._is_chosen(event.status):
            exchange = event.exchange
            known = {"status": event.status, "cause": refusal_cause(event.status)}
            said = {"client": exchange.client, "reason": event.reason, **_request(exchange)}
            see = (lambda: seen_of(exchange, exchange.path, self._hidden)) if exchange.method else None
            _write(logging.INFO, "Refused.", known, said, see)

    def _write(self, level: int, text: str, event: RequestEnded, known: dict[str, Any], reason: dict[str, str]) -> None:
        exchange = event.exchange
        method = {} if event.endpoint.startswith(f"{event.method} ") else {"method": event.method}
        path = exchange.path
        if self._hidden.params:
            path = without_values(path, self._hidden.values(event.endpoint, exchange.segments))
        said = {
            "endpoint": event.endpoint, **method, "path": path, "request_id": event.request,
            "client": exchange.client, **reason,
        }  # fmt: skip
        if exchange.trace is not None:
            known |= trace_ids(exchange.trace)
        if self._fields:
            said |= own_fields(self._fields, exchange)
        line = RequestLine(level, text, time.time(), known, said)
        requests.tell(line, lambda: seen_of(exchange, path, self._hidden))

    def lets(self, endpoint: str, status: int) -> bool:
        """Return whether one more line of *endpoint* with *status* is written, where not all are."""
        which = self._which
        return self._repeats.lets((endpoint, status)) if which == "errors" else which == "all"

    def _is_chosen(self, status: int) -> bool:
        share = self._shares.get(status) if self._shares else None
        return share is None or self._chance() < share

    def unshaken(self, reason: str, client: str) -> None:
        """Write of a connection that did not come to speak TLS, if all requests are told."""
        if self._which == "all":
            known, said = {"cause": "handshake"}, {"client": client, "reason": reason}
            _write(logging.INFO, "A TLS handshake failed.", known, said)

    def not_taken(self, reason: str, client: str) -> None:
        """Write of a whole answer that the client did not take: its request had ended before."""
        if self.lets("", _CUT):
            known, said = {"status": _CUT, "cause": _SLOW}, {"client": client, "reason": reason}
            _write(logging.WARNING, "An answer was cut off.", known, said)


def _write(
    level: int, text: str, known: dict[str, Any], said: dict[str, Any], see: Callable[[], Seen] | None = None
) -> None:
    requests.tell(RequestLine(level, text, time.time(), known, said), see)


def _write_repeats(key: tuple[str, int], more: int) -> None:
    endpoint, status = key
    named = {"endpoint": endpoint} if endpoint else {}
    _write(logging.WARNING, "More answers like the last ones.", {"status": status, "count": more}, named)


def _shares(plan: LogPlan) -> dict[int, float]:
    """Return the share of lines that are written, by status; a status counts before its class."""
    exact = {int(on): share for on, share in plan.sample if on.isdecimal()}
    classes = {int(on[0]): share for on, share in plan.sample if not on.isdecimal()}
    return {number * 100 + rest: share for number, share in classes.items() for rest in range(100)} | exact


def _request(exchange: Exchange) -> dict[str, str]:
    """Return what is known of a request that met no endpoint; nothing of a connection that never sent one."""
    if not exchange.method:
        return {}
    return {"method": exchange.method, "path": exchange.path, "request_id": exchange.id}


def refusal_cause(status: int) -> str:
    """Return the one word for an answer with *status* that no call is the cause of: ``not_found`` for 404.

    It is the reason phrase of RFC 9110 §15.
    """
    return phrase(status).lower().replace(" ", "_").replace("-", "_").replace("'", "")


def _reason(event: RequestEnded, known: dict[str, Any]) -> dict[str, str]:
    """Return the sentence of what failed the answer, or of the first part, or item of one, that failed; maybe nothing.

    Its cause is added to *known*; that of a refusal is the one that the client reads, or else its status.
    """
    result = failed_in(event.parts, event.failure)
    if result is None or result.error is None:
        said = None if event.answer is None else event.answer.problem
        told = None if said is None else said.cause
        if event.status >= 400 and (told is not None or not event.parts):
            known["cause"] = told or refusal_cause(event.status)
        return {}
    error = result.error
    known["cause"] = error.cause.value
    told = {"reason": sentence(error.message)}
    return told if error.fault is None else told | {"fault": error.fault}
