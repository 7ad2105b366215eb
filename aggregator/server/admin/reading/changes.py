"""``GET /-/changes``: what the last reload has changed, and why a saved file was refused."""

from __future__ import annotations

import asyncio
from typing import Any

from aggregator.server.generations.running import Running

PATH = "/-/changes"


async def changes_shown(running: Running) -> dict[str, Any]:
    """Return the last change, made in a thread, since files may be long."""
    outcomes = running.outcomes
    secrets = running.plan.secrets | outcomes.refused_secrets
    return await asyncio.to_thread(running.changes.shown, outcomes.last_refusal, secrets)
