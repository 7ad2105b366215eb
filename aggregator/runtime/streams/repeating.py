"""A stream that is asked for more than once: until a reply begins that may be handed on, before any byte of it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aggregator.errors import CallError
from aggregator.parts.result import Result
from aggregator.policies.retry.budget import Budget
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.retry.retrying import Course
from aggregator.transport import Reply, StreamReply


class Retrying(NamedTuple):
    """The retries of a stream, and the budget of its upstream."""

    plan: RetryPlan
    budget: Budget


Ask = Callable[[float], Awaitable[StreamReply]]
"""Takes how many seconds the head of the reply may take; raises CallError."""
Judge = Callable[[StreamReply | CallError, float], Result | None]
"""Takes what an attempt came to and when it began; gives its failure, None for a reply that is handed on."""


async def repeated(course: Course, ask: Ask, judge: Judge) -> StreamReply:
    """Return the reply that *course* ends with. Raises CallError when its last attempt did."""
    clock = asyncio.get_running_loop().time
    while True:
        started = clock()
        outcome = await _outcome(ask, course.due(started) - started)
        failure = judge(outcome, started)
        pause = None if failure is None else course.pause_after(failure, clock())
        if pause is None:
            if isinstance(outcome, CallError):
                raise outcome
            return outcome
        if not isinstance(outcome, CallError):
            await outcome.aclose()
        await asyncio.sleep(pause)


async def _outcome(ask: Ask, seconds: float) -> StreamReply | CallError:
    try:
        return await ask(seconds)
    except CallError as error:
        return error.with_traceback(None)


def as_whole(outcome: StreamReply | CallError) -> Reply | CallError:
    """Return *outcome* as what a call comes to: a reply without its body."""
    return outcome if isinstance(outcome, CallError) else Reply(outcome.status, outcome.headers, b"")
