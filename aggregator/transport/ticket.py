"""One call on its way: what was asked, when it is due and whom to tell."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.errors import CallError
from aggregator.transport.replies import Reply

Done = Callable[[Reply | CallError], None]
"""Told once, later than `Pool.start` returns, with the reply or the reason why there is none."""


class Ticket:
    """The handle of a started call."""

    __slots__ = ()

    def cancel(self) -> None:
        """Give the call up: its connection is closed, and *done* will not be called any more."""
        raise NotImplementedError
