"""Idle connections: reused newest first, checked before use, closed in time, never trusted with a POST."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Limits, Origin, Pool, PoolSettings
from aggregator.transport.engine import expiry
from aggregator.transport.engine import slots as places
from aggregator.transport.engine.opening import aging
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"


async def get(pool: Any, stage: Any, target: bytes = b"/", method: bytes = b"GET") -> Any:
    """Make one call."""
    return await fetched(pool, method, target, H, deadline=stage.due())


def test_closed_while_idle(run: Any, stage: Any) -> None:
    """A connection that the upstream closes while it is idle is gone before the next call."""

    async def main() -> None:
        async with stage.playing([stage.OK, stage.CLOSE], stage.OK) as upstream, stage.pool(upstream) as pool:
            await get(pool, stage)
            await stage.until(lambda: pool.idle == 0)
            assert pool.active == 0
            assert not (await get(pool, stage, method=b"POST")).reused

    run(main())


def test_bytes_while_idle(run: Any, stage: Any) -> None:
    """Bytes that nobody asked for close the connection; they never answer a later call."""

    async def main() -> None:
        evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        late = [stage.OK, lambda: asyncio.sleep(0.01), evil]
        async with stage.playing(late, stage.OK) as upstream, stage.pool(upstream) as pool:
            await get(pool, stage)
            await stage.until(lambda: pool.idle == 0)
            assert (await get(pool, stage)).body == b"ok"

    run(main())


@pytest.mark.parametrize("late", ["end", "reset", "bytes"])
def test_post_asks_the_socket(run: Any, stage: Any, late: str) -> None:
    """Before a POST the socket itself is asked, since the loop may not have heard yet of what has come."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            async with stage.pool(listener.getsockname()[1]) as pool:
                call = asyncio.create_task(get(pool, stage))
                first, _ = await loop.sock_accept(listener)
                assert await loop.sock_recv(first, 1000)
                await loop.sock_sendall(first, stage.OK)
                await call
                assert pool.idle == 1
                if late == "bytes":
                    first.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                elif late == "reset":
                    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    first.close()
                else:
                    first.close()
                outcomes: list[Any] = []  # and not one turn of the loop later:
                pool.start(b"POST", b"/", H, None, deadline=stage.due(), done=outcomes.append)
                second, _ = await loop.sock_accept(listener)
                assert await loop.sock_recv(second, 1000)
                await loop.sock_sendall(second, stage.OK)
                await stage.until(lambda: bool(outcomes))
                assert (outcomes[0].body, outcomes[0].reused) == (b"ok", False)
            first.close()
            second.close()

    run(main())


def test_last_in_first_out(run: Any, stage: Any) -> None:
    """The connection that served last serves next, so that the others can grow old."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream) as pool:
            await asyncio.gather(*[get(pool, stage) for _ in range(3)])
            assert (pool.idle, upstream.accepted) == (3, 3)
            assert repr(pool) == "<Pool: 0 active, 3 idle, 0 waiting>"
            for _ in range(10):
                assert (await get(pool, stage)).reused
            assert len(set(upstream.carried_by[3:])) == 1

    run(main())


def test_each_idle_connection_is_closed_after_its_time(run: Any, stage: Any) -> None:
    """None is left when all are old enough."""

    async def main() -> None:
        limits = Limits(keepalive_expiry=0.1)
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=limits) as pool:
            await asyncio.gather(*[get(pool, stage) for _ in range(3)])
            await stage.until(lambda: (pool.idle, upstream.open) == (0, 0))
            assert upstream.accepted == 3

    run(main())


def test_keepalive_counts_the_idle_ones(run: Any, stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy connections do not count against the idle ones, which are kept up to their limit."""
    monkeypatch.setattr(expiry, "_SPARED", 0.02)

    async def main() -> None:
        limits = Limits(max_connections=6, max_keepalive=2)
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=limits) as pool:
            await asyncio.gather(*[get(pool, stage) for _ in range(6)])
            await stage.until(lambda: upstream.open == 2)
            assert (pool.idle, pool.active) == (2, 0)
            await asyncio.gather(*[get(pool, stage) for _ in range(2)])
            assert upstream.accepted == 6
            pool.close_idle()
            await stage.until(lambda: upstream.open == 0)
            assert pool.idle == 0

    run(main())


def test_connections_beyond_the_limit_are_spared_for_a_moment(run: Any, stage: Any) -> None:
    """Under a load of more calls than may be idle, no call needs a new connection: those of the turn before serve."""

    async def main() -> None:
        limits = Limits(max_connections=6, max_keepalive=2)
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=limits) as pool:
            for _ in range(5):
                await asyncio.gather(*[get(pool, stage) for _ in range(6)])
            assert (pool.idle, upstream.accepted) == (6, 6)

    run(main())


class Aging:
    """Idle connections of which *kept* may be there for *seconds*, and a clock that a test moves."""

    def __init__(self, kept: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.idle: OrderedDict[Any, None] = OrderedDict()
        self.due: list[tuple[float, Any]] = []
        self.expiry = expiry.Expiry(self, self.idle, kept, seconds, self.idle.pop)  # type: ignore[arg-type]
        monkeypatch.setattr(expiry, "monotonic", lambda: self.now)

    def call_later(self, seconds: float, callback: Any) -> Any:
        """Have *callback* called when the clock has moved on by *seconds*."""
        self.due.append((self.now + seconds, callback))
        return SimpleNamespace(cancel=self.due.clear)

    def use(self, *connections: Any) -> None:
        """Let *connections* serve a call each and be idle again."""
        for one in connections:
            self.idle.pop(one, None)
            one.idle_since = self.now
            self.idle[one] = None
            self.expiry.watch()

    def wait(self, seconds: float) -> None:
        """Move the clock on."""
        self.now += seconds
        due, self.due = self.due, []
        for at, callback in due:
            if at <= self.now:
                callback()
            else:
                self.due.append((at, callback))


class Idle:
    """A connection that is idle since a time."""

    idle_since = 0.0


def test_what_is_needed_outlives_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit those go that nobody has used for a second; those in use stay, however many there were."""
    aging = Aging(1, 60.0, monkeypatch)
    needed = [Idle() for _ in range(3)]
    aging.use(*(Idle() for _ in range(3)), *needed)
    for _ in range(9):
        aging.wait(0.1)
        aging.use(*needed)
    assert len(aging.idle) == 6
    for _ in range(5):
        aging.wait(0.1)
        aging.use(*needed)
    assert list(aging.idle) == needed
    aging.wait(1.1)
    assert list(aging.idle) == needed[-1:]


def test_an_idle_connection_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is used now and then stays; what is not is closed as soon as its time is over, the last one as well."""
    aging = Aging(9, 5.0, monkeypatch)
    old, used = Idle(), Idle()
    aging.use(old, used)
    aging.wait(3.0)
    aging.use(used)
    assert list(aging.idle) == [old, used]
    aging.wait(2.0)
    assert list(aging.idle) == [used]
    aging.wait(3.0)
    assert aging.idle == {}


def test_no_keepalive_at_all(run: Any, stage: Any) -> None:
    """With a limit of 0 each connection serves one call, and is closed at once."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=Limits(max_keepalive=0)) as pool:
            for number in (1, 2, 3):
                await get(pool, stage)
                assert (pool.idle, pool.active, upstream.accepted) == (0, 0, number)

    run(main())


def test_no_needless_connections(run: Any, stage: Any) -> None:
    """A thousand calls, ten at a time, need ten connections."""

    async def main() -> None:
        limits = Limits(max_connections=10, max_waiting=1000)
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=limits) as pool:
            replies = await asyncio.gather(*[get(pool, stage) for _ in range(1000)])
            assert {reply.status for reply in replies} == {200}
            assert upstream.accepted == 10

    run(main())


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_upstream_that_closes_after_each_answer(run: Any, stage: Any, method: bytes) -> None:
    """Against an upstream that closes without saying so, GET never fails and POST is never doubled."""

    async def main() -> None:
        answer = [stage.OK, lambda: asyncio.sleep(0.0005), stage.CLOSE]
        async with stage.playing(answer) as upstream, stage.pool(upstream) as pool:
            failures: list[Cause] = []
            for number in range(200):
                try:
                    await get(pool, stage, b"/%d" % number, method)
                except CallError as error:
                    failures.append(error.cause)
                await asyncio.sleep(0.0005 * (number % 3))
            assert set(failures) <= ({Cause.RESET, Cause.INCOMPLETE} if method == b"POST" else set())
            targets = [request.split()[1] for request in upstream.requests]
            assert len(targets) == len(set(targets))

    run(main())


def test_early_answer_ends_the_connection(run: Any, stage: Any) -> None:
    """`Connection: close` is obeyed on our side as well."""

    async def main() -> None:
        answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
        async with stage.playing([answer, stage.HANG], stage.OK) as upstream, stage.pool(upstream) as pool:
            assert (await get(pool, stage)).body == b"ok"
            assert (pool.active, pool.idle) == (0, 0)
            await stage.until(lambda: upstream.open == 0)

    run(main())


def test_loss_that_is_yet_to_be_told(run: Any, stage: Any) -> None:
    """A connection whose loss the loop has not told yet, and which cannot be written to, is as good as lost."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream) as pool:
            await get(pool, stage)
            (connection,) = pool._places.idle
            transport = connection.transport

            class Lost:
                """Behaves as uvloop's transports do in that moment."""

                def is_closing(self) -> bool:
                    return False

                def write(self, data: bytes) -> None:
                    raise RuntimeError("the handler is closed")

                def abort(self) -> None:
                    transport.abort()

            connection.transport = Lost()
            reply = await get(pool, stage)
            assert (reply.body, reply.reused, upstream.accepted) == (b"ok", False, 2)

    run(main())


LAST_WORDS = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate"


@pytest.mark.parametrize("kind", ["rested", "busy"])
def test_words_that_nobody_asked_for_are_no_answer(
    run: Any, tmp_path: Path, stage: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """An upstream says goodbye to an idle connection, and the loop has not heard it when the next call begins.

    After a rest the socket is asked first; without one the request cannot be sent any more, and goes out again.
    """
    monkeypatch.setattr(places, "_RESTED", -1.0 if kind == "rested" else 60.0)
    path = str(tmp_path / "upstream.sock")

    async def main() -> None:
        if kind == "rested":  # over TCP the request still goes out: only the question saves it
            server = socket.create_server(("127.0.0.1", 0))
            origin = Origin("http", "127.0.0.1", server.getsockname()[1])
        else:
            server = socket.socket(socket.AF_UNIX)
            server.bind(path)
            server.listen()
            origin = Origin.parse("http://up", path)
        server.setblocking(False)
        loop = asyncio.get_running_loop()

        async def answer() -> socket.socket:
            far, _ = await asyncio.wait_for(loop.sock_accept(server), 5)
            assert b"GET / " in await loop.sock_recv(far, 1000)
            await loop.sock_sendall(far, stage.OK)
            return far

        pool = Pool(PoolSettings(origin))
        first = asyncio.create_task(get(pool, stage))
        far = await answer()
        await first
        far.send(LAST_WORDS)
        far.close()  # and no turn of the loop until the call
        second = asyncio.create_task(get(pool, stage))
        far = await answer()
        assert (await second).status == 200
        far.close()
        await pool.aclose()
        server.close()

    run(main())


def test_age(run: Any, stage: Any) -> None:
    """A connection that is never idle for long is closed at its age, between two calls; the next call has another."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=Limits(max_age=0.05)) as pool:
            async with asyncio.timeout(10):
                while upstream.accepted < 3:
                    assert (await get(pool, stage, method=b"POST")).body == b"ok"
            assert pool.active == 0

    run(main())


def test_age_gives_its_place_to_who_waits(run: Any, stage: Any) -> None:
    """Who waits for the place of a connection that is too old gets a new connection in it."""

    async def main() -> None:
        limits = Limits(max_connections=1, max_age=0.01)
        slow = [lambda: asyncio.sleep(0.02), stage.OK]
        async with stage.playing(slow) as upstream, stage.pool(upstream, limits=limits) as pool:
            replies = await asyncio.gather(*[get(pool, stage) for _ in range(3)])
            assert [reply.reused for reply in replies] == [False] * 3
            assert upstream.accepted == 3

    run(main())


def test_addresses_that_are_gone_are_left(run: Any, stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the name of an upstream moves under load, its connections follow; a look that fails changes nothing."""
    monkeypatch.setattr(aging, "_LOOK", 0.01)
    where: list[str | None] = ["127.0.0.1"]

    async def names(_host: str, port: int) -> Any:
        if where[0] is None:
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (where[0], port))]

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            host = writer.get_extra_info("sockname")[0].encode()
            while await reader.readline():
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n" + host)
            writer.close()

        old = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = old.sockets[0].getsockname()[1]
        new = await asyncio.start_server(answer, "127.0.0.2", port)
        pool = Pool(PoolSettings(Origin("http", "shop.test", port)), resolve=names)

        async def reaches(host: bytes) -> None:
            while (await get(pool, stage)).body != host:
                pass

        await reaches(b"127.0.0.1")
        where[0] = None
        await asyncio.sleep(0.03)
        assert [(await get(pool, stage)).reused for _ in range(3)] == [True] * 3
        where[0] = "127.0.0.2"
        async with asyncio.timeout(5):
            await reaches(b"127.0.0.2")
        assert (await get(pool, stage)).reused
        await pool.aclose()
        for server in (old, new):
            server.close()
            await server.wait_closed()

    run(main())
