"""Starts servers pinned to a processor and stops every one of them, whatever happens.

Each server leads a process group of its own, and the kernel ends it if the benchmark dies.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"


class NotStartedError(Exception):
    """A server ended, or did not listen in time; the message holds the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: arguments, and variables on top of the environment."""

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Server:
    """A running process that listens on a port of loopback."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started: float
    """Monotonic seconds just before the process was created."""
    scheme: str = "http"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{LOOPBACK}:{self.port}"


class Servers:
    """Every process that the benchmark started; a context manager that ends them all."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Server] = []

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(*self._running)

    def launch(self, name: str, command: Command, *, port: int, core: int) -> Server:
        """Start *command* on processor *core* and return at once."""
        log = self._logs / f"{name}-{port}.log"
        pinned = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core), *command.arguments]
        with log.open("wb") as output:
            started = time.monotonic()
            process = subprocess.Popen(
                pinned,
                env=os.environ | dict(command.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(process, port, log, started)
        self._running.append(server)
        return server

    def start(self, name: str, command: Command, *, port: int, core: int, within: float = 30.0) -> Server:
        """Start *command* and wait until it listens on *port*, or raise :class:`NotStartedError`."""
        server = self.launch(name, command, port=port, core=core)
        wait_until_listening(server, within)
        return server

    def stop(self, *servers: Server) -> None:
        """Ask each process group to end, then make it."""
        for server in servers:
            _signal_group(server, signal.SIGTERM)
        deadline = time.monotonic() + 3.0
        for server in servers:
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(server, signal.SIGKILL)
            server.process.wait()
        self._running = [server for server in self._running if server not in servers]


def wait_until_listening(server: Server, within: float) -> None:
    deadline = server.started + within
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise NotStartedError(f"it ended with {server.process.returncode}: {_tail(server.log)}")
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, server.port)) == 0:
                return
        time.sleep(0.002)
    raise NotStartedError(f"it did not listen within {within:g} s: {_tail(server.log)}")


def seconds_to_answer(server: Server, path: str, within: float) -> float:
    """Seconds from the start of *server* to its first 200 to ``GET path``, or :class:`NotStartedError`."""
    deadline = server.started + within
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise NotStartedError(f"it ended with {server.process.returncode}: {_tail(server.log)}")
        if _answers(server.port, path):
            return time.monotonic() - server.started
        time.sleep(0.002)
    raise NotStartedError(f"it did not answer within {within:g} s: {_tail(server.log)}")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on at the moment."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind((LOOPBACK, 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _signal_group(server: Server, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(server.pid, number)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-1500:] or "it printed nothing"
