"""The gate behind which values of expressions are known that read the long body of a request."""

from __future__ import annotations

from functools import partial

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.runtime.foresight.foreseeing import Foresight, foreseen
from aggregator.runtime.request.gates import InTask, Waiting


class ForesightGate:
    """A gate that every request passes, once *foresight* has evaluated what the gates behind it need."""

    def __init__(self, foresight: Foresight) -> None:
        self._foresight = foresight

    def check(self, exchange: Exchange) -> Waiting | None:
        """Return what evaluates in a thread, None where that takes no time."""
        return InTask(partial(self._foresee, exchange)) if self._foresight.is_due(Names(exchange)) else None

    async def _foresee(self, exchange: Exchange) -> None:
        await foresee_request(self._foresight, exchange)


async def foresee_request(foresight: Foresight | None, exchange: Exchange) -> None:
    """Evaluate what *foresight* says of a request in a thread, for all who look at it from now on."""
    if foresight is None:
        return
    names = Names(exchange)
    await foreseen(foresight, names, exchange.deadline)
    exchange.known = names.known
