"""The one place where ends of requests are told: nothing is built for it where nobody listens."""

from __future__ import annotations

import asyncio
from typing import Literal

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.parts.events import NO_LISTENERS, Listeners, RequestEnded, RequestListener, tell
from aggregator.parts.result import Result
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.outcome import is_partial


class Report:
    """Tells *listeners* of the requests that have ended. *endpoint* is a key everywhere."""

    __slots__ = ("_all", "_every", "_visitors")

    def __init__(self, listeners: Listeners = NO_LISTENERS) -> None:
        self._every = listeners.requests
        self._all = listeners.requests + listeners.troubles
        self._visitors = listeners.visitors

    @property
    def is_off(self) -> bool:
        """Whether nobody listens now."""
        return not (self._all or self._visitors)

    def tells(self, status: int, results: tuple[Result, ...]) -> bool:
        """Return whether anybody wants to hear of an answer with *status* that is made of *results*."""
        return bool(self._every or self._visitors) or (bool(self._all) and (status >= 500 or is_partial(results)))

    def answered(
        self, endpoint: str, exchange: Exchange, status: int, results: tuple[Result, ...],
        failure: Result | None = None, *, size: int = 0, sent: Answer | None = None,
    ) -> None:  # fmt: skip
        """Tell of an answer made of *results*; *failure* is why it is none, *size* the bytes of body sent.

        It was *sent* as it is here, None where it was a stream.
        """
        partial = is_partial(results)
        listeners = self._with_visitors(self._all if partial or status >= 500 else self._every)
        if listeners:
            cause = None if failure is None else failure.cause
            event = RequestEnded(endpoint, exchange.id, exchange.method, "answered", status, cause, partial,
                                 exchange.started, _now(), size, results, failure, exchange=exchange,
                                 answer=sent)  # fmt: skip
            tell(listeners, event)

    def refused(self, exchange: Exchange, status: int, reason: str) -> None:
        """Tell of a request that has come to no endpoint, with what is known of it."""
        if listeners := self._with_visitors(self._every):
            now = _now()
            event = RequestEnded("", exchange.id, exchange.method, "answered", status, None, False, now, now,
                                 reason=reason, exchange=exchange)  # fmt: skip
            tell(listeners, event)

    def gone(self, endpoint: str, exchange: Exchange, cut: str | None = None) -> None:
        """Tell of a client that hung up (499 is what proxies call it), or was *cut* off by us, which says why."""
        self._ended(endpoint, exchange, "gone" if cut is None else "broke", 499, reason=cut or "")

    def broken(self, endpoint: str, exchange: Exchange, status: int, error: Exception, size: int = 0) -> None:
        """Tell of an answer that was cut off in the middle, whose client got *status* and *size* bytes of a body."""
        self._ended(endpoint, exchange, "broke", status, getattr(error, "cause", None), size, str(error))

    def _ended(
        self, endpoint: str, exchange: Exchange, how: Literal["gone", "broke"], status: int,
        cause: Cause | None = None, size: int = 0, reason: str = "",
    ) -> None:  # fmt: skip
        if listeners := self._with_visitors(self._all):
            event = RequestEnded(endpoint, exchange.id, exchange.method, how, status, cause, False,
                                 exchange.started, _now(), size, reason=reason, exchange=exchange)  # fmt: skip
            tell(listeners, event)

    def _with_visitors(self, listeners: tuple[RequestListener, ...]) -> tuple[RequestListener, ...]:
        return (*listeners, *self._visitors) if self._visitors else listeners


def _now() -> float:
    return asyncio.get_running_loop().time()
