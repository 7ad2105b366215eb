"""The folder of `state` of several workers: the supervisor holds it, and workers share files in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aggregator.plan.types import Plan
from aggregator.runtime.background.durable.outbox import FILE
from aggregator.stores.answers.kept import AnswersInFile
from aggregator.stores.effects.writer import EffectWriter
from aggregator.stores.folder import StateFolder


@asynccontextmanager
async def state_folder(plan: Plan) -> AsyncIterator[StateFolder | None]:
    """Yield the folder that *plan* declares, held until the end; None without one. Raises ``StartupError``.

    A file that all workers share, and that cannot be read, is put aside here, before they open it side by side.
    """
    if plan.state is None:
        yield None
        return
    folder = StateFolder(Path(plan.state))
    try:
        if plan.has_durable or (folder.path / FILE).exists():
            EffectWriter(folder.path / FILE, plan.background.durable.sync).close()
        if plan.has_idempotency:
            await AnswersInFile(folder.path).aclose()
        yield folder
    finally:
        folder.close()
