"""What answers tell of limits: fields that many of them have alike are made once."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from aggregator.exchange import Exchange
from aggregator.policies.rate_limit.fields import limit_fields
from aggregator.policies.rate_limit.windows import Charge, Window
from aggregator.runtime.answers.answer import Answer, Tail
from aggregator.stores.rate import Taken

MOST = 4096
"""Words of limits that are remembered, of all limits of a generation together."""
Finish = Callable[[Exchange, Answer], None]


class ToldCharges(tuple[Charge, ...]):
    """The charges of a request whose answer is told the same as many others: *tail* is what it is told."""

    tail: Tail

    @classmethod
    def of(cls, charge: Charge) -> ToldCharges:
        """Return *charge* alone, with its fields."""
        told = cls((charge,))
        told.tail = Tail.of(limit_fields(told))
        return told


class Words:
    """Remembered header values of limits, at most ``MOST`` of what ``of_one`` returned."""

    __slots__ = ("_all", "_count")

    def __init__(self) -> None:
        self._all: list[dict[int, ToldCharges]] = []
        self._count = 0

    def of_one(self) -> dict[int, ToldCharges]:
        """Return the words of one more limit, by a number that its owner chooses."""
        made: dict[int, ToldCharges] = {}
        self._all.append(made)
        return made

    def keep(self, known: dict[int, ToldCharges], number: int, told: ToldCharges) -> ToldCharges:
        """Remember *told* among those that are *known* of its limit; forget all others where there are too many."""
        if self._count >= MOST:
            for one in self._all:
                one.clear()
            self._count = 0
        self._count += 1
        known[number] = told
        return told


def charged(window: Window, remaining: int, reset: float) -> Charge:
    """Return what *window* says of a request that it let through."""
    return Charge(window, Taken(0.0, remaining, ceil(reset)))


def tell_limits(exchange: Exchange, answer: Answer) -> None:
    """Add to *answer* the header fields on the limits of its request."""
    charges = exchange.charges
    if type(charges) is ToldCharges:
        if answer.tail is not None:
            answer.leading = [*answer.leading, *answer.tail.fields]
        answer.tail = charges.tail
    elif charges:
        answer.headers.extend(limit_fields(charges))


def told_limits(finish: Finish | None) -> Finish:
    """Return *finish*, and behind it what tells the client what is left of its limits."""
    if finish is None:
        return tell_limits

    def finished(exchange: Exchange, answer: Answer) -> None:
        finish(exchange, answer)
        tell_limits(exchange, answer)

    return finished
