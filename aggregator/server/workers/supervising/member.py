"""A worker as the supervisor knows it.

starting   the process is there; `Opened` asks for what operators have done before, then `ready` comes, or `ended`
serving    `ready` came; beats are heard
leaving    it was told to stop
gone       `ended` says how
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias, TypeVar

from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import (
    Ask,
    Beat,
    Counted,
    Failed,
    Heard,
    Imported,
    Look,
    Made,
    Opened,
    Prepare,
    Ready,
    Stop,
    Switched,
    Told,
)

STACK_SIGNAL: int | None = getattr(signal, "SIGRTMIN", getattr(signal, "SIGINFO", None))
"""Has a worker write the stack of its main thread into a pipe, also while its loop stands still."""
Thing = TypeVar("Thing")

_TO_EXIT = 5.0
_LAST_WORDS = 1.0
"""Seconds in which what a process has told before its end is read; what it has started may hold its channel open."""
_STACK = 64 * 1024
"""Bytes of a stack."""


Hear: TypeAlias = "Callable[[Member, Opened | Heard | Counted | Switched], None]"


class Member:
    """The worker of the number *seat*, the process *pid*, over *channel*; *stack* is the pipe of its stack.

    *hear* is given what it tells without having been asked.
    """

    def __init__(self, seat: int, pid: int, channel: Channel, stack: int, hear: Hear) -> None:
        self._loop = asyncio.get_running_loop()
        self.seat = seat
        self.pid = pid
        self.channel = channel
        self._stack = stack
        self._has_asked = False
        """Whether it is to write its stack, since it was heard last."""
        self.beat = Beat()
        self.made_at = self.beaten_at = self._loop.time()
        self.started_at = time.time()
        self.ready: asyncio.Future[Ready] = self._loop.create_future()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self.imported = Imported()
        """What it has told last of its plug-ins."""
        self.relieved = asyncio.Event()
        """Set when another worker is to take its place."""
        self.reason = ""
        self.has_spoken = False
        """Whether it has told anything; before, it hears nothing either."""
        self.is_open = False
        """Whether it does what it is ordered, and answers."""
        self._hear = hear
        self.told: asyncio.Future[None] = self._loop.create_future()
        """Done when it was told to stop."""
        self._made: asyncio.Future[Made] | None = None
        self._looked: asyncio.Future[Imported] | None = None
        self._asks: dict[int, asyncio.Future[Told]] = {}
        self._silent = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @property
    def is_serving(self) -> bool:
        """Whether the worker answers requests and has not been told to stop."""
        return self.ready.done() and not self.ended.done() and not self.told.done()

    @property
    def is_over(self) -> bool:
        """Whether the process has ended and all that it has told was read."""
        return self.ended.done() and self._silent.is_set()

    async def _listen(self) -> None:
        while (message := await self.channel.receive()) is not None:
            self.beaten_at = self._loop.time()
            self._has_asked, self.has_spoken = False, True
            match message:
                case Beat():
                    self.beat = message
                case Ready() if not self.ready.done():
                    self.ready.set_result(message)
                case Imported():
                    self.imported = message
                    if self._looked is not None and not self._looked.done():
                        self._looked.set_result(message)
                case Failed():
                    self.reason = message.reason
                case Made() if self._made is not None and not self._made.done():
                    self._made.set_result(message)
                case Told() if message.number in self._asks:
                    self._asks.pop(message.number).set_result(message)
                case Opened():
                    self.is_open = True
                    self._hear(self, message)
                case Heard() | Counted() | Switched():
                    self._hear(self, message)
        self._silent.set()
        self.channel.close()
        await asyncio.wait({self.ended}, timeout=_TO_EXIT)
        if not self.ended.done():
            self.kill()

    def end(self, words: str) -> None:
        """Record that the process has ended; *words* say how."""
        if self.ended.done():
            return
        self.ended.set_result(self.reason or words)
        for waiting in (self._made, self._looked, *self._asks.values()):
            if waiting is not None and not waiting.done():
                waiting.cancel()
        self._asks.clear()
        self._loop.call_later(_TO_EXIT, self.channel.close)  # what it has told before it ended is read to the end
        os.close(self._stack)

    async def silent(self) -> None:
        """Wait until the worker has closed its channel."""
        await self._silent.wait()

    async def heard_out(self) -> None:
        """Wait until all that the process, which has ended, has told was read."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._silent.wait(), _LAST_WORDS)

    async def prepare(self, digest: str) -> Made | None:
        """Make the worker prepare the files of *digest*; return its result, or None when it ended meanwhile."""
        made = self._made = self._loop.create_future()
        self.channel.send(Prepare(digest))
        return await _unless_cancelled(made)

    async def look(self) -> None:
        """Ask the worker which plug-ins it has ``imported``; return when it has answered or ended."""
        looked = self._looked = self._loop.create_future()
        self.channel.send(Look())
        await _unless_cancelled(looked)

    async def ask(self, ask: Ask) -> Told | None:
        """Return its answer to *ask*; None when it ended meanwhile."""
        told = self._asks[ask.number] = self._loop.create_future()
        self.channel.send(ask)
        try:
            return await _unless_cancelled(told)
        finally:
            self._asks.pop(ask.number, None)

    def stop(self) -> None:
        """Tell the worker to stop; a second call ends it at once.

        A worker that has not reported yet is killed: until it reads the order its listening sockets are not answered.
        """
        if not self.told.done():
            self.told.set_result(None)
        if not self.has_spoken:
            self.kill()
        elif not self.ended.done():
            self.channel.send(Stop())

    def kill(self) -> None:
        """Kill the worker."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def ask_stack(self) -> None:
        """Ask the worker for the stack of its main thread, once for each time that it is silent."""
        if STACK_SIGNAL is None or self._has_asked or self.ended.done():
            return
        self._has_asked = True
        with suppress(OSError):
            self.stack()  # what it has written in a silence before
            os.kill(self.pid, STACK_SIGNAL)

    def stack(self) -> str:
        """Return what it has written, the innermost call first; empty when it could not, being stopped itself."""
        with suppress(OSError):
            return frames_in(os.read(self._stack, _STACK).decode(errors="replace"))
        return ""


async def _unless_cancelled(future: asyncio.Future[Thing]) -> Thing | None:
    await asyncio.wait({future})
    return None if future.cancelled() else future.result()


def frames_in(text: str) -> str:
    """Return the calls in what ``faulthandler`` has written, ``file:line in function`` each."""
    found = []
    for line in text.splitlines():
        file, is_frame, rest = line.strip().removeprefix('File "').partition('", line ')
        number, _, function = rest.partition(" in ")
        if is_frame:
            found.append(f"{os.path.basename(file)}:{number} in {function}")
    return " < ".join(found)
