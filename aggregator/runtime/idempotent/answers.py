"""The answers of all idempotent endpoints: where they are kept while the application runs.

in memory ── move ──▶ in a file, in a server, or in memory ── aclose() ──▶ in memory, empty

A claim is kept or given back where it was made, and a place that is left is closed behind its last claim; the key of a
claim that was made in it is under way in the next one, too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from aggregator.policies.idempotency.plan import ANSWER_BOUNDS, AnswerBounds
from aggregator.runtime.repeats import Repeats
from aggregator.stores.answers.contract import Answers
from aggregator.stores.answers.kept import AnswersInFile, AnswersInMemory, forget_left
from aggregator.stores.answers.table import Bounds, Held
from aggregator.stores.effects.contract import EffectStore
from aggregator.stores.redis.answers.store import AnswersInRedis
from aggregator.stores.shared.plan import StorePlan
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.idempotency")


Place: TypeAlias = Path | StorePlan | None
"""A folder or a server, where answers outlive the process; None for its memory, where they do not."""

ENDS: Final = ("made", "replayed", "under_way", "key_reused", "key_missing", "state_unavailable")
"""What requests of idempotent endpoints come to that have a key, or need one."""


def subject_of(text: str) -> bytes:
    """Return the digest under which answers of the subject *text* are found."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Claim(Struct, eq=False):
    """A claim of *request* in *answers*, *until* a time of the loop; it has no *token* before it is made."""

    answers: Answers
    request: bytes
    subject: bytes | None
    until: float
    token: int | None = None


class IdempotentAnswers:
    """Claims and answers by key; *clock* is Unix time. Every method may raise ``StoreError``."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._answers: Answers | None = None
        self._claims: dict[bytes, _Claim] = {}
        self._left: list[Answers] = []
        self._closing: set[asyncio.Future[None]] = set()
        self._bounds = Bounds(ANSWER_BOUNDS.count, ANSWER_BOUNDS.size)
        self._repeats = Repeats(_tell_more)
        self.ends: Counter[str] = Counter()
        """How many requests with a key ended so, by ``ENDS``."""
        self.place: Place = None
        self.folder: Path | None = None
        """Where some may have been left before they were kept in *place*."""

    async def opened(self, place: Place) -> Answers | None:
        """Return what keeps answers in *place*; None where they are there already. Raises ``StartupError``."""
        if place == self.place:
            return None
        if place is None:
            return AnswersInMemory(self._clock)
        if isinstance(place, StorePlan):
            shared = AnswersInRedis(place)
            shared.begin()
            return shared
        return await asyncio.to_thread(AnswersInFile, place, self._clock)

    def move(self, place: Place, answers: Answers) -> None:
        """Keep them in *place* from now on, by means of *answers*, which was opened there."""
        if self._answers is not None:
            self._left.append(self._answers)
        self._answers, self.place = answers, place
        self._close_left()

    def close_soon(self, store: Answers | EffectStore) -> None:
        """Close *store* beside everything else; ``aclose`` waits for it."""
        task = asyncio.ensure_future(store.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def closed(self) -> None:
        """Wait until what is to be closed is."""
        await asyncio.gather(*self._closing)

    def configure(self, plan: AnswerBounds) -> None:
        """Keep as many as *plan* says from now on."""
        self._bounds = Bounds(plan.count, plan.size)

    def _current(self) -> Answers:
        if self._answers is None:
            self._answers = AnswersInMemory(self._clock)
        return self._answers

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Return a token for the one who may make the answer of *key* for *lifetime*, or what is there."""
        answers, now = self._current(), asyncio.get_running_loop().time()
        mine = _Claim(answers, request, subject, now + lifetime)
        there = self._claims.setdefault(key, mine)
        if there.answers is not answers and there.until > now:
            return Held(there.request, None, there.until - now)
        try:
            found = await answers.claim(key, request, lifetime, subject)
        except BaseException:
            self._end(key, mine)
            raise
        if isinstance(found, Held):
            self._end(key, mine)
        else:
            mine.token, self._claims[key] = found, mine
        return found

    async def forget(self, subject: str) -> int:
        """Forget all answers of *subject*; return how many there were."""
        digest = subject_of(subject)
        count = sum([await answers.forget(digest) for answers in (self._current(), *self._left)])
        if self.folder is not None and self.folder != self.place:
            count += await forget_left(self.folder, digest)
        return count

    async def keep(self, key: bytes, token: int, value: bytes, lifetime: float) -> None:
        """Keep *value* for *lifetime*; the log tells when others have to go for it."""
        claim = self._claims.get(key)
        if claim is None or claim.token != token:  # its time was over, and another has it
            return
        try:
            gone = await claim.answers.keep(key, token, value, lifetime, self._bounds, claim.subject)
        finally:
            self._end(key, claim)
        if gone and self._repeats.lets("gone"):
            sentence = "Answers were forgotten before their time, as `server.idempotency` is reached."
            log(_log, logging.WARNING, sentence, count=gone)

    async def release(self, key: bytes, token: int) -> None:
        """Release the claim of *token*."""
        claim = self._claims.get(key)
        if claim is None or claim.token != token:
            return
        try:
            await claim.answers.release(key, token)
        finally:
            self._end(key, claim)

    def tell_unreadable(self) -> None:
        """Log that a kept answer cannot be read: another version of the program has written it."""
        if self._repeats.lets("unreadable"):
            log(_log, logging.ERROR, "A kept answer cannot be read: repeats of its request get 503.")

    def _end(self, key: bytes, claim: _Claim) -> None:
        if self._claims.get(key) is claim:
            del self._claims[key]
        self._close_left()

    def _close_left(self) -> None:
        """Close the places that were left and have no claim any more."""
        if self._left:
            used = {id(claim.answers) for claim in self._claims.values()}
            for answers in [each for each in self._left if id(each) not in used]:
                self._left.remove(answers)
                self.close_soon(answers)

    async def aclose(self) -> None:
        """Close what is open."""
        answers, self._answers, self.place = self._answers, None, None
        self._claims.clear()
        self._close_left()
        if answers is not None:
            await answers.aclose()
        await self.closed()


def _tell_more(what: str, more: int) -> None:
    if what == "unreadable":
        log(_log, logging.ERROR, "More kept answers cannot be read.", count=more)
    else:
        log(_log, logging.WARNING, "More answers were forgotten before their time.", count=more)
