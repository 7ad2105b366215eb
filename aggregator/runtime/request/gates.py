"""What a request passes before its inputs are read: who calls, from where, how often, at what time.

The order is that of ``plan/order/request.py``. A gate that knows at once answers at once, so that an endpoint
whose gates need no waiting stays on the direct way, without a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from msgspec import Struct

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer


class Waiting(Struct, frozen=True):
    """The verdict of a gate that has to wait: *ask* begins to, and comes to the answer that refuses, or None.

    It is a function, so that a request which is given up before its turn leaves nothing unawaited.
    """

    ask: Callable[[], Awaitable[Answer | None]]


Verdict = Answer | Waiting | None
"""None admits the request, an answer refuses it."""


class Gate(Protocol):
    """One condition of an endpoint. May raise ``Refusal`` instead of making an answer of its own."""

    def check(self, exchange: Exchange) -> Verdict:
        """Return whether the request of *exchange* may go on; what it found out stands in *exchange* then."""


def check_gates(gates: tuple[Gate, ...], exchange: Exchange) -> Answer | Coroutine[Any, Any, Answer | None] | None:
    """Return the verdict of *gates*, each asked when the ones before it have admitted the request."""
    for number, gate in enumerate(gates):
        verdict = gate.check(exchange)
        if verdict is not None:
            return held_up(verdict, gates[number + 1 :], exchange)
    return None


def held_up(
    verdict: Answer | Waiting, rest: tuple[Gate, ...], exchange: Exchange
) -> Answer | Coroutine[Any, Any, Answer | None]:
    """Return *verdict* of a gate; where that has to wait, what comes to its verdict and then that of the *rest*."""
    return verdict if isinstance(verdict, Answer) else _await_rest(verdict, rest, exchange)


async def _await_rest(verdict: Waiting, rest: tuple[Gate, ...], exchange: Exchange) -> Answer | None:
    answer = await verdict.ask()
    if answer is not None:
        return answer
    found = check_gates(rest, exchange)
    return found if found is None or isinstance(found, Answer) else await found


async def admitted(gates: tuple[Gate, ...], exchange: Exchange) -> Answer | None:
    """Return the answer that refuses the request of *exchange*; None when all of *gates* admit it."""
    found = check_gates(gates, exchange)
    return found if found is None or isinstance(found, Answer) else await found


class Admission:
    """A request that waits for a gate on the direct way, and what runs once it is through.

    States: waiting (*_task* runs), going on (*_next* is what *begin* returned), over. ``cancel`` ends either.
    """

    __slots__ = ("_next", "_task")

    def __init__(
        self,
        verdict: Coroutine[Any, Any, Answer | None],
        loop: asyncio.AbstractEventLoop,
        refuse: Callable[[Answer | BaseException], None],
        begin: Callable[[], Any],
    ) -> None:
        self._next: Any = None
        self._task = loop.create_task(verdict)
        self._task.add_done_callback(lambda task: self._go_on(task, refuse, begin))

    def _go_on(
        self,
        task: asyncio.Task[Answer | None],
        refuse: Callable[[Answer | BaseException], None],
        begin: Callable[[], Any],
    ) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            refuse(error)
        elif (answer := task.result()) is not None:
            refuse(answer)
        else:
            self._next = begin()

    def cancel(self) -> None:
        """Give up the request."""
        self._task.cancel()
        if self._next is not None:
            self._next.cancel()
