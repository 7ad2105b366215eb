"""The process that makes workers: what the system refuses it now ends nothing, since it may be granted later."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest

from aggregator.errors import shortage_behind
from aggregator.server.workers.making.forking import ForkServer
from aggregator.server.workers.messages import Failed, Message, Spawn, Unspawned, decoded, encoded


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
