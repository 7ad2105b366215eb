"""Where answers by key are kept: in memory, or in a file that has a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aggregator.stores.answers.table import AnswerTable, Bounds, Held
from aggregator.stores.sqlite.writer import Told, Writer

FILE: Final = "answers.db"
_TOLD: Final = Told(
    "aggregator.idempotency",
    "Answers by idempotency key",
    "Answers by idempotency key cannot be read; the file was put aside, and a new one is begun.",
    "Answers by idempotency key cannot be written.",
    "Answers by idempotency key can be written again.",
    "Answers by idempotency key failed by a fault of the program.",
)


class AnswersInMemory:
    """Answers in memory, of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._table = AnswerTable(":memory:")

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Return a token for the one who may make the answer of *key* for *lifetime*, or what is there."""
        return self._table.claim(key, request, self._clock(), lifetime, subject)

    async def keep(
        self, key: bytes, token: int, value: bytes, lifetime: float, bounds: Bounds,
        subject: bytes | None = None,  # noqa: ARG002 - it is known by the claim
    ) -> int:  # fmt: skip
        """Keep *value* for *lifetime* within *bounds*; return how many others had to go for it."""
        return self._table.keep(key, token, value, self._clock(), lifetime, bounds)

    async def release(self, key: bytes, token: int) -> None:
        """Release the claim of *token*."""
        self._table.release(key, token)

    async def forget(self, subject: bytes) -> int:
        """Forget all answers of *subject*; return how many there were."""
        return self._table.forget(subject)

    async def aclose(self) -> None:
        """Forget them."""
        self._table.close()


class AnswersInFile:
    """Answers in a file of *folder*, which several processes may use."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the file; raises ``StartupError``."""
        self._clock = clock
        self._writer = Writer(folder / FILE, AnswerTable, _TOLD)

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Return a token for the one who may make the answer of *key* for *lifetime*, or what is there."""
        now = self._clock()
        return await self._writer.submit(lambda table: table.claim(key, request, now, lifetime, subject))

    async def keep(
        self, key: bytes, token: int, value: bytes, lifetime: float, bounds: Bounds,
        subject: bytes | None = None,  # noqa: ARG002 - it is known by the claim
    ) -> int:  # fmt: skip
        """Keep *value* for *lifetime* within *bounds*; return how many others had to go for it."""
        now = self._clock()
        return await self._writer.submit(lambda table: table.keep(key, token, value, now, lifetime, bounds))

    async def release(self, key: bytes, token: int) -> None:
        """Release the claim of *token*."""
        await self._writer.submit(lambda table: table.release(key, token))

    async def forget(self, subject: bytes) -> int:
        """Forget all answers of *subject*; return how many there were."""
        return await self._writer.submit(lambda table: table.forget(subject))

    async def aclose(self) -> None:
        """Carry out what was submitted, then close the file."""
        await asyncio.to_thread(self._writer.close)


async def forget_left(folder: Path, subject: bytes) -> int:
    """Forget all answers of *subject* in the file of *folder*, if there is one; return how many there were.

    Raises ``StartupError`` where it cannot be opened, and ``StoreError``.
    """
    if not (folder / FILE).exists():
        return 0
    answers = await asyncio.to_thread(AnswersInFile, folder)
    try:
        return await answers.forget(subject)
    finally:
        await answers.aclose()
