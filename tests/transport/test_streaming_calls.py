"""Bodies that travel as they come, in both directions: the contract for every implementation of the door."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Limits
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def parts(*pieces: bytes) -> AsyncIterator[bytes]:
    """Yield *pieces* as a request body."""
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


async def read_all(reply: Any) -> bytes:
    """Return the whole body of a streamed reply."""
    return b"".join([piece async for piece in reply])


def test_body_comes_as_it_is_sent(run: Any, any_stage: Any) -> None:
    """The head and each piece are there before the next one is sent; the connection serves again."""

    async def main() -> None:
        turns = [asyncio.Event() for _ in range(3)]
        answer = [CHUNKED, turns[0].wait, b"3\r\none\r\n", turns[1].wait, b"3\r\ntwo\r\n", turns[2].wait, b"0\r\n\r\n"]
        async with any_stage.playing(answer, any_stage.OK) as upstream, any_stage.door(upstream) as door:
            async with await door.stream(b"GET", b"/", H, None, deadline=any_stage.due()) as reply:
                assert (reply.status, dict(reply.headers)[b"transfer-encoding"]) == (200, b"chunked")
                pieces = aiter(reply)
                for turn, piece in zip(turns, (b"one", b"two"), strict=False):
                    turn.set()
                    assert await anext(pieces) == piece
                turns[2].set()
                with pytest.raises(StopAsyncIteration):
                    await anext(pieces)
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert (upstream.accepted, door.active, door.waiting) == (1, 0, 0)

    run(main())


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (H, b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
        (H + b"Content-Length: 6\r\n", b"onetwo"),
    ],
)
def test_request_body_goes_as_it_comes(run: Any, any_stage: Any, headers: bytes, sent: bytes) -> None:
    """A request body from a source goes out in chunks, or bare when its length is declared."""

    async def main() -> bytes:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            body = parts(b"one", b"", b"two")
            async with await door.stream(b"POST", b"/", headers, body, deadline=any_stage.due()) as reply:
                assert await read_all(reply) == b"ok"
            return upstream.requests[0]

    request = run(main())
    assert request.lower().endswith(sent)
    assert request.lower().count(b"content-length") + request.lower().count(b"transfer-encoding") == 1


@pytest.mark.parametrize("pieces", [(b"one",), (b"one", b"two", b"three")])
def test_length_that_is_not_kept(run: Any, any_stage: Any, pieces: tuple[bytes, ...]) -> None:
    """A request body that is shorter or longer than declared fails the call and cannot reach into the next."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(CallError) as failure:
                await door.stream(b"POST", b"/", H + b"content-length: 6\r\n", parts(*pieces), deadline=any_stage.due())
            assert failure.value.cause == Cause.PROTOCOL
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert upstream.requests[-1].startswith(b"GET / HTTP/1.1\r\n")

    run(main())


def test_source_that_fails(run: Any, any_stage: Any) -> None:
    """What the source of the request raises comes out as it is; the connection is not used again."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise ZeroDivisionError

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(ZeroDivisionError):
                await door.stream(b"POST", b"/", H, broken(), deadline=any_stage.due())
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert door.active == 0

    run(main())


@pytest.mark.parametrize(
    ("end", "cause"), [("close", Cause.INCOMPLETE), ("reset", Cause.RESET), (b"zz\r\n", Cause.PROTOCOL)]
)
def test_body_that_breaks_off(run: Any, any_stage: Any, end: Any, cause: Cause) -> None:
    """A body that fails on its way raises; it never just ends."""

    async def main() -> None:
        go = asyncio.Event()
        async with (
            any_stage.playing([CHUNKED, b"3\r\none\r\n", go.wait, end]) as upstream,
            any_stage.door(upstream) as door,
        ):
            reply = await door.stream(b"GET", b"/", H, None, deadline=any_stage.due())
            pieces = aiter(reply)
            assert await anext(pieces) == b"one"
            go.set()
            with pytest.raises(CallError) as failure:
                await anext(pieces)
            assert failure.value.cause == cause
            with pytest.raises(CallError):
                await anext(pieces)
            await reply.aclose()
            assert (door.active, door.waiting) == (0, 0)

    run(main())


@pytest.mark.long
def test_deadline_covers_the_body(run: Any, any_stage: Any) -> None:
    """The deadline cuts a body that drips; without one it may drip for ever."""

    async def main() -> None:
        slow = [CHUNKED, *[lambda: asyncio.sleep(0.05), b"1\r\nx\r\n"] * 60]
        drip = [CHUNKED, *[lambda: asyncio.sleep(0.01), b"1\r\nx\r\n"] * 20, b"0\r\n\r\n"]
        async with any_stage.playing(slow, drip) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(CallError) as failure:
                async with await door.stream(b"GET", b"/", H, None, deadline=any_stage.due(0.6)) as reply:
                    await read_all(reply)
            assert failure.value.cause == Cause.DEADLINE
            async with await door.stream(b"GET", b"/", H, None, deadline=None, idle_timeout=20.0) as reply:
                assert await read_all(reply) == b"x" * 20

    run(main())


@pytest.mark.long
def test_idle_timeout(run: Any, any_stage: Any) -> None:
    """A silence longer than the idle timeout ends the body, however far away the deadline is."""

    async def main() -> None:
        async with any_stage.playing([CHUNKED, b"1\r\nx\r\n", "hang"]) as upstream, any_stage.door(upstream) as door:
            async with await door.stream(b"GET", b"/", H, None, deadline=None, idle_timeout=0.5) as reply:
                with pytest.raises(CallError) as failure:
                    await read_all(reply)
                assert failure.value.cause == Cause.READ_TIMEOUT
            await any_stage.until(lambda: upstream.open == 0)

    run(main())


@pytest.mark.long
@pytest.mark.parametrize("body", [None, b"whole", "pieces"])
def test_answer_timeout(run: Any, any_stage: Any, body: Any) -> None:
    """The first byte of a reply is awaited so long from the end of the request, whatever silence is allowed after it."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0.15)
            yield b"x"

    async def main() -> None:
        answers = (any_stage.OK, any_stage.OK, ["hang"])
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream) as door:
            await fetched(
                door, b"GET", b"/", H, deadline=any_stage.due()
            )  # what is made for a first call takes its time
            for fails in (False, True):
                sent = pieces() if body == "pieces" else body
                asked = door.stream(b"PUT", b"/", H, sent, deadline=None, answer_timeout=0.5, idle_timeout=30.0)
                if fails:
                    with pytest.raises(CallError) as failure:
                        await asked
                    assert failure.value.cause == Cause.DEADLINE
                else:
                    async with await asked as reply:
                        await read_all(reply)
            await any_stage.until(lambda: upstream.open == 0)

    run(main())


def test_a_stream_waits_for_its_place_no_longer_than_for_its_answer(run: Any, any_stage: Any) -> None:
    """A stream without a deadline does not stand in the queue for ever."""

    async def main() -> None:
        held, limits = [CHUNKED, b"1\r\nx\r\n", "hang"], Limits(max_streams=1)
        async with any_stage.playing(held) as upstream, any_stage.door(upstream, limits=limits) as door:
            reply = await door.stream(b"GET", b"/", H, None, deadline=None)
            with pytest.raises(CallError) as failure:
                await door.stream(b"GET", b"/", H, None, deadline=None, answer_timeout=0.05)
            assert failure.value.cause == Cause.QUEUE_TIMEOUT
            await reply.aclose()

    run(main())


def test_given_up(run: Any, any_stage: Any) -> None:
    """A reply that is closed in the middle closes its connection, and cannot be read on."""

    async def main() -> None:
        limits = Limits(max_connections=1)
        answers = ([CHUNKED, b"3\r\none\r\n", "hang"], any_stage.OK)
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream, limits=limits) as door:
            reply = await door.stream(b"GET", b"/", H, None, deadline=None)
            pieces = aiter(reply)
            await anext(pieces)
            await reply.aclose()
            await any_stage.until(lambda: upstream.open == 0)
            with pytest.raises(CallError):
                await anext(pieces)
            await reply.aclose()
            assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"

    run(main())


@pytest.mark.long
def test_dropped(run: Any, any_stage: Any) -> None:
    """A reply that is forgotten gives its place back."""

    async def main() -> None:
        limits = Limits(max_connections=1)
        answers = ([CHUNKED, b"3\r\none\r\n", "hang"], any_stage.OK)
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream, limits=limits) as door:
            reply = await door.stream(b"GET", b"/", H, None, deadline=None)
            assert door.active == 1
            del reply
            gc.collect()
            assert (door.active, door.waiting) == (0, 0)

    run(main())


def test_decoded_or_not(run: Any, any_stage: Any) -> None:
    """A coding is undone when asked, and passed on with its headers when not."""
    packed = gzip.compress(b"text" * 1000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed)

    async def main() -> None:
        async with any_stage.playing(answer) as upstream, any_stage.door(upstream) as door:
            async with await door.stream(b"GET", b"/", H, None, deadline=None) as reply:
                assert dict(reply.headers)[b"content-encoding"] == b"gzip"
                assert await read_all(reply) == packed
            async with await door.stream(b"GET", b"/", H, None, deadline=None, decode=True) as reply:
                assert reply.headers == []
                assert await read_all(reply) == b"text" * 1000

    run(main())


@pytest.mark.parametrize("coding", [b"foo", b"gzip"])
def test_decoding_that_fails(run: Any, any_stage: Any, coding: bytes) -> None:
    """A coding that is unknown or broken off raises, and the place is free again."""
    packed = gzip.compress(b"text" * 1000)[:-5]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(packed))

    async def main() -> None:
        async with any_stage.playing(head + packed) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(CallError) as failure:
                await read_all(await door.stream(b"GET", b"/", H, None, deadline=None, decode=True))
            assert failure.value.cause == Cause.CODING
            assert (door.active, door.waiting) == (0, 0)

    run(main())


def test_cancelled_reader(run: Any, any_stage: Any) -> None:
    """A reader that is cancelled while it waits for a piece leaves a reply that can be closed."""

    async def main() -> None:
        async with any_stage.playing([CHUNKED, "hang"]) as upstream, any_stage.door(upstream) as door:

            async def read() -> None:
                async with await door.stream(b"GET", b"/", H, None, deadline=None) as reply:
                    await read_all(reply)

            task = asyncio.create_task(read())
            await any_stage.until(lambda: bool(upstream.requests))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            await any_stage.until(lambda: upstream.open == 0)
            assert (door.active, door.waiting) == (0, 0)

    run(main())


@pytest.mark.long
def test_back_pressure(run: Any, stage: Any) -> None:
    """A reply that nobody reads stops its upstream after some hundred kilobytes, and is whole when read."""
    sent = 0

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
            for _ in range(500):
                writer.write(b"x" * 100_000)
                await writer.drain()
                sent += 100_000
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with stage.pool(server.sockets[0].getsockname()[1]) as pool:
            async with await pool.stream(b"GET", b"/", H, None, deadline=None, idle_timeout=0.5) as reply:
                await asyncio.sleep(0.6)  # longer than the idle timeout: it is we who are silent
                stalled = sent
                await asyncio.sleep(0.02)
                assert sent == stalled < 20_000_000
                assert sum([len(piece) async for piece in reply]) == 50_000_000
            assert pool.active == 0
        server.close()

    run(main())


def test_slow_upstream_holds_the_request_back(run: Any, stage: Any) -> None:
    """A request body is taken from its source no faster than the upstream takes it, for so long at most."""
    taken = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 100_000
            yield b"x" * 100_000

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()
            await gone.wait()
            writer.transport.abort()

        from aggregator.transport import Timeouts

        gone = asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with stage.pool(server.sockets[0].getsockname()[1], timeouts=Timeouts(write=0.1)) as pool:
            with pytest.raises(CallError) as failure:
                await pool.stream(b"POST", b"/", H, source(), deadline=stage.due())
            assert failure.value.cause == Cause.WRITE_TIMEOUT
            assert taken < 20_000_000
            assert pool.active == 0
        gone.set()
        server.close()

    run(main())


def test_large_request_body(run: Any, stage: Any) -> None:
    """A body of many megabytes arrives whole, from bytes and from a source alike."""

    async def main() -> None:
        body = bytes(range(256)) * 20_000
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream) as pool:
            await fetched(pool, b"PUT", b"/", H, body, deadline=stage.due(20))
            pieces = [body[at : at + 70_000] for at in range(0, len(body), 70_000)]
            declared = H + b"content-length: %d\r\n" % len(body)
            async with await pool.stream(b"PUT", b"/", declared, parts(*pieces), deadline=stage.due(20)):
                pass
            assert [request.partition(b"\r\n\r\n")[2] == body for request in upstream.requests] == [True, True]

    run(main())


def test_answer_before_the_request_is_whole(run: Any, stage: Any) -> None:
    """An answer that comes early is delivered at once; the rest of the request stays here, its connection goes."""

    async def main() -> None:
        closed = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with stage.pool(server.sockets[0].getsockname()[1]) as pool:
            async with await pool.stream(b"POST", b"/", H, endless(), deadline=stage.due()) as reply:
                assert (reply.status, await read_all(reply)) == (413, b"no!")
            await closed.wait()
            assert (pool.active, pool.idle) == (0, 0)
        server.close()

    run(main())


@pytest.mark.parametrize("method", [b"PUT", b"POST"])
def test_streamed_request_takes_no_connection_that_has_ended(run: Any, stage: Any, method: bytes) -> None:
    """What cannot be sent twice looks at the socket first: the end may lie there, unread by the loop."""

    async def main() -> None:
        server = socket.create_server(("127.0.0.1", 0))
        server.setblocking(False)
        loop = asyncio.get_running_loop()

        async def accept() -> socket.socket:
            return (await loop.sock_accept(server))[0]

        async def answer(far: socket.socket) -> None:
            await loop.sock_recv(far, 1000)
            await loop.sock_sendall(far, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

        async with stage.pool(server.getsockname()[1]) as pool:
            first = asyncio.create_task(fetched(pool, b"GET", b"/", H, deadline=stage.due()))
            far = await accept()
            await answer(far)
            await first
            far.close()  # and no turn of the loop until the request
            second = asyncio.create_task(pool.stream(method, b"/", H, parts(b"one"), deadline=stage.due()))
            far = await accept()
            await answer(far)
            async with await second as reply:
                assert (reply.status, await read_all(reply)) == (200, b"ok")
            far.close()
        server.close()

    run(main())


def test_streamed_request_is_not_replayed(run: Any, any_stage: Any) -> None:
    """What came from a source cannot be sent twice, whatever the method; what is bytes can."""

    async def main() -> None:
        answers = (any_stage.OK, ["close"], any_stage.OK)
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream) as door:
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            with pytest.raises(CallError):
                await door.stream(b"PUT", b"/", H, parts(b"one"), deadline=any_stage.due())
            assert len(upstream.requests) == 2
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream) as door:
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            async with await door.stream(b"PUT", b"/", H, b"one", deadline=any_stage.due()) as reply:
                assert await read_all(reply) == b"ok"
            assert len(upstream.requests) == 3

    run(main())
