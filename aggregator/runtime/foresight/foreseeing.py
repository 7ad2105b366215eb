"""Expressions of long values, evaluated in a thread: who needs one in the loop finds what it came to.

Something is foreseen just before it is needed, so that what refuses a request earlier spares it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.parts.names import Names
from aggregator.plan.analysis.roots import short_with, slow_in
from aggregator.runtime.coding import given, read_aside
from aggregator.runtime.foresight.reading import LongReads
from aggregator.runtime.jobs import Outcome
from aggregator.templates import MISSING, Expression, Known, known_of
from aggregator.transport.door import Cancelable


class Foresight:
    """The *expressions* that are evaluated ahead where what they read, *reads*, is long."""

    __slots__ = ("_expressions", "_reads")

    def __init__(self, expressions: tuple[Expression, ...], reads: LongReads) -> None:
        self._expressions = expressions
        self._reads = reads

    def is_due(self, names: Names) -> bool:
        """Return whether evaluating them by *names* may take more than a few milliseconds."""
        return self._reads.are_long(names)

    def evaluate(self, names: Names, known: dict[object, Known]) -> None:
        """Add to *known* what each comes to that reads nothing but what is there: work for a thread."""
        for one in self._expressions:
            if one.source not in known and all(_is_there(reference, names) for reference in one.references):
                known[one.source] = known_of(partial(one.evaluate, names), one.roots)

    def refuse(self, error: AggregatorError, known: dict[object, Known]) -> None:
        """Note *error* as the outcome of every expression that is not *known*."""
        for one in self._expressions:
            known.setdefault(one.source, Known(None, error, one.roots))


def foresight_of(value: Any, params: tuple[str, ...] = ()) -> Foresight | None:
    """Return what foresees the expressions in *value*, None where none of them may take long.

    Path parameters, *params*, are short.
    """
    expressions = slow_in(value, params)
    if not expressions:
        return None
    roots = frozenset[str]().union(*(one.roots for one in expressions))
    return Foresight(expressions, LongReads(roots - short_with(params)))


def _is_there(reference: tuple[str, ...], names: Names) -> bool:
    """Return whether what *reference* leads to stays what it is: a result that is awaited is none yet."""
    root = reference[0]
    if root == "calls":
        return len(reference) > 1 and names.result(reference[1]) is not None
    return names.result(root) is not None or names.get(root, MISSING) is not MISSING


def own_known(names: Names) -> dict[object, Known]:
    """Return what is known of *names*, to add to: what they had from others stays apart."""
    behind = names.exchange.known if names.parent is None else names.parent.known
    if names.known is None or names.known is behind or not isinstance(names.known, dict):
        names.known = dict(names.known or ())
    assert isinstance(names.known, dict)
    return names.known


def foresee(
    foresight: Foresight, names: Names, loop: asyncio.AbstractEventLoop, deadline: float, go_on: Callable[[], None]
) -> Cancelable | None:
    """Evaluate the expressions of *foresight* in a thread, until *deadline* (loop time), then *go_on*.

    Where the thread does not manage, whoever needs a value meets the error.
    """
    known = own_known(names)

    def over(outcome: Outcome) -> None:
        try:
            given(outcome)
        except AggregatorError as error:
            foresight.refuse(error, known)
        go_on()

    work, under_way = partial(foresight.evaluate, names, known), names.exchange.under_way
    return read_aside(loop, work, over, deadline, under_way=under_way)


async def foreseen(foresight: Foresight | None, names: Names, deadline: float) -> None:
    """Evaluate what *foresight* says in a thread, until *deadline* (loop time), where that may take long."""
    if foresight is None or not foresight.is_due(names):
        return
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    ticket = foresee(foresight, names, loop, deadline, ready.set)
    try:
        await ready.wait()
    finally:
        if ticket is not None:
            ticket.cancel()
