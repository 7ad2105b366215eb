"""A request with a key: the first is answered, and what it got is what every repeat of it gets.

unknown ── claimed ──▶ under way ── an answer below 500 ──▶ answered, for the ttl ──▶ unknown
▲                        │
└── 5xx, or a fault ─────┘
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from typing import Any, Final, Protocol

from aggregator.errors import AggregatorError, Cause, StoreError
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.cache.keys import key_of
from aggregator.policies.idempotency.plan import IdempotencyPlan
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import Receive
from aggregator.runtime.foresight.foreseeing import foresight_of
from aggregator.runtime.foresight.gate import foresee_request
from aggregator.runtime.idempotent.answers import IdempotentAnswers, subject_of
from aggregator.runtime.idempotent.written import read, written
from aggregator.runtime.parts.fanout import Run
from aggregator.stores.answers.table import Held
from aggregator.telemetry.logging import log
from aggregator.templates import MISSING, text_of

REPLAYED: Final = (b"idempotency-replayed", b"true")
_MISSING: Final = "This needs an idempotency key."
_UNDER_WAY: Final = "A request with this idempotency key is being answered already."
_REUSED: Final = "This idempotency key was used for another request."
_UNKNOWN: Final = "Whether this request was answered before cannot be told now."
_UNREADABLE: Final = "This request was answered before, and the answer cannot be read here."
_MARGIN: Final = 10.0
"""Seconds that a claim lasts beyond the deadline of its endpoint, for what is made and stored after it."""
_SOON: Final = 5.0
"""Seconds after which to ask again while the store fails, and the longest that a repeat is told to wait."""
_LARGE: Final = 1024 * 1024
"""Bytes of a body whose digest takes longer than the loop should wait."""
_log = logging.getLogger("aggregator.idempotency")


class Maker(Protocol):
    """The maker of the answers of one endpoint."""

    async def made(self, exchange: Exchange, receive: Receive) -> tuple[Answer, Run | None]:
        """Run its calls, and return the answer with its run; raises ``ClientGone`` when *receive* says so."""


class Idempotency:
    """The requests of one endpoint, *place* in the file, whose answers are there *within* seconds."""

    __slots__ = ("_answers", "_foresight", "_lifetime", "_place", "_plan")

    def __init__(
        self, plan: IdempotencyPlan, answers: IdempotentAnswers, place: tuple[str, str], within: float
    ) -> None:
        self._plan = plan
        self._foresight = foresight_of((plan.key, plan.subject))
        self._answers = answers
        self._place = tuple(piece.encode() for piece in place)
        self._lifetime = within + _MARGIN

    async def serve(self, maker: Maker, exchange: Exchange, receive: Receive) -> tuple[Answer, Run | None]:
        """Return the answer to the request of *exchange*, with its run if *maker* has just made it."""
        await foresee_request(self._foresight, exchange)
        try:
            key = self._key(exchange)
        except AggregatorError as error:
            return _refused(exchange, 400, f"The idempotency key cannot be read: {error}", Cause.INPUT), None
        if key is not None:
            return await self._once(maker, exchange, key)
        if self._plan.required:
            self._answers.ends["key_missing"] += 1
            return _refused(exchange, 400, _MISSING, Cause.KEY_MISSING), None
        return await maker.made(exchange, receive)

    def _key(self, exchange: Exchange) -> bytes | None:
        """Return under what the answer is kept; None where the request has no key."""
        value = self._plan.key.render(Names(exchange))
        if value is None or value is MISSING or value == "":
            return None
        caller = "" if exchange.caller is None else exchange.caller.identity
        return key_of((*self._place, caller.encode(), text_of(value).encode("utf-8", "surrogatepass")))

    def _subject(self, exchange: Exchange) -> bytes | None:
        """Return the digest of whose answer it is; None where nobody knows."""
        if self._plan.subject is None:
            caller = exchange.caller
            return None if caller is None or not caller.subject else subject_of(caller.subject)
        try:
            value = self._plan.subject.render(Names(exchange))
        except AggregatorError:
            return None
        return None if value is None or value is MISSING else subject_of(text_of(value))

    def _again(self, held: Held, request: bytes, exchange: Exchange) -> Answer:
        """Return the answer to one that comes again."""
        ends = self._answers.ends
        if held.request != request:
            ends["key_reused"] += 1
            return _refused(exchange, 422, _REUSED, Cause.KEY_REUSED)
        if held.value is None:
            ends["under_way"] += 1
            return _refused(exchange, 409, _UNDER_WAY, Cause.UNDER_WAY, min(held.left, 1.0))
        answer = read(held.value)
        if answer is None:  # it was answered: to go on would answer it twice
            ends["state_unavailable"] += 1
            self._answers.tell_unreadable()
            return _refused(exchange, 503, _UNREADABLE, Cause.STATE_UNAVAILABLE, _SOON)
        ends["replayed"] += 1
        answer.headers.append(REPLAYED)
        return answer

    async def _once(self, maker: Maker, exchange: Exchange, key: bytes) -> tuple[Answer, Run | None]:
        request = await _digest(exchange)
        try:
            held = await self._answers.claim(key, request, self._lifetime, self._subject(exchange))
        except StoreError:
            self._answers.ends["state_unavailable"] += 1
            return _refused(exchange, 503, _UNKNOWN, Cause.STATE_UNAVAILABLE, _SOON), None
        if isinstance(held, Held):
            return self._again(held, request, exchange), None
        self._answers.ends["made"] += 1
        try:
            answer, run = await maker.made(exchange, _stays)  # it goes on when its client leaves
        except BaseException:
            await self._release(key, held)
            raise
        await self._keep(key, held, answer)
        return answer, run

    async def _keep(self, key: bytes, token: int, answer: Answer) -> None:
        if answer.status >= 500:
            await self._release(key, token)
            return
        try:
            await self._answers.keep(key, token, written(answer), self._plan.ttl)
        except StoreError as error:
            log(_log, logging.ERROR, "An answer could not be kept: a repeat of its request makes its calls again.",
                reason=str(error))  # fmt: skip

    async def _release(self, key: bytes, token: int) -> None:
        with suppress(StoreError):  # the claim ends by itself
            await asyncio.shield(self._answers.release(key, token))


async def _digest(exchange: Exchange) -> bytes:
    """Return what tells the request of *exchange* from others: method, path, query and body."""
    path = exchange.path.encode("utf-8", "surrogatepass")
    pieces = (exchange.method.encode(), path, exchange.query_string, exchange.body)
    return key_of(pieces) if len(exchange.body) < _LARGE else await asyncio.to_thread(key_of, pieces)


def _refused(exchange: Exchange, status: int, detail: str, cause: Cause, seconds: float | None = None) -> Answer:
    wait = () if seconds is None else ((b"retry-after", b"%d" % math.ceil(seconds)),)
    return problem(status, detail, request_id=exchange.id, headers=wait, cause=cause.value)


async def _stays() -> Any:
    """Wait for ever: a client that leaves is not noticed."""
    await asyncio.get_running_loop().create_future()
