"""The folder of `state` of several workers: the supervisor holds it, and workers share files in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aggregator.plan.types import Plan
from aggregator.server.sharing.quotas import SharedQuotas
from aggregator.server.workers.administering.switches import KeptSwitches
from aggregator.stores.answers.kept import AnswersInFile
from aggregator.stores.effects.file import FILE
from aggregator.stores.effects.writer import EffectWriter
from aggregator.stores.folder import StateFolder


@asynccontextmanager
async def state_folder(plan: Plan, switches: KeptSwitches, quotas: SharedQuotas) -> AsyncIterator[None]:
    """Hold the folder that *plan* declares to the end, if it does, with *switches* and *quotas* of all workers.

    A file that all workers share, and that cannot be read, is put aside here, before they open it side by side. Raises
    ``StartupError``.
    """
    if plan.state is None:
        yield
        return
    folder = StateFolder(Path(plan.state))
    try:
        if plan.background.durable.store == "sqlite" and (plan.has_durable or (folder.path / FILE).exists()):
            EffectWriter(folder.path / FILE, plan.background.durable.sync).close()
        if plan.has_idempotency:
            await AnswersInFile(folder.path).aclose()
        switches.remember(folder)
        quotas.remember(folder)
        yield
    finally:
        await quotas.aclose()
        folder.close()
