"""What a request passes before its inputs are read: who calls, from where, how often, at what time.

The order is that of ``plan/order/request.py``. A gate that knows at once answers at once, so that an endpoint
whose gates need no waiting stays on the direct way, without a task. One that has to wait tells its verdict later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.transport.door import Cancelable

Told = Callable[[Answer | BaseException | None], None]
"""Takes the verdict that was waited for: None admits, an answer refuses, an error was raised in place of either."""


class Waiting(Protocol):
    """The verdict of a gate that has to wait: nothing is asked before ``start``."""

    def start(self, told: Told) -> Cancelable:
        """Ask; *told* gets the verdict once, maybe before this returns, unless it is cancelled."""


Verdict = Answer | Waiting | None
"""None admits the request, an answer refuses it."""


class Gate(Protocol):
    """One condition of an endpoint. May raise ``Refusal`` instead of making an answer of its own."""

    def check(self, exchange: Exchange) -> Verdict:
        """Return whether the request of *exchange* may go on; what it found out stands in *exchange* then."""


class InTask:
    """The verdict that *ask* comes to, in a task."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, Answer | None]]) -> None:
        self._ask = ask

    def start(self, told: Told) -> Cancelable:
        """Ask in a task."""
        task = asyncio.get_running_loop().create_task(self._ask())
        task.add_done_callback(partial(_tell, told))
        return task


def _tell(told: Told, task: asyncio.Task[Answer | None]) -> None:
    if not task.cancelled():
        told(task.exception() or task.result())


async def admitted(gates: tuple[Gate, ...], exchange: Exchange) -> Answer | None:
    """Return the answer that refuses the request of *exchange*; None when all of *gates* admit it, each in its turn."""
    for gate in gates:
        verdict = gate.check(exchange)
        if verdict is not None and not isinstance(verdict, Answer):
            verdict = await _settled(verdict)
        if verdict is not None:
            return verdict
    return None


async def _settled(waiting: Waiting) -> Answer | None:
    done: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
    asking = waiting.start(partial(_settle, done))
    try:
        return await done
    except BaseException:
        asking.cancel()
        raise


def _settle(done: asyncio.Future[Answer | None], verdict: Answer | BaseException | None) -> None:
    if done.done():
        return
    if isinstance(verdict, BaseException):
        done.set_exception(verdict)
    else:
        done.set_result(verdict)


class Admission:
    """A request that waits for a gate on the direct way, then meets the *rest* of them; what runs once it is through.

    States: waiting (*_under_way* is what the gate asks), going on (it is what *begin* returned), over. ``cancel`` ends
    either. *refuse* gets the answer that refuses, or what was raised: by a gate, or by *begin*.
    """

    __slots__ = ("_begin", "_exchange", "_is_over", "_refuse", "_rest", "_under_way")

    def __init__(
        self, rest: tuple[Gate, ...], exchange: Exchange, refuse: Callable[[Answer | BaseException], None],
        begin: Callable[[], Cancelable | None],
    ) -> None:  # fmt: skip
        self._rest = rest
        self._exchange = exchange
        self._refuse = refuse
        self._begin = begin
        self._under_way: Cancelable | None = None
        self._is_over = False

    def wait(self, verdict: Waiting) -> None:
        """Wait for *verdict*."""
        self._under_way = None
        asking = verdict.start(self._go_on)
        if self._under_way is None:  # else it was told already, and something else is under way
            self._under_way = asking

    def _go_on(self, verdict: Verdict | BaseException) -> None:
        if self._is_over:
            return
        try:
            while verdict is None and self._rest:
                gate, self._rest = self._rest[0], self._rest[1:]
                verdict = gate.check(self._exchange)
            if verdict is None:
                self._under_way = self._begin()
        except Exception as error:
            verdict = error
        if verdict is None:
            return
        if isinstance(verdict, Answer) or isinstance(verdict, BaseException):  # noqa: SIM101 - a union is made each time
            self._is_over, self._under_way = True, None
            self._refuse(verdict)
        else:
            self.wait(verdict)

    def cancel(self) -> None:
        """Cancel the gate under way."""
        self._is_over = True
        if self._under_way is not None:
            self._under_way.cancel()
