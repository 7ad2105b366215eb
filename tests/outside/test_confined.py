"""The process where little is allowed: as process 1, on a disk that cannot be written, with few descriptors."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces")

PATIENCE = 120.0
"""Seconds until something is said to have failed."""
ROUTES = "version: 1\nendpoints:\n  GET /a: {respond: {body: here}}\n"
AS_FIRST = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
READ_ONLY = ["sh", "-ec", 'mount --make-rprivate / && mount -o bind,remount,ro / && exec "$@"', "sh"]
FEW = 40
"""Descriptors that are fewer than what a busy server has."""


class Confined:
    """A server within *around*; its own process is the child of that."""

    def __init__(self, folder: Path, around: list[str], *options: str, **more: Any) -> None:
        self.log = folder / "log"
        command = [*around, sys.executable, "-m", "aggregator", "run", "routes.yaml", "--port", "0", *options]
        with self.log.open("w") as output:
            self.outer = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **more)

    @property
    def pid(self) -> int:
        """Return the number of the server, seen from here."""
        return children_of(self.outer.pid)[0]

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until the log has *pattern*; return what it matched."""

        def found() -> re.Match[str] | None:
            return re.search(pattern, self.log.read_text())

        return until(lambda: found() or (self.outer.poll() is not None and found()), self.log)

    def connected(self) -> socket.socket:
        """Return a connection to the server, once it listens."""
        port = int(self.said(r"http://127\.0\.0\.1:(\d+)")[1])
        client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        client.settimeout(PATIENCE)
        return client

    def status(self) -> int:
        """Return the status of an answer over a connection of its own."""
        with self.connected() as client:
            return asked(client)

    def end(self) -> None:
        """Kill what still runs."""
        if self.outer.poll() is None:
            for pid in [*children_of(self.outer.pid), self.outer.pid]:
                os.kill(pid, signal.SIGKILL)
        self.outer.wait(PATIENCE)


def children_of(pid: int) -> list[int]:
    """Return the numbers of the children of process *pid*."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def state_of(pid: int) -> str:
    """Return the state of process *pid* as the kernel writes it, such as ``Z`` for one that nobody has waited for."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def asked(client: socket.socket) -> int:
    """Return the status of the answer to a request over *client*."""
    client.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    return int(client.recv(65536).split()[1])


def until(look: Callable[[], Any], log: Path) -> Any:
    """Return what *look* returns as soon as that is something."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return seen


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Confined]]:
    """Start a server that is ended after the test."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    with ExitStack() as ends:

        def started(*arguments: Any, **more: Any) -> Confined:
            server = Confined(tmp_path, *arguments, **more)
            ends.callback(server.end)
            return server

        yield started


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one", "several workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_1_ends_by_signals(start: Callable[..., Confined], options: tuple[str, ...], number: int) -> None:
    """Process 1 has no signal by default; the server has its own, and ends in order with code 0."""
    server = start(AS_FIRST, *options)
    assert server.status() == 200
    os.kill(server.pid, number)
    assert server.outer.wait(PATIENCE) == 0
    assert "stopped" in server.log.read_text()


def test_process_1_leaves_no_dead_workers_behind(start: Callable[..., Confined]) -> None:
    """A worker that was killed is replaced, and what remains of it is taken away."""
    server = start(AS_FIRST, "--workers", "2")
    assert server.status() == 200
    first = int(server.said(r"A worker serves\.  pid=(\d+)")[1])
    below = [pid for child in children_of(server.pid) for pid in (child, *children_of(child))]
    (killed,) = (pid for pid in below if f"NSpid:\t{pid}\t{first}\n" in Path(f"/proc/{pid}/status").read_text())
    os.kill(killed, signal.SIGKILL)
    server.said(r"(?s)(A worker serves.*){3}")
    until(lambda: not Path(f"/proc/{killed}").exists(), server.log)
    everything = [server.pid, *(pid for child in children_of(server.pid) for pid in (child, *children_of(child)))]
    assert [pid for pid in everything if state_of(pid) == "Z"] == []
    assert server.status() == 200


def test_a_disk_that_cannot_be_written_is_no_hindrance(start: Callable[..., Confined]) -> None:
    """The server writes nothing unless the file says so, several workers neither."""
    server = start([*AS_FIRST, "--mount", *READ_ONLY], "--workers", "2")
    assert server.status() == 200


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("state: ./kept", r"The folder of `state`, .*, cannot be used: Read-only file system\."),
        ("telemetry: {log: {file: ./a.log}}", r"The log file .* cannot be opened: Read-only file system\."),
    ],
)
def test_what_has_to_be_written_says_that_it_cannot(
    start: Callable[..., Confined], tmp_path: Path, line: str, reason: str
) -> None:
    """A file that wants something written does not begin to serve without it."""
    (tmp_path / "routes.yaml").write_text(f"{ROUTES}{line}\n")
    server = start([*AS_FIRST, "--mount", *READ_ONLY])
    assert server.outer.wait(PATIENCE) == 3
    server.said(reason)


def test_few_descriptors_make_clients_wait(start: Callable[..., Confined]) -> None:
    """More clients than descriptors: those who are in are served, the others as soon as there is room; the log says it."""
    server = start([], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW)))
    with ExitStack() as clients:
        connected = [clients.enter_context(server.connected()) for _ in range(2 * FEW)]
        server.said(r"New connections wait: .* reason=\"too many open files\"")
        assert asked(connected[0]) == 200
        for client in connected[: FEW + FEW // 2]:  # so that there is room for all who are left
            client.close()
        assert asked(connected[-1]) == 200
