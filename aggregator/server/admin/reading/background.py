"""``GET /-/background``: what became of background calls, and those that failed lately."""

from __future__ import annotations

from typing import Any

from aggregator.server.generations.running import Running
from aggregator.telemetry.redaction import redact_text


def background_shown(running: Running) -> dict[str, Any]:
    """Return the counts since the start, and the last failures, the newest first, without secrets."""
    mask = running.outbox.masker  # which knows what was secret before a reload, too
    recent = [{**one, "reason": redact_text(mask(one["reason"]))} for one in running.queue.recent]
    return {"waiting": running.queue.depth, **running.queue.counts.as_dict(), "recent": recent[::-1]}
