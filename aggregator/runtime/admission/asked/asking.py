"""Somebody else is asked about a credential: once for all who wait, and not again while the answer is remembered.

States of a credential: unknown, asked about (one task, for all who wait), right or wrong (until the answer is too old).
What nobody answered is not remembered: the next request asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable

from aggregator.identity.caller import Caller, Refused
from aggregator.identity.remembered import Remembered
from aggregator.runtime.admission.schemes import REMEMBERED, Clocks, Unavailable
from aggregator.runtime.repeats import Repeats
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.auth")

MOST = 256
"""Credentials that are asked about at the same time; beyond them callers get 503 at once."""
SOON = 1.0
"""Seconds after which a caller may try again whose credential nobody could judge."""

Question = Callable[[], Awaitable[Caller]]
"""Comes to the caller; raises ``Refused``, and ``Unanswered`` when there is no answer."""
Verdict = Caller | Refused | Unavailable


class Unanswered(Exception):  # noqa: N818 - an outcome, not a fault
    """Whoever was asked gave no answer, for *reason*, which is for the log."""

    def __init__(self, reason: str, retry_after: float = SOON) -> None:
        self.reason, self.retry_after = reason, retry_after
        super().__init__(reason)


class Asking:
    """The verdicts of the scheme *name*, each remembered for *life* seconds, none for longer than it holds.

    A question may take *timeout* seconds.
    """

    def __init__(self, name: str, life: float, timeout: float, clocks: Clocks) -> None:
        self._name, self._life, self._timeout = name, life, timeout
        self._clocks = clocks
        self._verdicts: Remembered[Verdict] = Remembered(REMEMBERED, clocks.steady)
        self._asked: dict[bytes, asyncio.Task[Verdict]] = {}
        self._repeats: Repeats[str] = Repeats(self._tell_more)

    def known(self, credential: bytes) -> Caller | None:
        """Return the caller of *credential* if it was right a moment ago; raises ``Refused`` if it was wrong."""
        verdict = self._verdicts.get(credential) if self._life else None
        return None if verdict is None else _said(verdict)

    async def settled(self, credential: bytes, question: Question, latest: float) -> Caller:
        """Return the caller that *question* comes to, until *latest* (loop time).

        Raises ``Refused``, and ``Unavailable`` when nobody answers in time, or when too many are asked about.
        """
        key = hashlib.sha256(credential).digest()
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= MOST:
                self._tell("too many are asked about at once")
                raise Unavailable(SOON)
            task = self._asked[key] = asyncio.get_running_loop().create_task(self._ask(credential, question))
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        wait = min(self._timeout, latest - asyncio.get_running_loop().time())
        await asyncio.wait([task], timeout=max(0.0, wait))
        if not task.done() or task.cancelled():
            raise Unavailable(SOON)
        return _said(task.result())

    async def _ask(self, credential: bytes, question: Question) -> Verdict:
        now = self._clocks.wall()
        verdict: Verdict
        try:
            async with asyncio.timeout(self._timeout):
                verdict = await question()
        except Refused as refused:
            verdict, life = refused, self._life
        except (Unanswered, TimeoutError) as error:
            said = error if isinstance(error, Unanswered) else Unanswered("it took too long")
            self._tell(said.reason)
            return Unavailable(said.retry_after)
        else:
            life = min(self._life, verdict.until - now)
        if life > 0:
            self._verdicts.keep(credential, verdict, self._clocks.steady() + life)
        return verdict

    def _tell(self, reason: str) -> None:
        if self._repeats.lets(reason):
            log(_log, logging.WARNING, "Nobody said whether a credential is right.", scheme=self._name, reason=reason)

    def _tell_more(self, reason: str, more: int) -> None:
        log(_log, logging.WARNING, "More credentials that nobody judged.", scheme=self._name, reason=reason, count=more)


def _said(verdict: Verdict) -> Caller:
    """Return the caller of *verdict*; raises a copy of any other: one that was raised holds what it went through."""
    if isinstance(verdict, Caller):
        return verdict
    raise verdict.copy()
