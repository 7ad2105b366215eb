"""From an origin to a connection: every way to get there, and every way to fail."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Limits, Origin, Pool, PoolSettings, Timeouts
from aggregator.transport.engine.connection import Connection
from aggregator.transport.failures import connect_failure, lost_failure, tls_failure
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"


class Names:
    """Stands in for the system's lookup: gives *addresses*, and remembers what was asked."""

    def __init__(self, *addresses: str, after: float = 0.0) -> None:
        self.addresses = addresses
        self.after = after
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Any]:
        self.asked.append(host)
        await asyncio.sleep(self.after)
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in self.addresses]
        return [(f, socket.SOCK_STREAM, 6, "", (a, port)) for f, a in zip(families, self.addresses, strict=True)]


async def outcome(pool: Pool, seconds: float = 5.0) -> Any:
    """Return the body of a reply, or the cause of its absence."""
    try:
        return (await fetched(pool, b"GET", b"/", H, deadline=asyncio.get_running_loop().time() + seconds)).body
    except CallError as error:
        return error.cause
    finally:
        await pool.aclose()


def test_unix_socket(run: Any, stage: Any, tmp_path: Path) -> None:
    """An upstream behind a Unix socket is called like any other."""
    path = str(tmp_path / "up")

    async def main() -> None:
        origin = Origin("http", "shop", 80, unix_socket=path)
        async with stage.playing(stage.OK, path=path):
            assert await outcome(Pool(PoolSettings(origin))) == b"ok"
        assert (
            await outcome(Pool(PoolSettings(Origin("http", "shop", 80, unix_socket=path + "-absent")))) == Cause.REFUSED
        )

    run(main())


def test_ipv6(run: Any) -> None:
    """An IPv6 address in the URL needs no lookup and keeps its brackets in Host."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            writer.close()

        server = await asyncio.start_server(serve, "::1", 0)
        origin = Origin.parse(f"http://[::1]:{server.sockets[0].getsockname()[1]}/x")
        assert origin.authority.startswith(b"[::1]:")
        assert await outcome(Pool(PoolSettings(origin))) == b"ok"
        server.close()

    run(main())


def named(upstream: Any, names: Any, **parts: Any) -> Pool:
    """Return a pool to *upstream* under a name that *names* resolves."""
    return Pool(PoolSettings(Origin("http", "shop.test", upstream.port), **parts), resolve=names)


def test_name_is_looked_up_once(run: Any, stage: Any) -> None:
    """Connections opened side by side share one lookup; a later one asks again."""

    async def main() -> None:
        names = Names("127.0.0.1", after=0.01)
        async with stage.playing(stage.OK) as upstream:
            pool = named(upstream, names)
            await asyncio.gather(*[fetched(pool, b"GET", b"/", H, deadline=stage.due()) for _ in range(5)])
            assert (names.asked, upstream.accepted) == (["shop.test"], 5)
            pool.close_idle()
            assert await outcome(pool) == b"ok"
            assert len(names.asked) == 2

    run(main())


def test_system_lookup(run: Any, stage: Any) -> None:
    """A name is resolved by the system unless something else is given."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            assert await outcome(Pool(PoolSettings(Origin("http", "localhost", upstream.port)))) == b"ok"
        assert await outcome(Pool(PoolSettings(Origin("http", "x" * 70 + ".test", 80)))) == Cause.DNS

    run(main())


def test_unknown_name(run: Any, stage: Any) -> None:
    """A name that nobody knows, or that has no address, fails as DNS."""

    async def unknown(host: str, port: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            assert await outcome(named(upstream, unknown)) == Cause.DNS
            assert await outcome(named(upstream, Names())) == Cause.DNS

    run(main())


def test_happy_eyeballs(run: Any, stage: Any) -> None:
    """An address that does not answer does not keep the next one waiting until the limit."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, full_backlog() as (host, port):
            both = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in ((host, port), ("127.0.0.1", upstream.port))
            ]

            async def names(_host: str, _port: int) -> list[Any]:
                return both

            begun = asyncio.get_running_loop().time()
            assert await outcome(named(upstream, names)) == b"ok"
            assert asyncio.get_running_loop().time() - begun < 10

    run(main())


@asynccontextmanager
async def full_backlog() -> AsyncIterator[tuple[str, int]]:
    """Yield the address of a listener that takes no more connections, so that connecting hangs."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        await asyncio.sleep(0.01)
        yield listener.getsockname()


def test_connect_limit(run: Any, stage: Any) -> None:
    """Connecting has a limit of its own; a nearer deadline is named as what it is."""

    async def main() -> None:
        async with full_backlog() as (_, port):
            limited = stage.settings(port, timeouts=Timeouts(connect=0.05))
            assert await outcome(Pool(limited)) == Cause.CONNECT_TIMEOUT
            assert await outcome(Pool(limited), seconds=0.02) == Cause.DEADLINE
            assert (
                await outcome(Pool(stage.settings(port, timeouts=Timeouts(connect=None))), seconds=0.02)
                == Cause.DEADLINE
            )

    run(main())


def test_slow_lookup_is_cut(run: Any, stage: Any) -> None:
    """A lookup counts as connecting, and one that is given up leaves nothing behind."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            pool = named(upstream, Names("127.0.0.1", after=60), timeouts=Timeouts(connect=0.02))
            assert await outcome(pool) == Cause.CONNECT_TIMEOUT
            await asyncio.sleep(0.01)
            assert len(asyncio.all_tasks()) == 1

    run(main())


def test_failed_connection_gives_its_place_back(run: Any, stage: Any) -> None:
    """One place is enough for any number of attempts that fail, also side by side."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            pass
        pool = Pool(stage.settings(upstream, limits=Limits(max_connections=1)))
        calls = [fetched(pool, b"GET", b"/", H, deadline=stage.due()) for _ in range(5)]
        causes = [error.cause for error in await asyncio.gather(*calls, return_exceptions=True)]
        assert causes == [Cause.REFUSED] * 5
        assert (pool.active, pool.waiting) == (0, 0)
        await pool.aclose()

    run(main())


def test_failure_of_our_own(run: Any, stage: Any) -> None:
    """An error that connecting does not expect fails the call and is told to the loop, which keeps going."""
    reports = []

    async def broken(host: str, port: int) -> list[Any]:
        raise ZeroDivisionError

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["exception"]))
        async with stage.playing(stage.OK) as upstream:
            assert await outcome(named(upstream, broken)) == Cause.UNREACHABLE

    run(main())
    assert [type(report) for report in reports] == [ZeroDivisionError]


def test_upstream_that_speaks_first(run: Any, stage: Any) -> None:
    """A service that greets is not spoken to, whether its greeting comes before or after our request."""

    async def main() -> None:
        gone = asyncio.Event()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n")
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
            gone.set()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        assert await outcome(Pool(stage.settings(server.sockets[0].getsockname()[1]))) == Cause.PROTOCOL
        await gone.wait()
        server.close()

    run(main())


def test_upstream_that_hangs_up_at_once(run: Any, stage: Any) -> None:
    """An upstream that closes every connection as it comes has given no answer; each call tries once."""

    async def main() -> None:
        accepted = 0

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal accepted
            accepted += 1
            writer.transport.abort()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        pool = Pool(stage.settings(server.sockets[0].getsockname()[1]))
        for _ in range(20):
            with pytest.raises(CallError) as failure:
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())
            assert failure.value.cause in (Cause.INCOMPLETE, Cause.RESET)
            assert pool.active == 0
        assert accepted == 20
        await pool.aclose()
        server.close()

    run(main())


def test_lost_before_it_was_used(run: Any, stage: Any) -> None:
    """A connection that is closing when it has just been opened is not used."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            pool = Pool(stage.settings(upstream))
            with pytest.MonkeyPatch.context() as patch:
                made = Connection.connection_made

                def closing(self: Connection, transport: Any) -> None:
                    made(self, transport)
                    transport.abort()

                patch.setattr(Connection, "connection_made", closing)
                assert await outcome(pool) == Cause.INCOMPLETE

    run(main())


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Cause.REFUSED),
        (FileNotFoundError(errno.ENOENT, "x"), Cause.REFUSED),
        (OSError(errno.EHOSTUNREACH, "x"), Cause.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "x"), Cause.UNREACHABLE),
        (OSError(errno.EMFILE, "x"), Cause.QUEUE_FULL),
        (ConnectionResetError(), Cause.RESET),
        (OSError("Multiple exceptions"), Cause.UNREACHABLE),
        (RuntimeError("of uvloop"), Cause.UNREACHABLE),
        (UnicodeError("label too long"), Cause.DNS),
        (ssl.SSLError(1, "secret"), Cause.TLS),
    ],
)
def test_connect_failures(error: BaseException, cause: Cause) -> None:
    """What the system says becomes a cause, also from inside another exception, and its words stay here."""
    outer = RuntimeError("10.0.0.1")
    outer.__cause__ = error
    for failure in (connect_failure(error), connect_failure(outer)):
        assert failure.cause == cause
        assert not {"x", "secret", "10.0.0.1"} & set(failure.message.split())


def test_loss_of_a_connection() -> None:
    """How a connection ends says whether it was reset, closed or refused by TLS."""
    assert lost_failure(ConnectionResetError(), answering=True).cause == Cause.RESET
    assert lost_failure(None, answering=True).cause == Cause.INCOMPLETE
    assert lost_failure(ssl.SSLEOFError(), answering=False).cause == Cause.INCOMPLETE
    assert lost_failure(ssl.SSLError(1, "alert"), answering=False).cause == Cause.TLS
    assert tls_failure(ssl.SSLError(1, "alert")).message == "TLS with the upstream failed."
