"""The process that makes workers: what the system refuses it now ends nothing, since it may be granted later."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from aggregator.errors import shortage_behind
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.workers.making.forking import ForkServer
from aggregator.server.workers.messages import (
    Commit,
    Drop,
    Failed,
    Made,
    Message,
    Prepare,
    Spawn,
    Stop,
    Unspawned,
    decoded,
    encoded,
)


class Refused:
    """A fork server whose supervisor has asked for one worker, and sent as many descriptors with it."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._descriptors = os.pipe()

    def told(self, count: int) -> Message:
        """Return what it tells, given *count* descriptors; it ends with its supervisor."""
        socket.send_fds(self._ours, [encoded(Spawn(7, 1))], self._descriptors[:count])
        self._ours.shutdown(socket.SHUT_WR)
        nothing: Any = None
        ForkServer(self._theirs, nothing, nothing, nothing, lambda: None).run()
        return decoded(self._ours.recv(1024))

    def close(self) -> None:
        """Close all."""
        for one in self._descriptors:
            os.close(one)
        self._ours.close()
        self._theirs.close()


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refused]:
    """Return one to which the system refuses processes."""

    def fork() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    before, made = signal.getsignal(signal.SIGCHLD), Refused()
    try:
        yield made
    finally:
        made.close()
        with suppress(ValueError):
            os.close(signal.set_wakeup_fd(-1))
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize(("count", "error"), [(2, errno.EAGAIN), (1, errno.EMFILE)])
def test_a_process_that_is_refused_is_told(refused: Refused, count: int, error: int) -> None:
    """As where a container has all the processes that it may have, or the fork server no room for a descriptor."""
    assert refused.told(count) == Unspawned(7, error)


def test_a_want_of_open_files_is_no_fault_of_the_program() -> None:
    """Also where what tidies up has failed because of it; anything else is one, with its place."""
    try:
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        finally:
            raise RuntimeError("Cannot close a running event loop")
    except RuntimeError as error:
        told = Failed.by(error)
    assert told.reason == "Too many open files: raise the limit (ulimit -n, LimitNOFILE=)."
    assert Failed.by(cast("Exception", ValueError())).reason == "It failed by a fault of the program: ValueError"
    assert shortage_behind(None) is None


class Served:
    """A fork server of a file, to which orders are sent before it runs: no process is made."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "routes.yaml"
        self.write(1)
        self.files = PlanFiles(self.path)
        self.plan = self.files.load()
        self.closed = 0

    def write(self, n: int) -> None:
        """Save a file whose endpoint answers *n*."""
        self.path.write_text(f"version: 1\nendpoints: {{GET /n: {{respond: {{body: {n}}}}}}}\n")

    def told(self, *orders: Message) -> list[Message]:
        """Return what it tells to *orders*; it ends with its supervisor."""
        before = signal.getsignal(signal.SIGCHLD)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            for order in orders:
                ours.send(encoded(order))
            ours.shutdown(socket.SHUT_WR)
            nothing: Any = None
            try:
                ForkServer(theirs, self.files, self.plan, nothing, self._close).run()
            finally:
                os.close(signal.set_wakeup_fd(-1))
                signal.signal(signal.SIGCHLD, before)
            theirs.close()
            return [decoded(data) for data in iter(lambda: ours.recv(1 << 16), b"")]

    def _close(self) -> None:
        self.closed += 1


def test_a_fork_server_prepares_what_the_files_say(tmp_path: Path) -> None:
    """By its digest; what it serves already needs no preparing, and what was given up is loaded anew."""
    served = Served(tmp_path)
    served.write(2)
    fresh = PlanFiles(served.path).load().digest
    old = served.plan.digest
    assert served.told(Prepare(old), Prepare(fresh), Drop(), Prepare(fresh)) == [Made(old), Made(fresh), Made(fresh)]
    assert served.told(Prepare(fresh), Commit(2), Prepare(fresh), Prepare(old)) == [Made(fresh)] * 3
    assert served.closed == 0


def test_a_fork_server_serves_on_what_it_has_where_nothing_was_prepared(tmp_path: Path) -> None:
    """A word too much changes nothing; another one has it close its listeners, once."""
    served = Served(tmp_path)
    assert served.told(Commit(2), Stop(), Prepare(served.plan.digest)) == [Made(served.plan.digest)]
    assert served.closed == 1


def test_a_fork_server_that_cannot_load_the_files_says_why(tmp_path: Path) -> None:
    """In as many characters as fit into one message; what was prepared before is given up."""
    served = Served(tmp_path)
    served.path.write_text("version: 1\nendpoints: {GET /n: {respnd: 1}}\n")
    (made,) = served.told(Prepare("abc"))
    assert isinstance(made, Made)
    assert (made.digest, "respnd" in made.problem) == ("", True)
    served.path.write_text("version: 1\n" + "".join(f"{'a' * 300}{number}: 1\n" for number in range(40)))
    (made,) = served.told(Prepare("abc"))
    assert isinstance(made, Made)
    assert len(made.problem) <= 4000
