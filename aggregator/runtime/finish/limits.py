"""What answers tell of limits: fields that many of them have alike are made once."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from aggregator.exchange import Exchange
from aggregator.policies.rate_limit.fields import limit_fields
from aggregator.policies.rate_limit.windows import Window
from aggregator.runtime.answers.answer import Answer, Tail

_MOST = 4096
"""Tails that are remembered, of all limits together."""
Finish = Callable[[Exchange, Answer], None]


def told_limits(finish: Finish | None) -> Finish:
    """Return *finish*, and behind it what tells the client what is left of its limits."""
    known: dict[tuple[Window, int, int], Tail] = {}

    def finished(exchange: Exchange, answer: Answer) -> None:
        if finish is not None:
            finish(exchange, answer)
        charges = exchange.charges
        if not charges:
            return
        window, taken = charges[0]
        if len(charges) > 1 or not window.repeats:
            answer.headers.extend(limit_fields(charges))
            return
        if answer.tail is not None:
            answer.leading = [*answer.leading, *answer.tail.fields]
        key = window, taken.remaining, ceil(taken.reset)
        tail = known.get(key)
        if tail is None:
            if len(known) >= _MOST:
                known.clear()
            tail = known[key] = Tail.of(limit_fields(charges))
        answer.tail = tail

    return finished
