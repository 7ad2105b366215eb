"""One log line for an answer that an operator wants to know about, with what became of each part."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any, Literal

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.http import phrase
from aggregator.parts.events import RequestEnded, RequestListener, tell
from aggregator.parts.result import Result
from aggregator.plan.telemetry import LOG, LogPlan
from aggregator.runtime.answers.failure import sentence
from aggregator.runtime.answers.outcome import is_partial, lost_in, parts_header
from aggregator.runtime.repeats import Repeats
from aggregator.runtime.sighting import own_fields, seen_of
from aggregator.telemetry import requests
from aggregator.telemetry.requests import RequestLine

_GONE, _SLOW = "client_gone", "client_slow"
"""Causes that are no upstream's: the client hung up, or took its answer too slowly."""


class Report:
    """Tells of the answers of endpoints, as *plan* says. *endpoint* is a key.

    Unless all are told, those of one endpoint with one status are counted once there were ten in a second. *listeners*
    hear of each request, whatever the log tells. *chance* gives numbers from 0 to 1 that choose what is sampled.
    """

    __slots__ = ("_chance", "_fields", "_listeners", "_repeats", "_shares", "_which", "is_off")

    def __init__(
        self, plan: LogPlan = LOG, listeners: tuple[RequestListener, ...] = (),
        chance: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._which = plan.access
        self._fields = plan.fields
        self._shares = _shares(plan)
        self._chance = chance
        self._listeners = listeners
        self.is_off = plan.access == "none" and not listeners
        self._repeats = Repeats(_tell_repeats)

    def _is_told(self, endpoint: str, status: int) -> bool:
        return self._which == "all" or (self._which != "none" and self._repeats.lets((endpoint, status)))

    def tells(self, status: int, results: tuple[Result, ...]) -> bool:
        """Return whether an answer made of *results* is of a kind that is told."""
        return bool(self._listeners) or self._is_logged(status, results)

    def _is_logged(self, status: int, results: tuple[Result, ...]) -> bool:
        return self._which == "all" or (self._which != "none" and _is_bad(status, results))

    def _is_chosen(self, status: int) -> bool:
        share = self._shares.get(status) if self._shares else None
        return share is None or self._chance() < share

    def _ended(
        self, endpoint: str, exchange: Exchange, how: Literal["gone", "broke"], status: int,
        cause: Cause | None = None, size: int = 0,
    ) -> None:  # fmt: skip
        now = asyncio.get_running_loop().time()
        event = RequestEnded(endpoint, exchange.id, exchange.method, how, status, cause, False,
                             exchange.started, now, size)  # fmt: skip
        tell(self._listeners, event)

    def answered(
        self, endpoint: str, exchange: Exchange, status: int, results: tuple[Result, ...],
        failure: Result | None = None, *, size: int = 0,
    ) -> None:  # fmt: skip
        """Tell of an answer made of *results*, if it is of a kind that is told; *failure* is why it is none.

        *size* are the bytes of its body that were sent.
        """
        if self._listeners:
            cause = None if failure is None else failure.cause
            now = asyncio.get_running_loop().time()
            event = RequestEnded(endpoint, exchange.id, exchange.method, "answered", status, cause, is_partial(results),
                                 exchange.started, now, size, results)  # fmt: skip
            tell(self._listeners, event)
        if self._which != "all" and not self._is_logged(status, results):
            return
        bad = _is_bad(status, results)
        if not self._is_told(endpoint, status) or not (bad or self._is_chosen(status)):
            return
        known: dict[str, Any] = {
            "status": status, "ms": _since(exchange), "size": size, "parts": parts_header(results).decode(),
        }  # fmt: skip
        reason = _reason(status, results, failure, known) if bad or status >= 400 else {}
        if not bad and self._shares and status in self._shares:
            known["sample"] = self._shares[status]
        saying = "Answered with a failure." if status >= 500 else "Answered in part." if bad else "Answered."
        self._tell(logging.WARNING if bad else logging.INFO, saying, endpoint, exchange, known, reason)

    def refused(self, status: int, reason: str, *, client: str, **known: str) -> None:
        """Tell of a request that has come to no endpoint, if all answers are told, and what is *known* of it."""
        if self._listeners:
            now = asyncio.get_running_loop().time()
            event = RequestEnded("", known.get("request_id", ""), known.get("method", ""), "answered", status, None,
                                 False, now, now)  # fmt: skip
            tell(self._listeners, event)
        if self._which == "all" and self._is_chosen(status):
            _write(logging.INFO, "Refused.", {"status": status, "cause": refusal_cause(status)},
                   {"client": client, "reason": reason, **known})  # fmt: skip

    def unshaken(self, reason: str, client: str) -> None:
        """Tell of a connection that did not come to speak TLS, if all answers are told."""
        if self._which == "all":
            _write(
                logging.INFO, "A TLS handshake failed.", {"cause": "handshake"}, {"client": client, "reason": reason}
            )

    def gone(self, endpoint: str, exchange: Exchange, cut: str | None = None) -> None:
        """Tell of a client that hung up (499 is what proxies call it), or was *cut* off by us, which says why."""
        if cut is not None:
            self.broken(endpoint, exchange, 499, cut)
            return
        if self._listeners:
            self._ended(endpoint, exchange, "gone", 499)
        if self._is_told(endpoint, 499):
            self._tell(logging.INFO, "The client hung up.", endpoint, exchange, {"status": 499, "cause": _GONE}, {})

    def not_taken(self, reason: str, client: str) -> None:
        """Tell of a whole answer that the client did not take."""
        if self._is_told("", 499):
            known = {"status": 499, "cause": _SLOW}
            _write(logging.WARNING, "An answer was cut off.", known, {"client": client, "reason": reason})

    def broken(self, endpoint: str, exchange: Exchange, status: int, error: Exception | str, size: int = 0) -> None:
        """Tell of an answer that was cut off in the middle, whose client got *status* and *size* bytes of a body."""
        cause: Cause | None = getattr(error, "cause", None)
        if self._listeners:
            self._ended(endpoint, exchange, "broke", status, cause, size)
        if self._is_told(endpoint, status):
            why = _SLOW if isinstance(error, str) else (cause or Cause.FAULT).value
            known = {"status": status, "size": size, "cause": why}
            self._tell(logging.WARNING, "An answer was cut off.", endpoint, exchange, known, {"reason": str(error)})

    def _tell(
        self, level: int, saying: str, endpoint: str, exchange: Exchange, known: dict[str, Any], reason: dict[str, str]
    ) -> None:
        said = {
            "endpoint": endpoint, **_method(endpoint, exchange), "path": exchange.path, "request_id": exchange.id,
            "client": exchange.client, **reason,
        }  # fmt: skip
        if self._fields:
            said |= own_fields(self._fields, exchange)
        requests.tell(RequestLine(level, saying, time.time(), known, said), lambda: seen_of(exchange))


def _write(level: int, saying: str, known: dict[str, Any], said: dict[str, Any]) -> None:
    requests.tell(RequestLine(level, saying, time.time(), known, said))


def _shares(plan: LogPlan) -> dict[int, float]:
    """Return the share of lines that are written, by status; a status counts before its class."""
    exact = {int(on): share for on, share in plan.sample if on.isdecimal()}
    classes = {int(on[0]): share for on, share in plan.sample if not on.isdecimal()}
    return {number * 100 + rest: share for number, share in classes.items() for rest in range(100)} | exact


def _tell_repeats(key: tuple[str, int], more: int) -> None:
    endpoint, status = key
    named = {"endpoint": endpoint} if endpoint else {}
    _write(logging.WARNING, "More answers like the last ones.", {"status": status, "count": more}, named)


def _method(endpoint: str, exchange: Exchange) -> dict[str, str]:
    """Return the method of the request where the key of its *endpoint* does not say it."""
    return {} if endpoint.startswith(f"{exchange.method} ") else {"method": exchange.method}


def _is_bad(status: int, results: tuple[Result, ...]) -> bool:
    return status >= 500 or is_partial(results)


def refusal_cause(status: int) -> str:
    """Return the one word for an answer with *status* that no call is the cause of: ``not_found`` for 404.

    It is the reason phrase of RFC 9110 §15.
    """
    return phrase(status).lower().replace(" ", "_").replace("-", "_").replace("'", "")


def _reason(status: int, results: tuple[Result, ...], failure: Result | None, known: dict[str, Any]) -> dict[str, str]:
    """Return the sentence of *failure*, or of the first part, or item of one, that failed; nothing if none did.

    Its cause is added to *known*; that of a refusal is its status.
    """
    bad = (failure,) if failure is not None else (one for part in results for one in (part, *lost_in(part)))
    result = next((one for one in bad if one.error is not None), None)
    if result is None or result.error is None:
        if not results and status >= 400:
            known["cause"] = refusal_cause(status)
        return {}
    error = result.error
    known["cause"] = error.cause.value
    told = {"reason": sentence(error.message)}
    return told if error.fault is None else told | {"fault": error.fault}


def _since(exchange: Exchange) -> float:
    return round((asyncio.get_running_loop().time() - exchange.started) * 1000.0, 1)
