"""The answers of all idempotent endpoints: where they are kept while the application runs.

in memory ── open(folder) ──▶ in a file ── aclose() ──▶ in memory, empty
    └── open(store) ──▶ in a server ── aclose() ──▶ in memory, empty
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from aggregator.policies.idempotency.plan import ANSWER_BOUNDS, AnswerBounds
from aggregator.runtime.repeats import Repeats
from aggregator.stores.answers.contract import Answers
from aggregator.stores.answers.kept import AnswersInFile, AnswersInMemory
from aggregator.stores.answers.table import Bounds, Held
from aggregator.stores.redis.answers.store import AnswersInRedis
from aggregator.stores.shared.plan import StorePlan
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.idempotency")


ENDS: Final = ("made", "replayed", "under_way", "key_reused", "key_missing", "state_unavailable")
"""What requests of idempotent endpoints come to that have a key, or need one."""


def subject_of(text: str) -> bytes:
    """Return the digest under which answers of the subject *text* are found."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class IdempotentAnswers:
    """Claims and answers by key; *clock* is Unix time. Every method may raise ``StoreError``."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._answers: Answers | None = None
        self._bounds = Bounds(ANSWER_BOUNDS.count, ANSWER_BOUNDS.size)
        self._repeats = Repeats(_tell_more)
        self.ends: Counter[str] = Counter()
        """How many requests with a key ended so, by ``ENDS``."""
        self.place: Path | StorePlan | None = None
        """Where they outlive the process; None where they do not."""

    async def open(self, place: Path | StorePlan) -> None:
        """Keep them in *place* from now on, a folder or a server; raises ``StartupError`` for a folder."""
        if place == self.place:
            return
        answers: Answers
        if isinstance(place, StorePlan):
            answers = AnswersInRedis(place)
        else:
            answers = await asyncio.to_thread(AnswersInFile, place, self._clock)
        await self.aclose()
        self._answers, self.place = answers, place

    def configure(self, plan: AnswerBounds) -> None:
        """Keep as many as *plan* says from now on."""
        self._bounds = Bounds(plan.count, plan.size)

    def _opened(self) -> Answers:
        if self._answers is None:
            self._answers = AnswersInMemory(self._clock)
        return self._answers

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Return a token for the one who may make the answer of *key* for *lifetime*, or what is there."""
        return await self._opened().claim(key, request, lifetime, subject)

    async def forget(self, subject: str) -> int:
        """Forget all answers of *subject*; return how many there were."""
        return await self._opened().forget(subject_of(subject))

    async def keep(self, key: bytes, token: int, value: bytes, lifetime: float) -> None:
        """Keep *value* for *lifetime*; the log tells when others have to go for it."""
        gone = await self._opened().keep(key, token, value, lifetime, self._bounds)
        if gone and self._repeats.lets("gone"):
            sentence = "Answers were forgotten before their time, as `server.idempotency` is reached."
            log(_log, logging.WARNING, sentence, count=gone)

    async def release(self, key: bytes, token: int) -> None:
        """Give back the claim of *token*."""
        await self._opened().release(key, token)

    async def aclose(self) -> None:
        """Close what is open."""
        answers, self._answers, self.place = self._answers, None, None
        if answers is not None:
            await answers.aclose()


def _tell_more(_: str, more: int) -> None:
    log(_log, logging.WARNING, "More answers were forgotten before their time.", count=more)
