"""What is done to answers on the direct way: each function returns *answered* with one step before it."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.compressing import Compressing
from aggregator.runtime.finish.building import Finish
from aggregator.runtime.parts.fanout import Run

Answered = Callable[[Answer, Run | None], None]


def finished(finish: Finish, exchange: Exchange, answered: Answered) -> Answered:
    """Return *answered* behind *finish*."""

    def done(answer: Answer, run: Run | None) -> None:
        finish(exchange, answer)
        answered(answer, run)

    return done


def coded(compressing: Compressing, exchange: Exchange, answered: Answered) -> Answered:
    """Return *answered* behind *compressing*."""

    def done(answer: Answer, run: Run | None) -> None:
        compressing.code(exchange, answer, lambda: answered(answer, run))

    return done
