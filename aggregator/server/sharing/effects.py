"""Where the durable effects of a plan are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from aggregator.plan.types import Plan
from aggregator.stores.effects.contract import EffectStore
from aggregator.stores.effects.file import FILE, EffectsInFile
from aggregator.stores.effects.records import LIVE
from aggregator.stores.redis.effects.store import EffectsInRedis
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.effects")


async def effects_of(plan: Plan, folder: Path | None, clock: Callable[[], float]) -> EffectStore | None:
    """Return where the effects of *plan* are kept, opened; None where it has none, and none were left in *folder*.

    *clock* is Unix time. Raises ``StartupError`` for a file; a shared store that is away is tried again.
    """
    durable = plan.background.durable
    file = folder is not None and (folder / FILE).exists()
    if durable.store == "shared":
        if folder is not None and file:
            await _tell_left(folder)
        shared = EffectsInRedis(plan.store, clock)
        await shared.open()
        return shared
    if folder is None or not (plan.has_durable or file):
        return None
    return await asyncio.to_thread(EffectsInFile, folder, durable.sync)


async def _tell_left(folder: Path) -> None:
    """Log what waits in a file from which nothing is delivered any more."""
    left = await asyncio.to_thread(EffectsInFile, folder, "normal")
    count = sum(left.kept.counts[state] for state in LIVE)
    await left.aclose()
    if count:
        told = "Durable effects wait in a file, and are not delivered while `background.durable.store` is `shared`."
        log(_log, logging.WARNING, told, file=str(folder / FILE), count=count)
