"""New connections: some are taken in each turn of the loop, whatever else it does, and nothing that fails is for ever."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvloop

from aggregator.server.process import accepting
from aggregator.server.process.accepting import AT_ONCE, Acceptor, Admission

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


class Seen(asyncio.Protocol):
    """Counts connections that were made."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count one."""
        type(self).made += 1
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Close our side, too."""
        self.transport.close()


class Listener:
    """A listening socket whose ``accept`` fails as the test says."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        self.failures: list[int] = []
        self.accepted = 0

    def close(self) -> None:
        """Leave the real one to the test."""

    def accept(self) -> Any:
        """Fail as was asked for, or take a connection."""
        if self.failures:
            number = self.failures.pop(0)
            raise OSError(number, os.strerror(number))
        taken = self._real.accept()
        self.accepted += 1
        return taken

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._real.fileno()


class Asked(Admission):
    """Asks for *waits*, one after another, then for none; ``seen`` are the connections *taken* before, and the pauses."""

    def __init__(self, taken: Callable[[], int], waits: list[float]) -> None:
        self._taken, self._waits = taken, waits
        self.seen: list[tuple[int, int]] = []
        self.changes = 0

    def wait(self, pauses: int) -> float:
        """Return the next of them."""
        self.seen.append((self._taken(), pauses))
        return self._waits.pop(0) if self._waits else 0.0

    def changed(self) -> None:
        """Count how often."""
        self.changes += 1


@contextmanager
def listening() -> Iterator[tuple[Listener, Callable[[int], list[socket.socket]]]]:
    """Yield a listening socket and a function that opens connections to it, which wait in its backlog."""
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as real:
        real.setblocking(False)

        def connect(count: int) -> list[socket.socket]:
            clients.extend(socket.create_connection(real.getsockname()) for _ in range(count))
            return clients

        yield Listener(real), connect
        for client in clients:
            client.close()


def run(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Any) -> None:
    """Run *main* on a loop of a kind."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main)


async def turns_until(condition: Callable[[], bool], most: int = 1_000_000) -> int:
    """Return how many turns the loop makes until *condition* holds."""
    for turn in range(most):  # which let timers run, too
        if condition():
            return turn
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("new_loop", LOOPS)
def test_many_connections_are_taken_in_few_turns(new_loop: Any) -> None:
    """Three times as many as fit into one turn need some ten turns and not hundreds, and no turn takes more than fit."""

    async def main() -> None:
        with listening() as (listener, connect):
            connect(3 * AT_ONCE)
            acceptor = Acceptor(listener, Seen)  # type: ignore[arg-type]
            counts, made = [0], Seen.made
            for _ in range(12):
                await asyncio.sleep(0)
                counts.append(listener.accepted)
            assert counts[-1] == 3 * AT_ONCE
            assert max(after - before for before, after in pairwise(counts)) == AT_ONCE
            await turns_until(lambda: Seen.made - made == 3 * AT_ONCE)
            acceptor.close()
            await acceptor.wait_closed()

    run(new_loop, main())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_without_descriptors_connections_wait(
    new_loop: Any, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """It is said once, not in a circle, and the connection is taken when there is a descriptor again."""
    monkeypatch.setattr(accepting, "_PAUSE", 0.001)

    async def main() -> None:
        with listening() as (listener, connect):
            listener.failures = [errno.EMFILE] * 5
            connect(1)
            acceptor = Acceptor(listener, Seen)  # type: ignore[arg-type]
            await turns_until(lambda: listener.accepted == 1)
            acceptor.close()
            await acceptor.wait_closed()

    run(new_loop, main())
    assert [record.getMessage() for record in caplog.records if "New connections wait" in record.getMessage()] == [
        "New connections wait: the system gives no more of what they are made of."
    ]


def test_a_connection_that_ended_before_it_was_taken_is_passed_over() -> None:
    """The next one is taken in the same turn."""

    async def main() -> None:
        with listening() as (listener, connect):
            listener.failures = [errno.ECONNABORTED] * 2
            connect(1)
            acceptor = Acceptor(listener, Seen)  # type: ignore[arg-type]
            assert await turns_until(lambda: listener.accepted == 1) < 10
            acceptor.close()
            await acceptor.wait_closed()

    run(uvloop.new_event_loop, main())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_who_has_enough_connections_waits(new_loop: Any) -> None:
    """Before each connection the admission is asked, with the pauses so far; while it asks for one, none is taken."""

    async def main() -> None:
        with listening() as (listener, connect):
            connect(2)
            admission = Asked(lambda: listener.accepted, [0.0, 0.001, 0.001, 0.0])
            acceptor = Acceptor(listener, Seen, admission)  # type: ignore[arg-type]
            await turns_until(lambda: listener.accepted == 2)
            assert admission.seen[:4] == [(0, 0), (1, 0), (1, 1), (1, 2)]
            acceptor.close()
            await acceptor.wait_closed()
            assert admission.changes == 2

    run(new_loop, main())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_pauses_for_what_another_has_taken_do_not_count(new_loop: Any) -> None:
    """The connection has gone when the pause is over: nobody is asked, and the next one waits from the beginning."""

    async def main() -> None:
        with listening() as (listener, connect):
            admission = Asked(lambda: listener.accepted, [0.001])
            connect(1)
            acceptor = Acceptor(listener, Seen, admission)  # type: ignore[arg-type]
            await turns_until(lambda: len(admission.seen) == 1)
            listener.accept()[0].close()
            await asyncio.sleep(0.01)
            assert admission.seen == [(0, 0)]
            connect(1)
            await turns_until(lambda: listener.accepted == 2)
            assert admission.seen[:2] == [(0, 0), (1, 0)]
            acceptor.close()
            await acceptor.wait_closed()

    run(new_loop, main())


@pytest.mark.parametrize("new_loop", LOOPS)
def test_closed_it_takes_none(new_loop: Any) -> None:
    """Closing twice, or while it pauses, is harmless."""

    async def main() -> None:
        with listening() as (listener, connect):
            acceptor = Acceptor(listener, Seen, Asked(lambda: 0, [0.001] * 1000))  # type: ignore[arg-type]
            connect(1)
            await asyncio.sleep(0.005)
            acceptor.close()
            acceptor.close()
            await asyncio.sleep(0.005)
            assert listener.accepted == 0

    run(new_loop, main())


def test_a_connection_is_handed_over_with_the_address_of_its_client() -> None:
    """What receives it may close it; while it decides, one connection is being made, and the end waits for it."""
    received: list[tuple[str, object]] = []
    released: list[asyncio.Event] = []

    async def receive(connection: socket.socket, client: str, protocol: object) -> None:
        received.append((client, protocol))
        await released[0].wait()
        connection.close()

    async def main() -> None:
        released.append(asyncio.Event())
        with listening() as (listener, connect):
            (client,) = connect(1)
            acceptor = Acceptor(listener, Seen, receive=receive)  # type: ignore[arg-type]
            await turns_until(lambda: bool(received))
            assert (received, acceptor.connecting) == ([("127.0.0.1", Seen)], 1)
            acceptor.close()
            ending = asyncio.create_task(acceptor.wait_closed())
            await asyncio.sleep(0)
            assert not ending.done()
            released[0].set()
            await ending
            await turns_until(lambda: acceptor.connecting == 0)
            client.settimeout(60)
            assert client.recv(1) == b""

    run(asyncio.new_event_loop, main())


def test_a_client_of_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    """Its connections are taken as any other."""
    received: list[str] = []

    async def receive(connection: socket.socket, client: str, _: object) -> None:
        received.append(client)
        connection.close()

    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as real, socket.socket(socket.AF_UNIX) as client:
            real.bind(str(tmp_path / "s"))
            real.listen()
            real.setblocking(False)
            client.connect(str(tmp_path / "s"))
            acceptor = Acceptor(Listener(real), Seen, receive=receive)  # type: ignore[arg-type]
            await turns_until(lambda: bool(received))
            acceptor.close()
            await acceptor.wait_closed()

    run(asyncio.new_event_loop, main())
    assert received == [""]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_what_the_system_lacks_is_told_in_its_words(
    number: int, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """Once a minute."""
    monkeypatch.setattr(accepting, "_PAUSE", 0.001)

    class Shifted(asyncio.SelectorEventLoop):
        ahead = 0.0

        def time(self) -> float:
            return super().time() + self.ahead

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Shifted)
        with listening() as (listener, connect):
            acceptor = Acceptor(listener, Seen)  # type: ignore[arg-type]
            for count, loop.ahead in enumerate((0.0, 50.0, 61.0), 1):
                listener.failures = [number]
                connect(1)
                await turns_until(lambda count=count: listener.accepted == count)  # type: ignore[misc]
            acceptor.close()
            await acceptor.wait_closed()

    run(Shifted, main())
    wanted = ("New connections wait: the system gives no more of what they are made of.", os.strerror(number).lower())
    assert [(one.getMessage(), one.fields["reason"]) for one in caplog.records] == [wanted] * 2  # type: ignore[attr-defined]
