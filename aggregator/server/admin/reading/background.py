"""``GET /-/background``: what became of background calls, and those that failed lately."""

from __future__ import annotations

from typing import Any

from aggregator.server.generations.running import Running
from aggregator.telemetry.redaction import Masker, redact_text


def background_shown(running: Running) -> dict[str, Any]:
    """Return the counts since the start, and the last failures, the newest first, without secrets."""
    masker = Masker(running.plan.secrets)
    recent = [{**one, "reason": redact_text(masker(one["reason"]))} for one in running.queue.recent]
    return {"waiting": running.queue.depth, **running.queue.counts.as_dict(), "recent": recent[::-1]}
