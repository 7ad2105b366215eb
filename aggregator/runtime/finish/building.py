"""From the plan of what answers carry to one function; the order of its steps is written here."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.exchange import Exchange
from aggregator.plan.edge import EdgePlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.finish.errors import OwnErrors
from aggregator.runtime.finish.headers import CorsHeaders, FixedHeaders, MadeHeaders

Finish = Callable[[Exchange, Answer], None]
"""Changes an answer before it is sent."""


def compile_finish(plan: EdgePlan) -> Finish | None:
    """Return what is done to each answer of *plan*; None when nothing is."""
    steps: list[Finish] = []
    if plan.errors:
        steps.append(OwnErrors(plan.errors))
    if plan.made:
        steps.append(MadeHeaders(plan.made))
    if plan.fixed:
        steps.append(FixedHeaders(plan.fixed))
    if plan.cors is not None:
        steps.append(CorsHeaders(plan.cors))
    return _together(tuple(steps)) if len(steps) > 1 else steps[0] if steps else None


def _together(steps: tuple[Finish, ...]) -> Finish:
    def finish(exchange: Exchange, answer: Answer) -> None:
        for step in steps:
            step(exchange, answer)

    return finish
