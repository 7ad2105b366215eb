"""What the log tells of callers who were refused: which scheme, and why; never what they sent."""

from __future__ import annotations

import logging

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.runtime.repeats import Repeats
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.auth")


class Refusals:
    """Tells of refusals, each *reason* of a scheme ten times a second, and how many more there were."""

    __slots__ = ("_repeats",)

    def __init__(self) -> None:
        self._repeats = Repeats(_tell_repeats)

    def tell(self, exchange: Exchange, status: int, cause: Cause, reason: str, scheme: str) -> None:
        """Log that the request of *exchange* was refused with *status* and *cause*, for *reason*.

        The cause is what the client reads, the reason is for the log alone; *scheme* is empty where none was asked.
        """
        if self._repeats.lets((scheme, reason)):
            named = {"scheme": scheme} if scheme else {}
            log(_log, logging.INFO, "A caller was refused.", status=status, cause=cause.value, reason=reason, **named,
                path=exchange.path, request_id=exchange.id, client=exchange.client)  # fmt: skip

    def tell_repeat(self, exchange: Exchange) -> None:
        """Log that the delivery of *exchange* came again and was answered without a call."""
        scheme = exchange.caller.scheme
        if self._repeats.lets((scheme, "repeated")):
            log(_log, logging.INFO, "A delivery came again; it was answered without a call.", scheme=scheme,
                path=exchange.path, request_id=exchange.id)  # fmt: skip

    def tell_reported(self, exchange: Exchange, reason: str) -> None:
        """Log that a limit that only reports would have refused the request of *exchange*."""
        if self._repeats.lets(("", f"{reason} (report)")):
            log(_log, logging.INFO, "A caller would have been refused.", reason=reason, path=exchange.path,
                request_id=exchange.id, client=exchange.client)  # fmt: skip


def _tell_repeats(key: tuple[str, str], more: int) -> None:
    scheme, reason = key
    named = {"scheme": scheme} if scheme else {}
    log(_log, logging.INFO, "More refusals like the last ones.", reason=reason, **named, count=more)
