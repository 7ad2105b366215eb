"""Which of several calls a request gets, by weight: by chance, or by a key that stays with what it has got.

A key takes the call with the highest score (weighted rendezvous hashing, Schindelhauer and Schomaker 2005). When a
weight grows, only the score of that call does: keys move to it, and none moves away from it or between others.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from itertools import accumulate
from math import log
from random import random

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.policies.routing.plan import ChancePlan
from aggregator.templates import MISSING, Expression, text_of
from aggregator.transport.door import Cancelable

_RANGE = 2.0**52
"""Numbers below it and a half are exact, so that none of them divided by it is 1, whose logarithm is none."""


def choice_of(plan: ChancePlan, names: Names, draw: Callable[[], float] = random) -> int:
    """Return the number of the call that a request with *names* gets.

    One that has no key gets what is drawn: *draw* gives numbers from 0 to 1, which is never drawn.
    """
    key = _key(plan.sticky, names)
    if key is None:
        ends = list(accumulate(plan.weights))
        return bisect(ends, draw() * ends[-1])
    scores = [_score(weight, key, url) for weight, url in zip(plan.weights, plan.urls, strict=True)]
    return max(range(len(scores)), key=scores.__getitem__)


def _key(sticky: Expression | None, names: Names) -> str | None:
    if sticky is None:
        return None
    try:
        value = sticky.evaluate(names)
        return None if value is None or value is MISSING else text_of(value)
    except AggregatorError:  # such as the subject of a caller that nobody asked for
        return None


def _score(weight: int, key: str, url: str) -> float:
    digest = blake2b(f"{url}\n{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return weight / -log(((int.from_bytes(digest) >> 12) + 0.5) / _RANGE)


class Chosen:
    """The call *name*: one of *calls*, each with the label of its upstream, which its result names."""

    __slots__ = ("_calls", "_plan", "name")

    def __init__(self, name: str, plan: ChancePlan, calls: tuple[tuple[Part, str], ...]) -> None:
        self.name = name
        self._plan = plan
        self._calls = calls

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Make one of the calls."""
        part, label = self._calls[choice_of(self._plan, frame.names)]
        return part.start(frame, partial(_named, done, label))


def _named(done: Done, label: str, result: Result) -> None:
    result.chosen = label
    done(result)
