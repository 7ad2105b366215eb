"""The fork server: one thread, no loop, the plan loaded. Every worker is its child, and shares its memory.

It does what the supervisor sends, one order after another, tells which of its children have ended, and ends with the
supervisor. A fork beside threads or a loop would copy locks that nobody opens again (fork(2)).

    loaded     holds the plan that is served; `Spawn` forks a worker with it
    prepared   `Prepare` has loaded another one beside it; `Commit` takes it, `Drop` gives it up
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from aggregator.errors import ConfigError, place_of
from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.workers.making.work import begin
from aggregator.server.workers.messages import (
    Commit,
    Drop,
    Ended,
    Made,
    Message,
    Prepare,
    Spawn,
    Spawned,
    Stop,
    Unspawned,
    decoded,
    encoded,
)
from aggregator.server.workers.worker import deaf

LARGEST = 64 * 1024
_PROBLEM = 4000
_DESCRIPTORS = 2
"""Those that come with a `Spawn`."""
Work = Callable[[Plan, Spawn, socket.socket], int]
"""What a worker does with the plan, its order and its end of the channel; its exit code."""


def fork_server(
    control: socket.socket, files: PlanFiles, plan: Plan, work: Work, close: Callable[[], None]
) -> NoReturn:
    """Run the fork server of *plan*, made of *files*, until *control* is closed; *close* closes its listeners."""
    deaf()
    logging.disable(logging.CRITICAL)  # a line of the log would start a thread
    gc.freeze()
    server = ForkServer(control, files, plan, work, close)
    try:
        server.run()
    finally:
        os._exit(0)


class ForkServer:
    """The state of the fork server: prepared and committed plan, children, control socket."""

    def __init__(
        self, control: socket.socket, files: PlanFiles, plan: Plan, work: Work, close: Callable[[], None]
    ) -> None:
        self._control = control
        self._files = files
        self._plan = plan
        self._made: Plan | None = None
        self._work = work
        self._close = close
        self._children: set[int] = set()
        self._woken, self._wake = os.pipe()

    def run(self) -> None:
        """Carry out the orders of the supervisor until it closes the control socket."""
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            self._reap()
            control, woken = self._control.fileno(), self._woken
            ready, _, _ = select.select([control, woken], [], [])
            if woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 1024)
            if control in ready and not self._take():
                return

    def _take(self) -> bool:
        """Carry out one order; return whether the supervisor is still there."""
        data, descriptors, _, _ = socket.recv_fds(self._control, LARGEST, _DESCRIPTORS)
        if not data:
            return False
        match decoded(data):
            case Spawn() as order:
                self._spawn(order, descriptors)
            case Prepare() as order:
                self._tell(self._prepare(order.digest))
            case Commit():
                self._plan, self._made = self._made or self._plan, None
            case Drop():
                self._made = None
            case Stop():
                self._close()
        return True

    def _spawn(self, order: Spawn, descriptors: list[int]) -> None:
        """Fork a worker. When the system refuses a process, report that: the supervisor tries again later."""
        try:
            if len(descriptors) < _DESCRIPTORS:  # the rest was dropped, for want of room
                raise OSError(errno.EMFILE, "")
            for one in descriptors:
                os.set_inheritable(one, False)
            pid = os.fork()
            if pid == 0:
                self._be_worker(order, *descriptors)
            self._children.add(pid)
            self._tell(Spawned(order.seat, pid))
        except OSError as error:
            self._tell(Unspawned(order.seat, error.errno or 0))
        finally:
            for one in descriptors:
                os.close(one)

    def _be_worker(self, order: Spawn, channel: int, stack: int) -> NoReturn:
        code = 70  # EX_SOFTWARE of sysexits(3)
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            os.close(self._woken)
            os.close(self._wake)
            logging.disable(logging.NOTSET)
            begin(stack)
            code = self._work(self._plan, order, socket.socket(fileno=channel))
        finally:
            os._exit(code)

    def _prepare(self, digest: str) -> Made:
        self._made = None
        if self._plan.digest == digest:
            return Made(digest)
        try:
            self._made = self._files.load()
        except ConfigError as error:
            return Made(problem=str(error)[:_PROBLEM])
        except Exception as error:
            return Made(problem=f"a fault of the program: {place_of(error)}"[:_PROBLEM])
        return Made(self._made.digest)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            self._tell(Ended(pid, status))

    def _tell(self, message: Message) -> None:
        with suppress(OSError):  # the supervisor has gone, which the next order tells
            self._control.send(encoded(message))
