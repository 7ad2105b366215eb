"""Log records of token requests: that they fail, and that they succeed again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from aggregator.telemetry.lately import log_change

_log = logging.getLogger("aggregator.credentials")
SELDOM = 10.0
"""Seconds between two lines about the tokens of callers: each of them may fail."""


class Told(Protocol):
    """A listener to the outcomes of token requests."""

    def failed(self, reason: str, retry_in: float) -> None:
        """Report a failed token request, with its *reason*; the next is made in *retry_in* seconds."""

    def again(self) -> None:
        """Report a token that was granted after a failure."""


class Logged:
    """Writes each failure for the upstream *name*: there is one request at a time, after a pause."""

    def __init__(self, name: str) -> None:
        self._name = name

    def failed(self, reason: str, retry_in: float) -> None:
        """Log the *reason* of a failed token request."""
        log_change(_log, logging.WARNING, "A token for an upstream could not be had.", upstream=self._name,
            reason=reason, retry_in=retry_in)  # fmt: skip

    def again(self) -> None:
        """Log that tokens are granted again."""
        log_change(_log, logging.INFO, "Tokens for an upstream can be had again.", upstream=self._name)


class Counted:
    """Writes the first failure in ten seconds for the upstream *name*, with how many there were since the last."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._quiet_until = float("-inf")
        self._count = 0

    def failed(self, reason: str, retry_in: float) -> None:
        """Count a failure, and log the count when the last record is long enough ago."""
        self._count += 1
        if self._clock() >= self._quiet_until:
            self._quiet_until = self._clock() + SELDOM
            count, self._count = self._count, 0
            log_change(_log, logging.WARNING, "Tokens of callers could not be exchanged.", upstream=self._name,
                reason=reason, count=count, retry_in=retry_in)  # fmt: skip

    def again(self) -> None:
        """Log nothing: this is one caller among many."""
