"""``GET /-/history``: the last hour of all endpoints, or of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.server.admin.actions import ActionError
from aggregator.server.admin.reading.names import unknown_endpoint
from aggregator.server.generations.running import Running

PATH = "/-/history"
_KEYS = frozenset({"endpoint", "since"})


async def history_shown(running: Running, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the last hour of the ``endpoint`` that is *asked* for, or of all, from ``since`` on.

    Raises ``ActionError``.
    """
    if unknown := [name for name in asked if name not in _KEYS]:
        raise ActionError(400, f"History is chosen by endpoint or since, not by `{unknown[0][:50]}`.")
    history = running.observers.history
    if history is None:
        raise ActionError(404, "No history is kept: the file declares no `server.admin`.")
    if "endpoint" not in asked:
        return await history.all(_since(asked.get("since", "0")))
    found = history.of(asked["endpoint"])
    if found is None:
        raise unknown_endpoint(asked["endpoint"], running.plan)
    return found


def _since(text: str) -> float:
    """Return the Unix time that *text* is. Raises ``ActionError``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ActionError(400, "`since` is a time in seconds since 1970.")
    return float(text)
