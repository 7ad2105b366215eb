"""The one place where ends of requests are told: nothing is built for it where nobody listens."""

from __future__ import annotations

from asyncio import get_running_loop
from math import inf
from typing import Literal

from aggregator.causes import Cause, State
from aggregator.exchange import Exchange
from aggregator.parts.events import (
    NO_LISTENERS,
    Listeners,
    RequestEnded,
    RequestListener,
    tell,
    tell_failed_listener,
)
from aggregator.parts.result import Result
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.outcome import is_partial
from aggregator.runtime.request.inputs import Refusal

_OK = State.OK


class Report:
    """Tells *listeners* of the requests that have ended. *endpoint* is a key everywhere.

    It ``hears`` where somebody always listens; *visitors* come and go, and where it ``traces`` somebody listens to
    requests whose trace is told.
    """

    __slots__ = ("_all", "_answers", "_every", "_late", "_rationed", "_refusals", "_slow", "_traced", "hears",
                 "traces", "visitors")  # fmt: skip

    def __init__(self, listeners: Listeners = NO_LISTENERS) -> None:
        self.visitors = listeners.visitors
        self._every = listeners.requests
        self._answers = listeners.answers
        self._refusals = listeners.requests + listeners.answers
        self._all = self._refusals + listeners.troubles
        self._rationed = listeners.rationed
        self._late = tuple(listener for listener, _ in listeners.late)
        self._slow = min((seconds for _, seconds in listeners.late), default=inf)
        self._traced = listeners.traced
        self.hears = bool(self._all or self._rationed or self._late)
        self.traces = bool(self._traced)

    @property
    def is_off(self) -> bool:
        """Whether nobody listens now."""
        return not (self.hears or self.traces or self.visitors)

    def answered(
        self, endpoint: str, exchange: Exchange, status: int, results: tuple[Result, ...],
        failure: Result | None = None, *, size: int = 0, sent: Answer | None = None,
    ) -> None:  # fmt: skip
        """Report an answer made of *results*; *failure* is the failed part that it is the problem of.

        It was *sent* as it is here, None where it was a stream, with *size* bytes of body.
        """
        if status >= 500:
            listeners = self._beside(self._troubled(endpoint, status), exchange)
            if not listeners:  # as nearly always, of an upstream that fails
                return
        partial, smooth = False, True
        for result in results:  # most answers consist of nothing else
            if result.state is not _OK or result.parts:
                partial, smooth = is_partial(results), False
                break
        now = get_running_loop().time()
        if status >= 500:
            pass  # who hears of it is known
        elif partial:
            listeners = self._beside(self._troubled(endpoint, status), exchange)
        else:
            listeners, seconds, counting = self._every, now - exchange.started, self._answers
            if self.visitors:
                listeners, counting = listeners + self.visitors.every, counting + self.visitors.answers
            for one in counting:
                try:
                    if one.answered(endpoint, exchange, status, results, seconds, size, smooth):
                        listeners += (one,)
                except Exception as error:
                    tell_failed_listener(error)
            if seconds >= self._slow:
                listeners += self._late
            if self._traced and exchange.trace is not None and exchange.trace.is_told:
                listeners += self._traced
        if not listeners:
            return
        cause = None if failure is None else failure.cause
        tell(listeners, RequestEnded(endpoint, exchange.id, exchange.method, "answered", status, cause, partial,
                                     exchange.started, now, size, results, failure, "", exchange, sent))  # fmt: skip

    def refused(self, exchange: Exchange, status: int, reason: str) -> None:
        """Report a request that met no endpoint."""
        if listeners := self._beside(self._refusals, exchange):
            now = get_running_loop().time()
            event = RequestEnded("", exchange.id, exchange.method, "answered", status, None, False, now, now,
                                 reason=reason, exchange=exchange)  # fmt: skip
            tell(listeners, event)

    def gone(self, endpoint: str, exchange: Exchange, cut: str | None = None, size: int = 0) -> None:
        """Report a client that hung up (499, as proxies call it), or that we have *cut* off, for this reason.

        *size* is how many bytes of a body were sent by then.
        """
        self._ended(endpoint, exchange, "gone" if cut is None else "broke", 499, size=size, reason=cut or "")

    def broken(self, endpoint: str, exchange: Exchange, status: int, error: Exception, size: int = 0) -> None:
        """Report an answer that broke off; its client got *status* and *size* bytes of a body.

        It has no cause where the client was slow (408), as one has none that was cut off.
        """
        cause = getattr(error, "cause", None)
        if isinstance(error, Refusal) and error.status != 408:
            cause = Cause.INPUT
        self._ended(endpoint, exchange, "broke", status, cause, size, str(error))

    def _ended(
        self, endpoint: str, exchange: Exchange, how: Literal["gone", "broke"], status: int,
        cause: Cause | None = None, size: int = 0, reason: str = "",
    ) -> None:  # fmt: skip
        if listeners := self._beside(self._troubled(endpoint, status), exchange):
            event = RequestEnded(endpoint, exchange.id, exchange.method, how, status, cause, False, exchange.started,
                                 get_running_loop().time(), size, reason=reason, exchange=exchange)  # fmt: skip
            tell(listeners, event)

    def _troubled(self, endpoint: str, status: int) -> tuple[RequestListener, ...]:
        """Return who hears of a bad end with *status*; thousands a second come when an upstream fails."""
        listeners = self._all
        for one in self._rationed:
            if one.lets(endpoint, status):
                listeners += (one,)
        return listeners

    def _beside(self, listeners: tuple[RequestListener, ...], exchange: Exchange) -> tuple[RequestListener, ...]:
        """Return *listeners*, with those who follow the trace of *exchange*, and who visits."""
        trace = exchange.trace
        if self._traced and trace is not None and trace.is_told:
            listeners += self._traced
        return (*listeners, *self.visitors) if self.visitors else listeners
