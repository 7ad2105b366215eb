"""Workers that begin as new processes: the supervisor starts them and tells them, over a pipe, what a fork inherits.

A fork is unsafe where libraries of the system start threads (macOS). What is told are the checked settings that were
committed, not files to be read: those may have changed since. They hold secrets, which so are in no argument, variable
or file. A thread for each worker writes them, and waits for the end of its process.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aggregator.config.loading import Config
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.workers.making.handing import Handed, Head, own_version
from aggregator.server.workers.making.maker import Ended, Maker
from aggregator.server.workers.making.work import unheard
from aggregator.server.workers.messages import Made, Spawn

BEGINNING = (
    "import sys, json; head = json.loads(sys.stdin.buffer.readline()); sys.path[:] = head['path']; "
    "sys.tracebacklimit = 0; from aggregator.server.workers.making.spawned import main; main(head)"
)
"""The program of a worker until it finds the modules that the supervisor has, wherever it was started."""


class Spawns(Maker):
    """Starts workers of what *files* have given, told *handed* besides; *ended* hears of those that have ended.

    Has to be made inside of a running loop.
    """

    loads = True

    def __init__(self, files: PlanFiles, handed: Handed, ended: Ended) -> None:
        self._loop = asyncio.get_running_loop()
        self._files = files
        self._handed, self._version = handed, own_version()
        self._ended = ended
        self._committed = _packed(files.config)
        self._prepared: bytes | None = None
        self._is_over = False

    async def spawn(self, order: Spawn, channel: socket.socket, stack: int) -> int:
        """Return the process of the new worker, which has *channel* and the pipe *stack*. Raises ``OSError``."""
        if self._is_over:
            raise ConnectionError("all workers stop")
        return self._started(order, channel.fileno(), stack)

    def _started(self, order: Spawn, channel: int, stack: int) -> int:
        path = [one for one in sys.path if isinstance(one, str)]
        head: Head = {"path": path, "version": self._version, "channel": channel, "stack": stack}
        inherited = [channel, stack, *self._handed.descriptors]
        read, write = os.pipe()
        try:
            with _unheard_until_it_begins():
                process = subprocess.Popen(arguments(), stdin=read, pass_fds=inherited)  # noqa: S603 - this program
        except BaseException:
            os.close(write)
            raise
        finally:
            os.close(read)
        told = json.dumps(head).encode() + b"\n" + pickle.dumps((order, self._handed)) + self._committed
        try:
            threading.Thread(target=self._attend, args=(process, write, told), daemon=True).start()
        except RuntimeError:  # the system has no thread left
            os.close(write)
            process.kill()
            process.wait()
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        return process.pid

    def _attend(self, process: subprocess.Popen[bytes], write: int, told: bytes) -> None:
        """Write *told* to *process*, wait for it to exit, and report its exit code to the event loop.

        Runs in a thread.
        """
        with suppress(OSError), open(write, "wb", buffering=0) as pipe:  # it may end before it has read all
            view = memoryview(told)
            while view:
                view = view[pipe.write(view) :]
        code = process.wait()
        with suppress(RuntimeError):  # the loop has gone, and nobody waits
            self._loop.call_soon_threadsafe(self._ended, process.pid, code)

    async def prepare(self, digest: str) -> Made:
        """Pickle the configuration that the supervisor has just loaded; return its digest."""
        config = self._files.config
        if config is None or config.digest != digest:
            return Made("" if config is None else config.digest)
        self._prepared = await asyncio.to_thread(_packed, config)
        return Made(digest)

    async def commit(self, generation: int) -> None:
        """Start workers with the prepared plan from now on."""
        del generation  # each is told of its own
        self._committed, self._prepared = self._prepared or self._committed, None

    async def drop(self) -> None:
        """Drop the prepared plan."""
        self._prepared = None

    async def stop(self) -> None:
        """Start no more workers; the listening sockets are the supervisor's, which closes them."""
        self._is_over = True

    def close(self) -> None:
        """Start nothing more; the waiting threads end with their processes."""
        self._is_over = True


def arguments() -> list[str]:
    """Return the command of a worker: this interpreter with the options that it was started with."""
    flags = sys.flags
    options = [
        *(["-" + "O" * flags.optimize] if flags.optimize else []),
        *(option for is_set, option in (
            (flags.dont_write_bytecode, "-B"), (flags.ignore_environment, "-E"), (flags.no_user_site, "-s"),
            (flags.no_site, "-S"), (flags.dev_mode, "-Xdev"), (flags.utf8_mode, "-Xutf8"),
        ) if is_set),
        *(f"-W{option}" for option in sys.warnoptions),
    ]  # fmt: skip
    return [sys.executable, *options, "-P", "-c", BEGINNING, "aggregator", "worker"]


def _packed(config: Config | None) -> bytes:
    assert config is not None
    return pickle.dumps(config)


@contextmanager
def _unheard_until_it_begins() -> Iterator[None]:
    """Block signals to the process group in processes started inside, until they have installed their own handling."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, unheard())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
