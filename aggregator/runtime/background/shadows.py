"""Shadows: a share of the requests of an endpoint, sent to another upstream as well, whose replies nobody reads.

They are begun when the answer has left, in a queue and by workers of their own: what does not fit is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Final

from msgspec import Struct

from aggregator.parts.names import Names
from aggregator.plan.serving import BackgroundPlan
from aggregator.policies.degrade.pressure import Pressure
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.background.effects import Effect, EffectQueue

QUEUE: Final = BackgroundPlan(workers=16, queue=100, when_full="drop_new")
"""What all shadows of a process have together."""


class ShadowQueue(EffectQueue):
    """The queue of all shadows, which counts those that were not made, too, by the reason: `share`, `pressure`."""

    def __init__(self, plan: BackgroundPlan = QUEUE) -> None:
        super().__init__(plan)
        self.not_made = {"share": 0, "pressure": 0}


class Shadow(Struct, frozen=True):
    """A call beside, for a *share* of the requests."""

    effect: Effect
    share: float


class Shadows(Struct, frozen=True, eq=False):
    """The *shadows* of an endpoint, none of which is made while the *pressure* is sparing.

    *draw* gives numbers from 0 to 1, which is never drawn.
    """

    shadows: tuple[Shadow, ...]
    queue: ShadowQueue
    pressure: Pressure | None = None
    draw: Callable[[], float] = random

    def put(self, names: Names, answer: Answer) -> None:
        """Queue those that the request with *names* gets; never waits, never raises."""
        if self.pressure is not None and self.pressure.is_sparing:
            self.queue.not_made["pressure"] += len(self.shadows)
            return
        chosen = tuple(one.effect for one in self.shadows if self.draw() < one.share)
        self.queue.not_made["share"] += len(self.shadows) - len(chosen)
        if chosen:
            self.queue.put(chosen, names, answer)
