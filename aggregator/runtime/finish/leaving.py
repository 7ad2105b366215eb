"""What an answer meets between its making and its leaving, in the order that ``plan/order/request.py`` declares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.compressing import Compressing
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.finish.building import Finish
from aggregator.runtime.finish.provenance import Telling
from aggregator.runtime.finish.purging import Purging
from aggregator.runtime.finish.timing import tell_times
from aggregator.runtime.parts.fanout import Run

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
        """Do all steps to *answer*; *answered* gets it then: before this returns, unless a thread codes its body."""
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
        """Do all steps to *answer*, and wait until they are done."""
        if self.compressing is None:
            self.leave(exchange, _nobody, answer, run)
            return
        ready = asyncio.get_running_loop().create_future()
        self.leave(exchange, lambda *_: ready.set_result(None), answer, run)
        await ready


def _nobody(_: Answer, __: Run | None) -> None:
    """Tell nobody: who did the steps goes on."""
