"""HTTP/2 through `client: {transport: httpx, http2: true}`: the rules of the engine, many calls on one connection."""

from __future__ import annotations

import asyncio
import gc
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.plan.serving import ClientPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.runtime.client import SharedClient
from aggregator.transport import Caps, Door, Origin, PoolSettings, TlsSettings
from aggregator.transport.fetching import fetched

H = b"host: shop.test\r\naccept: */*\r\n"
PLAN = ClientPlan(transport="httpx", http2=True)


@asynccontextmanager
async def shared(authority: Any, port: int, **parts: Any) -> AsyncIterator[Door]:
    """Yield the pool of an upstream at *port*, as the runtime makes it; all its places are free at the end."""
    tls = TlsSettings(ca_file=authority.file, **parts.pop("tls", {}))
    client = SharedClient(PLAN)
    settings = PoolSettings(Origin("https", "127.0.0.1", port), tls=tls, **parts)
    pool = client.pool(UpstreamPlan("shop", "shop", settings, b"shop.test"))
    try:
        yield pool
        assert (pool.active, pool.waiting) == (0, 0)
    finally:
        await client.aclose()


async def fate(call: Any) -> Any:
    """Return the body of a reply, or the cause of its absence."""
    try:
        return (await call).body
    except CallError as error:
        return error.cause


async def one(pool: Any, stage: Any) -> Any:
    """Make one call; give its fate."""
    return await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due()))


async def ok(stream: Any) -> None:
    """Answer with ``ok``."""
    await stream.answer()


def test_calls_share_a_connection(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """Calls side by side go over one connection and each gets its own answer, in whatever order they come."""
    upstream: Any = None

    async def backwards(stream: Any) -> None:
        if stream.path == "/0":
            await stage.until(lambda: len(upstream.requests) == 20)
        await stream.answer(stream.path.encode())

    async def main() -> None:
        nonlocal upstream
        async with serving(backwards) as upstream, shared(authority, upstream.port) as pool:
            calls = [fetched(pool, b"GET", b"/%d" % n, H, deadline=stage.due()) for n in range(20)]
            assert [reply.body for reply in await asyncio.gather(*calls)] == [b"/%d" % n for n in range(20)]
            assert upstream.protocols == ["h2"]

    run(main())


def test_request_and_reply(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """Methods, targets, headers and bodies go there and come back as they do over HTTP/1.1."""

    async def answer(stream: Any) -> None:
        await stream.head(201, ("X-A", "1"), ("content-encoding", "gzip"), ("x-a", "2"))
        await stream.say(gzip.compress(b'{"a": 1.0}'), last=True)

    async def main() -> None:
        async with serving(answer) as upstream, shared(authority, upstream.port) as pool:
            reply = await fetched(pool, b"POST", b"/a%2Fb/../c?x=|", H, b"{}" * 50_000, deadline=stage.due())
            assert (reply.status, reply.headers, reply.body) == (201, [(b"x-a", b"1"), (b"x-a", b"2")], b'{"a": 1.0}')
            (request,) = upstream.requests
            assert (request.headers[b":method"], request.headers[b":path"]) == (b"POST", b"/a%2Fb/../c?x=|")
            assert request.headers[b":authority"] == b"shop.test"
            assert set(request.headers) >= {b"accept", b"content-length"}
            assert request.body == b"{}" * 50_000
            assert (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).reused

    run(main())


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_no_body(run: Any, stage: Any, authority: Any, serving: Any, method: bytes, status: int) -> None:
    """HEAD, 204 and 304 have no body, whatever their headers say of one."""

    async def answer(stream: Any) -> None:
        await stream.head(status, ("content-encoding", "gzip"), last=True)

    async def main() -> None:
        async with serving(answer) as upstream, shared(authority, upstream.port) as pool:
            reply = await fetched(pool, method, b"/", H, deadline=stage.due())
            assert (reply.status, reply.body) == (status, b"")

    run(main())


async def many_headers(stream: Any) -> None:
    """Answer with more headers than allowed."""
    await stream.head(200, *[(f"x-{n}", "1") for n in range(201)], last=True)


async def large_head(stream: Any) -> None:
    """Answer with a head that is too large."""
    await stream.head(200, *[(f"x-{n}", "y" * 8000) for n in range(9)], last=True)


async def odd_status(stream: Any) -> None:
    """Answer with a status that means nothing."""
    await stream.head(999, last=True)


async def large_body(stream: Any) -> None:
    """Answer with a body beyond the cap."""
    await stream.answer(b"x" * 1001)


async def bomb(stream: Any) -> None:
    """Answer with a body that inflates beyond the cap."""
    await stream.answer(gzip.compress(bytes(100_000)), 200, ("content-encoding", "gzip"))


async def short_body(stream: Any) -> None:
    """End a body before the length that was declared."""
    await stream.head(200, ("content-length", "10"))
    stream.wire.h2.streams[stream.number]._expected_content_length = None
    await stream.say(b"half", last=True)


async def reset(stream: Any) -> None:
    """Reset the stream in the middle of its body."""
    await stream.head(200)
    await stream.say(b"half")
    await stream.refuse()


async def refused(stream: Any) -> None:
    """Refuse the stream."""
    await stream.refuse(7)


async def goes_away(stream: Any) -> None:
    """End the connection in words."""
    await stream.wire.go_away()


async def hangs_up(stream: Any) -> None:
    """End the connection without a word."""
    await stream.head(200)
    stream.wire.writer.transport.abort()


async def nonsense(stream: Any) -> None:
    """Say what is not HTTP/2."""
    stream.wire.writer.write(b"\0\0\5\4\0\0\0\0\1hello")  # settings of a stream, in five bytes
    await stream.wire.writer.drain()


@pytest.mark.parametrize(
    ("answer", "causes"),
    [
        (many_headers, {Cause.PROTOCOL}),
        (large_head, {Cause.PROTOCOL}),
        (odd_status, {Cause.PROTOCOL}),
        (large_body, {Cause.TOO_LARGE}),
        (bomb, {Cause.TOO_LARGE}),
        (short_body, {Cause.PROTOCOL}),
        (reset, {Cause.RESET}),
        (refused, {Cause.RESET}),
        (goes_away, {Cause.INCOMPLETE}),
        (hangs_up, {Cause.INCOMPLETE, Cause.RESET}),
        (nonsense, {Cause.PROTOCOL}),
    ],
)
def test_refusals(run: Any, stage: Any, authority: Any, serving: Any, answer: Any, causes: set[Cause]) -> None:
    """What is not an acceptable response fails with its cause, and poisons no later call."""

    async def first(stream: Any) -> None:
        await (answer if stream.path == "/bad" else ok)(stream)

    async def main() -> None:
        caps = Caps(body=1000, decoded=1000)
        async with serving(first) as upstream, shared(authority, upstream.port, caps=caps) as pool:
            for _ in range(3):
                assert await fate(fetched(pool, b"POST", b"/bad", H, b"x", deadline=stage.due(2))) in causes
                assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due(2))) == b"ok"

    run(main())


def test_upstream_without_http2(run: Any, stage: Any, authority: Any) -> None:
    """An upstream that does not speak HTTP/2 is spoken to in HTTP/1.1."""

    async def main() -> None:
        async with (
            stage.playing(stage.OK, tls=authority.server) as upstream,
            shared(authority, upstream.port) as pool,
        ):
            for reused in (False, True):
                assert (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).reused == reused
            assert upstream.requests[0].startswith(b"GET / HTTP/1.1\r\n")

    run(main())


@pytest.mark.long
def test_cut_calls_do_not_starve_the_others(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """Bodies that were given up half-way leave no connection on which the next ones have no room."""

    async def answer(stream: Any) -> None:
        await stream.answer(bytes(2_000_000) if stream.path == "/large" else b"ok")

    async def main() -> None:
        caps = Caps(body=1_000_000)
        async with serving(answer) as upstream, shared(authority, upstream.port, caps=caps) as pool:
            for _ in range(30):
                assert await fate(fetched(pool, b"GET", b"/large", H, deadline=stage.due())) == Cause.TOO_LARGE
            assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"

    run(main())


@pytest.mark.long
def test_dead_connection(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """A connection on which a call was not answered in time serves no later call; those on it may end."""
    going_on: Any = None

    async def answer(stream: Any) -> None:
        if stream.path == "/slow":
            await going_on.wait()
        if stream.path == "/dead":
            await stream.reset.wait()
        await stream.answer()

    async def main() -> None:
        nonlocal going_on
        going_on = asyncio.Event()
        async with serving(answer) as upstream, shared(authority, upstream.port) as pool:
            assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"
            slow = asyncio.create_task(fate(fetched(pool, b"GET", b"/slow", H, deadline=stage.due())))
            await stage.until(lambda: len(upstream.requests) == 2)
            assert await fate(fetched(pool, b"GET", b"/dead", H, deadline=stage.due(0.5))) == Cause.DEADLINE
            assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"
            assert (len(upstream.wires), upstream.open) == (2, 2)
            going_on.set()
            assert await slow == b"ok"
            await stage.until(lambda: upstream.open == 1)

    run(main())


def test_cancelled_at_every_turn(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """Whatever turn of the loop a call is cancelled in, its place is free again and its sockets go."""

    async def main() -> None:
        before = stage.sockets()
        async with serving(ok) as upstream:
            async with shared(authority, upstream.port) as pool:
                for turns in range(400):
                    call = asyncio.create_task(one(pool, stage))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    call.cancel()
                    await asyncio.wait([call])
                    assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"
                    if not call.cancelled():
                        break
                else:
                    raise AssertionError("no call came to its end")
                await stage.until(lambda: upstream.open <= 1)
            await stage.until(lambda: upstream.open == 0)
        await stage.until(lambda: stage.sockets() <= before and len(asyncio.all_tasks()) == 1)

    run(main())


def test_client_certificate_and_name(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """The TLS settings of the upstream hold here too: authority, name, our certificate."""
    cert, key = authority.certificate("gateway")

    async def main() -> None:
        async with serving(ok, clients=True) as upstream:
            tls = {"cert_file": cert, "key_file": key, "server_name": "shop.test"}
            async with shared(authority, upstream.port, tls=tls) as pool:
                assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"
            tls["server_name"] = "other.test"
            async with shared(authority, upstream.port, tls=tls) as pool:
                assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == Cause.TLS

    run(main())


@pytest.mark.long
def test_storm(run: Any, stage: Any, authority: Any, serving: Any) -> None:
    """After a thousand calls of every fate nothing is left, and the next is answered."""
    fates = (ok, ok, ok, reset, refused, goes_away, hangs_up, nonsense, large_body, bomb, many_headers)

    async def answer(stream: Any) -> None:
        number = int(stream.path[1:])
        if number % 13 == 12:
            await stream.reset.wait()
        await fates[number % len(fates)](stream)

    async def main() -> None:
        gc.collect()  # what tests before this one have left must not go while this one counts
        before = stage.sockets()
        async with serving(answer) as upstream:
            async with shared(authority, upstream.port, caps=Caps(body=1000, decoded=1000)) as pool:
                for turn in range(20):
                    calls = [
                        fetched(pool, b"GET", b"/%d" % (50 * turn + n), H, deadline=stage.due(0.2)) for n in range(50)
                    ]
                    await asyncio.gather(*map(fate, calls))
                assert await fate(fetched(pool, b"GET", b"/0", H, deadline=stage.due())) == b"ok"
                await stage.until(lambda: upstream.open <= 1)
            await stage.until(lambda: upstream.open == 0)
        await stage.until(lambda: stage.sockets() <= before and len(asyncio.all_tasks()) == 1)

    run(main())


@pytest.mark.parametrize(
    ("method", "code", "hits"), [(b"GET", 7, 2), (b"GET", 2, 1), (b"GET", 8, 1), (b"POST", 7, 1), (b"POST", 2, 1)]
)
def test_replay(run: Any, stage: Any, authority: Any, serving: Any, method: bytes, code: int, hits: int) -> None:
    """A stream that an upstream refused untouched is opened once more for GET; one that it reset, or a POST, never."""

    async def answer(stream: Any) -> None:
        if stream.path == "/reset":
            await stream.refuse(code)
        await ok(stream)

    async def main() -> None:
        async with serving(answer) as upstream, shared(authority, upstream.port) as pool:
            assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"
            assert await fate(fetched(pool, method, b"/reset", H, deadline=stage.due())) == Cause.RESET
            assert [stream.path for stream in upstream.requests[1:]] == ["/reset"] * hits
            assert await fate(fetched(pool, b"GET", b"/", H, deadline=stage.due())) == b"ok"
            assert len(upstream.wires) == 1

    run(main())
