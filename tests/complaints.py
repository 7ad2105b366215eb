"""What an event loop complains of while a test runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def kept_in(reports: list[dict[str, Any]]) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Return a handler that adds what a loop reports to *reports*.

    What serves a connection of a test when that ends is cancelled; asyncio of Python 3.11 reports that, and it is no fault.
    """

    def hear(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncio.CancelledError):
            reports.append(context)

    return hear
