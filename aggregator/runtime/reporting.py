"""One log line for an answer that an operator wants to know about, with what became of each part."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.parts.events import RequestEnded, RequestListener, tell
from aggregator.parts.result import Result
from aggregator.runtime.answers.failure import sentence
from aggregator.runtime.answers.outcome import is_partial, lost_in, parts_header
from aggregator.runtime.repeats import Repeats
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.request")


class Report:
    """Tells of the answers of endpoints: all of them, only 5xx and partial ones, or none. *endpoint* is a key.

    Unless all are told, those of one endpoint with one status are counted once there were ten in a second. *listeners*
    hear of each request, whatever the log tells.
    """

    __slots__ = ("_listeners", "_repeats", "_which", "is_off")

    def __init__(self, which: Literal["all", "errors", "off"], listeners: tuple[RequestListener, ...] = ()) -> None:
        self._which = which
        self._listeners = listeners
        self.is_off = which == "off" and not listeners
        self._repeats = Repeats(_tell_repeats)

    def _is_told(self, endpoint: str, status: int) -> bool:
        return self._which == "all" or (self._which != "off" and self._repeats.lets((endpoint, status)))

    def tells(self, status: int, results: tuple[Result, ...]) -> bool:
        """Return whether an answer made of *results* is of a kind that is told."""
        return bool(self._listeners) or self._is_logged(status, results)

    def _is_logged(self, status: int, results: tuple[Result, ...]) -> bool:
        return self._which == "all" or (self._which != "off" and _is_bad(status, results))

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
        if not self._is_logged(status, results) or not self._is_told(endpoint, status):
            return
        bad = _is_bad(status, results)
        level = logging.WARNING if bad else logging.INFO
        log(
            _log, level, "Answered with a failure." if status >= 500 else "Answered in part." if bad else "Answered.",
            endpoint=endpoint, **_method(endpoint, exchange), status=status, path=exchange.path, request_id=exchange.id,
            client=exchange.client, ms=_since(exchange), parts=parts_header(results).decode(),
            **_reason(results, failure),
        )  # fmt: skip

    def refused(self, status: int, reason: str, *, client: str, **known: str) -> None:
        """Tell of a request that has come to no endpoint, if all answers are told, and what is *known* of it."""
        if self._listeners:
            now = asyncio.get_running_loop().time()
            event = RequestEnded("", known.get("request_id", ""), known.get("method", ""), "answered", status, None,
                                 False, now, now)  # fmt: skip
            tell(self._listeners, event)
        if self._which == "all":
            log(_log, logging.INFO, "Refused.", status=status, client=client, reason=reason, **known)

    def unshaken(self, reason: str, client: str) -> None:
        """Tell of a connection that did not come to speak TLS, if all answers are told."""
        if self._which == "all":
            log(_log, logging.INFO, "A TLS handshake failed.", client=client, reason=reason)

    def gone(self, endpoint: str, exchange: Exchange, cut: str | None = None) -> None:
        """Tell of a client that hung up (499 is what proxies call it), or was *cut* off by us, which says why."""
        if cut is not None:
            self.broken(endpoint, exchange, 499, cut)
            return
        if self._listeners:
            self._ended(endpoint, exchange, "gone", 499)
        if self._is_told(endpoint, 499):
            log(_log, logging.INFO, "The client hung up.", endpoint=endpoint, **_method(endpoint, exchange), status=499,
                path=exchange.path, request_id=exchange.id, client=exchange.client)  # fmt: skip

    def not_taken(self, reason: str, client: str) -> None:
        """Tell of a whole answer that the client did not take."""
        if self._is_told("", 499):
            log(_log, logging.WARNING, "An answer was cut off.", status=499, client=client, reason=reason)

    def broken(self, endpoint: str, exchange: Exchange, status: int, error: Exception | str, size: int = 0) -> None:
        """Tell of an answer that was cut off in the middle, whose client got *status* and *size* bytes of a body."""
        if self._listeners:
            self._ended(endpoint, exchange, "broke", status, getattr(error, "cause", None), size)
        if self._is_told(endpoint, status):
            log(_log, logging.WARNING, "An answer was cut off.", endpoint=endpoint, **_method(endpoint, exchange),
                status=status, path=exchange.path, request_id=exchange.id, client=exchange.client,
                reason=str(error))  # fmt: skip


def _tell_repeats(key: tuple[str, int], more: int) -> None:
    endpoint, status = key
    named = {"endpoint": endpoint} if endpoint else {}
    log(_log, logging.WARNING, "More answers like the last ones.", **named, status=status, count=more)


def _method(endpoint: str, exchange: Exchange) -> dict[str, str]:
    """Return the method of the request where the key of its *endpoint* does not say it."""
    return {} if endpoint.startswith(f"{exchange.method} ") else {"method": exchange.method}


def _is_bad(status: int, results: tuple[Result, ...]) -> bool:
    return status >= 500 or is_partial(results)


def _reason(results: tuple[Result, ...], failure: Result | None) -> dict[str, str]:
    """Return the sentence of *failure*, or of the first part, or item of one, that failed; nothing if none did."""
    bad = (failure,) if failure is not None else (one for part in results for one in (part, *lost_in(part)))
    error = next((one.error for one in bad if one.error is not None), None)
    if error is None:
        return {}
    told = {"reason": sentence(error.message)}
    return told if error.fault is None else told | {"fault": error.fault}


def _since(exchange: Exchange) -> float:
    return round((asyncio.get_running_loop().time() - exchange.started) * 1000.0, 1)
