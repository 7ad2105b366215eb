"""A socket on its way to one address: connected, refused, kept waiting, given up; its number is soon another's."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Limits, Origin, Pool, PoolSettings, Timeouts
from aggregator.transport.engine.opening import sockets
from aggregator.transport.engine.opening.sockets import Address, literal, open_socket, unix, until
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"


@contextmanager
def crowded(listener: socket.socket, place: Any) -> Iterator[socket.socket]:
    """Bind *listener* to *place* and fill its queue, so that connecting has to wait."""
    with listener, ExitStack() as stack:
        listener.bind(place)
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket(listener.family))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener


@asynccontextmanager
async def addressed(kind: str, folder: Path) -> AsyncIterator[list[Address]]:
    """Yield addresses of *kind*: ones that answer, refuse, or keep us waiting."""
    path = str(folder / "up")
    with ExitStack() as stack:
        if kind.startswith("unix"):
            if kind == "unix, full":
                stack.enter_context(crowded(socket.socket(socket.AF_UNIX), path))
            elif kind == "unix":
                listener = stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(path)
                listener.listen()
            yield [unix(path)]
            return
        listener = stack.enter_context(socket.socket())
        if kind == "tcp, full":
            stack.enter_context(crowded(listener, ("127.0.0.1", 0)))
        else:
            listener.bind(("127.0.0.1", 0))
            if kind != "tcp, refused":
                listener.listen()
        port = listener.getsockname()[1]
        hosts = ["127.0.0.2", "127.0.0.1"] if kind == "one dead, one alive" else ["127.0.0.1"]
        yield [address for host in hosts if (address := literal(host, port))]


KINDS = ["tcp", "tcp, refused", "tcp, full", "one dead, one alive", "unix", "unix, absent", "unix, full"]


@pytest.mark.parametrize("kind", KINDS)
def test_given_up_at_every_turn(run: Any, stage: Any, tmp_path: Path, kind: str) -> None:
    """Whatever turn connecting is given up in, no socket is left and its number can be watched for another."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with addressed(kind, tmp_path) as addresses:
            before = stage.sockets()
            for turns in range(12):
                opening = loop.create_task(open_socket(loop, addresses))
                for _ in range(turns):
                    await asyncio.sleep(0)
                opening.cancel()
                await asyncio.wait([opening])
                if not opening.cancelled() and opening.exception() is None:
                    opening.result().close()
                near, far = socket.socketpair()
                with near, far:
                    await until(loop, near, "write")
                    await until(loop, far, "write")
                assert stage.sockets() <= before, turns

    run(main())


@pytest.mark.parametrize("kind", ["tcp", "tcp, refused"])
def test_given_up_when_it_was_ready(run: Any, stage: Any, tmp_path: Path, monkeypatch: Any, kind: str) -> None:
    """Given up after the loop found the socket ready, and before anybody could take it, it is closed."""

    async def main() -> None:
        loop, wake = asyncio.get_running_loop(), sockets.wake
        async with addressed(kind, tmp_path) as addresses:
            before = stage.sockets()
            opening = loop.create_task(open_socket(loop, addresses))

            def ready(*what: Any) -> None:
                wake(*what)
                opening.cancel()

            monkeypatch.setattr(sockets, "wake", ready)
            await asyncio.wait([opening])
            assert (opening.cancelled(), stage.sockets()) == (True, before)

    run(main())


@pytest.mark.parametrize(("kind", "number"), [("tcp, refused", errno.ECONNREFUSED), ("unix, absent", errno.ENOENT)])
def test_refused(run: Any, stage: Any, tmp_path: Path, kind: str, number: int) -> None:
    """What the system says of the attempt is raised with its number, and the socket is closed."""

    async def main() -> None:
        async with addressed(kind, tmp_path) as addresses:
            before = stage.sockets()
            with pytest.raises(OSError, match=r"\[Errno") as refusal:
                await open_socket(asyncio.get_running_loop(), addresses)
            assert (refusal.value.errno, stage.sockets()) == (number, before)

    run(main())


def test_unix_socket_with_a_full_queue(run: Any, tmp_path: Path) -> None:
    """A burst that a Unix socket has no room for waits for room, as it does over TCP, and no longer than it may."""

    async def main() -> None:
        loop, path = asyncio.get_running_loop(), str(tmp_path / "up")
        settings = PoolSettings(Origin("http", "shop", 80, path), timeouts=Timeouts(connect=0.05))
        with crowded(socket.socket(socket.AF_UNIX), path) as listener:
            pool = Pool(settings)
            with pytest.raises(CallError) as failure:
                await fetched(pool, b"GET", b"/", H, deadline=loop.time() + 5)
            assert (failure.value.cause, pool.active) == (Cause.CONNECT_TIMEOUT, 0)
            await pool.aclose()
            opening = loop.create_task(open_socket(loop, [unix(path)]))
            await asyncio.sleep(0)
            listener.accept()[0].close()
            (await opening).close()

    run(main())


async def fate(call: Any) -> Any:
    """Return the body of a reply, or the cause of its absence."""
    try:
        return (await call).body
    except CallError as error:
        return error.cause


def test_numbers_are_soon_anothers(run: Any, stage: Any) -> None:
    """While connections are opened, cut short and dropped by the dozen, no call gets another's answer or end."""

    async def main() -> None:
        before = stage.sockets()
        close = [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", "close"]
        async with (
            stage.playing(*[stage.OK, close, ["close"], ["reset"]] * 500) as upstream,
            stage.pool(upstream, limits=Limits(max_connections=8)) as pool,
        ):
            fates: set[Any] = set()

            async def one(number: int) -> None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0 if number % 3 == 0 else 5):
                        fates.add(await fate(fetched(pool, b"POST", b"/", H, deadline=stage.due())))

            for _ in range(20):
                await asyncio.gather(*map(one, range(30)))
            assert fates <= {b"ok", Cause.INCOMPLETE, Cause.RESET}
            pool.close_idle()
            await stage.until(lambda: (pool.active, upstream.open) == (0, 0))
        await stage.until(lambda: stage.sockets() <= before)

    run(main())


@pytest.mark.parametrize("path", ["", "up"], ids=["tcp", "unix"])
def test_loop_that_cannot_watch_sockets(stage: Any, tmp_path: Path, path: str) -> None:
    """On a loop without readers, as the proactor of Windows, connecting is the loop's own affair."""

    class Proactor(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader

    async def main() -> None:
        place = str(tmp_path / path) if path else ""
        async with stage.playing(stage.OK, path=place) as upstream:
            pool = Pool(PoolSettings(Origin("http", "127.0.0.1", upstream.port or 80, place or None)))
            for reused in (False, True):
                assert (await fetched(pool, b"POST", b"/", H, deadline=stage.due())).reused == reused
            await pool.aclose()
            pool = Pool(PoolSettings(Origin("http", "127.0.0.1", 1)))
            with pytest.raises(CallError, match="refused"):
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())
            await pool.aclose()

    with asyncio.Runner(loop_factory=Proactor) as runner:
        runner.run(main())
