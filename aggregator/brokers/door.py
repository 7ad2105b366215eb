"""The door to a broker: messages in a bounded number, over one connection that is opened when it is needed.

closed      the first message opens it, all that come meanwhile wait for that
open        messages are under way, each until the broker has it or its time is over
closed      the broker has gone: what was under way fails, the next message opens it again
over        `aclose`: what is under way fails
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Unpack

from aggregator.brokers.link import Link
from aggregator.brokers.message import message_of
from aggregator.errors import CallError, Cause
from aggregator.transport.door import Cancelable, Done, Door, StreamTerms
from aggregator.transport.failures import RESET, TOO_LATE
from aggregator.transport.replies import Reply, StreamReply
from aggregator.transport.settings import PoolSettings

ACCEPTED = 202
"""The status of a message that the broker has: what becomes of it is not known (RFC 9110 §15.3.3)."""


class BrokerDoor(Door):
    """Sends the requests of calls as messages through *link*; each is told ended when the broker has it."""

    __slots__ = ("_is_over", "_link", "_opened", "_opening", "_sending")

    def __init__(self, settings: PoolSettings, link: Link) -> None:
        super().__init__(settings)
        self._link = link
        self._opening: asyncio.Task[None] | None = None
        self._opened = 0
        self._sending: set[asyncio.Task[Reply | CallError]] = set()
        self._is_over = False

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Cancelable:  # fmt: skip
        """See `Door.start`; the method says nothing to a broker."""
        del method, steps, under_way
        loop = asyncio.get_running_loop()
        if self._is_over:
            return loop.call_soon(done, CallError(*RESET))
        if len(self._sending) >= self.settings.limits.max_waiting:
            return loop.call_soon(done, CallError(Cause.QUEUE_FULL, "Too many messages wait for the broker already."))
        task = loop.create_task(self._carry(target, headers, body, deadline))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return _Carried(task, done)

    async def _carry(self, target: bytes, headers: bytes, body: bytes | None, deadline: float) -> Reply | CallError:
        try:
            return await self._send(target, headers, body, deadline)
        except CallError as error:
            return error
        except TimeoutError:
            return CallError(Cause.DEADLINE, TOO_LATE[Cause.DEADLINE])
        except Exception as error:
            return self._link.failure(error)

    async def _send(self, target: bytes, headers: bytes, body: bytes | None, deadline: float) -> Reply:
        loop = asyncio.get_running_loop()
        started = loop.time()
        message = message_of(target, headers, body)
        async with asyncio.timeout_at(deadline):
            is_open = self._link.is_open
            if not is_open:
                await asyncio.shield(self._open())
            sent = loop.time()
            await self._link.send(message)
        now = loop.time()
        return Reply(ACCEPTED, [], b"", is_open, started, sent, now, now)

    def _open(self) -> asyncio.Task[None]:
        """Return what opens the connection, one for all that wait for it."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._connect())
            self._opening.add_done_callback(_heard)
        return self._opening

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self.settings.timeouts.connect):
                await self._link.open()
        except TimeoutError:
            raise CallError(Cause.CONNECT_TIMEOUT, TOO_LATE[Cause.CONNECT_TIMEOUT]) from None
        self._opened += 1

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """Raise ``CallError``: a broker answers nothing that could be read."""
        del method, target, headers, body, terms
        raise CallError(Cause.PROTOCOL, "A broker answers no requests.")

    def close_idle(self) -> None:
        """See `Door.close_idle`: the one connection is kept."""

    async def aclose(self) -> None:
        """See `Door.aclose`."""
        self._is_over = True
        tasks = [*self._sending, *(() if self._opening is None else (self._opening,))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._link.aclose()

    @property
    def active(self) -> int:
        """The number of messages under way."""
        return len(self._sending)

    @property
    def idle(self) -> int:
        """The number of connections open and free: one, while no message is under way."""
        return int(self._link.is_open and not self._sending)

    @property
    def waiting(self) -> int:
        """The number of messages that wait for the connection to be opened."""
        return 0 if self._link.is_open else len(self._sending)

    @property
    def dialled(self) -> tuple[int, float]:
        """The number of connections opened; the time it took is not measured."""
        return self._opened, 0.0


class _Carried:
    """A message that *task* carries: *done* is told how it ended, once, or never after ``cancel``.

    It is told from outside of the task, which does not run at all when the door closes before its first step.
    """

    __slots__ = ("_done", "_task")

    def __init__(self, task: asyncio.Task[Reply | CallError], done: Done) -> None:
        self._task = task
        self._done: Done | None = done
        task.add_done_callback(self._tell)

    def _tell(self, task: asyncio.Task[Reply | CallError]) -> None:
        if self._done is not None:  # who cancelled it else: the door that is over, or the broker's client by itself
            self._done(CallError(*RESET) if task.cancelled() else task.result())

    def cancel(self) -> None:
        """Cancel the message."""
        self._done = None
        self._task.cancel()


def _heard(task: asyncio.Task[None]) -> None:
    """Retrieve the exception of *task*, which may have no waiter any more."""
    if not task.cancelled():
        task.exception()
