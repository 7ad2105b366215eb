"""What an answer meets between its making and its leaving, in the order that ``plan/order/request.py`` declares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from aggregator.exchange import Exchange
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.answer import PRIVATE, Answer, Tail
from aggregator.runtime.answers.compressing import Compressing
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.finish.building import Finish
from aggregator.runtime.finish.limits import ToldCharges, tell_limits
from aggregator.runtime.finish.provenance import Telling
from aggregator.runtime.finish.purging import Purging
from aggregator.runtime.finish.timing import tell_times
from aggregator.runtime.parts.fanout import Run

Making = Callable[[Run], Answer]
"""Makes the answer to a run that has ended."""
Answered = Callable[[Answer, Run | None], None]
"""Takes the answer and the run that it came from; None when the request was refused."""


class Leaving(Struct, frozen=True):
    """The steps of an answer that is made; None for each that an endpoint does not have.

    *purging* forgets what a success makes old, *timing* says to whom the times of parts are told, *provenance* tells
    who may read it where the keys come from, *finish* is what is done to every answer, *compressing* codes its body.
    """

    purging: Purging | None = None
    timing: Discloses | None = None
    provenance: Telling | None = None
    finish: Finish | None = None
    compressing: Compressing | None = None

    def leave(self, exchange: Exchange, answered: Answered, answer: Answer, run: Run | None) -> None:
        """Apply all steps to *answer*, then pass it to *answered*: before this returns, unless a thread codes it."""
        if self.purging is not None:
            self.purging(answer, run)
        if self.timing is not None:
            tell_times(self.timing, exchange, answer, run)
        if self.provenance is not None:
            self.provenance(exchange, answer, run)
        if self.finish is not None:
            self.finish(exchange, answer)
        if self.compressing is None:
            answered(answer, run)
        else:
            self.compressing.code(exchange, answer, lambda: answered(answer, run))

    async def left(self, exchange: Exchange, answer: Answer, run: Run | None) -> None:
        """Apply all steps to *answer*, and wait until they are done."""
        if self.compressing is None:
            self.leave(exchange, _nobody, answer, run)
            return
        ready = asyncio.get_running_loop().create_future()
        self.leave(exchange, lambda *_: ready.set_result(None), answer, run)
        await ready


class Finishing(Leaving, frozen=True):
    """The same where an answer meets nothing but *finish*, as that of most endpoints with callers."""

    def leave(self, exchange: Exchange, answered: Answered, answer: Answer, run: Run | None) -> None:
        """Apply the one step to *answer*, and pass it to *answered* before this returns."""
        assert self.finish is not None
        self.finish(exchange, answer)
        answered(answer, run)


def leaving_of(steps: Leaving) -> Leaving | None:
    """Return *steps* with no more to do for each answer than there is, None where there are none."""
    if steps == _NOTHING:
        return None
    alone = Finishing(finish=steps.finish)
    return alone if steps == Leaving(finish=steps.finish) else steps


def constant_tail(plan: EndpointPlan, leaving: Leaving | None, private: Finish) -> Tail | None:
    """Return ``PRIVATE`` where *private* is all that is done to good answers of *plan*, so that it is known at load."""
    response = plan.response
    if plan.keeping is not None or response.pass_headers or response.headers or response.cookies:
        return None
    if response.cache_control is not None:
        return None
    return PRIVATE if leaving == Finishing(finish=private) and plan.idempotency is None else None


def whole_maker(leaving: Leaving | None, plain: Making) -> Making | None:
    """Return what makes an answer by *plain* and does to it all that *leaving* does; None where that may take time."""
    if leaving is None:
        return plain
    finish = leaving.finish
    if not isinstance(leaving, Finishing) or finish is None:
        return None

    def finished(run: Run) -> Answer:
        answer = plain(run)
        if answer.tail is not PRIVATE:  # else all that is done to it was known at load
            finish(run.frame.exchange, answer)
        return answer

    def told(run: Run) -> Answer:
        answer = plain(run)
        charges = run.frame.exchange.charges
        if answer.tail is None and type(charges) is ToldCharges:  # as nearly always
            answer.tail = charges.tail
        else:
            tell_limits(run.frame.exchange, answer)
        return answer

    return told if finish is tell_limits else finished


_NOTHING = Leaving()


def leave(leaving: Leaving | None, exchange: Exchange, answered: Answered) -> Answered:
    """Return *answered* behind the steps of *leaving*."""
    return answered if leaving is None else partial(leaving.leave, exchange, answered)


def _nobody(_: Answer, __: Run | None) -> None:
    """Do nothing: the caller of the steps continues."""
