"""The contract of the lean door, kept by the engine and by any httpx client alike."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Caps, Limits, Reply, Timeouts
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"


def answered(
    run: Any, stage: Any, *answers: Any, method: bytes = b"GET", body: bytes | None = None, **parts: Any
) -> Any:
    """Return the reply to one call to an upstream that plays *answers*, or the error."""

    async def main() -> Any:
        async with stage.playing(*answers) as upstream, stage.door(upstream, **parts) as door:
            try:
                return await fetched(door, method, b"/a?b=c", H, body, deadline=stage.due())
            except CallError as error:
                return error

    return run(main())


def test_reply(run: Any, any_stage: Any) -> None:
    """A reply has the status, the headers in order with names in lower case, and the body."""
    answer = b"HTTP/1.1 418 Teapot\r\nX-B: 1\r\nX-A:  2 \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    answer += b"Content-Length: 2\r\n\r\nhi"
    reply = answered(run, any_stage, answer)
    assert (reply.status, reply.body, reply.reused) == (418, b"hi", False)
    names = [
        (b"x-b", b"1"),
        (b"x-a", b"2"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"2"),
    ]
    assert reply.headers == names
    assert 0 < reply.started <= reply.sent <= reply.first_byte <= reply.finished


@pytest.mark.parametrize(
    ("method", "body", "sent"),
    [
        (b"GET", None, b"GET /a?b=c HTTP/1.1\r\nhost: shop\r\n\r\n"),
        (b"POST", b"data", b"POST /a?b=c HTTP/1.1\r\nhost: shop\r\ncontent-length: 4\r\n\r\ndata"),
        (b"POST", None, b"POST /a?b=c HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n"),
        (b"DELETE", None, b"DELETE /a?b=c HTTP/1.1\r\nhost: shop\r\n\r\n"),
    ],
)
def test_request(run: Any, any_stage: Any, method: bytes, body: bytes | None, sent: bytes) -> None:
    """What goes out is the request line, the prepared headers and the framing of the body: nothing else."""

    async def main() -> bytes:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            await fetched(door, method, b"/a?b=c", H, body, deadline=any_stage.due())
            return upstream.requests[0]

    head, _, rest = run(main()).partition(b"\r\n")
    want_head, _, want_rest = sent.partition(b"\r\n")
    assert (head, rest.lower()) == (want_head, want_rest)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (HEAD + b"Content-Length: 0\r\n\r\n", b""),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n", b"abcde"),
        (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
        ([HEAD + b"\r\nto the end", "close"], b"to the end"),
        ([b"HTTP/1.0 200 OK\r\n\r\nold", "close"], b"old"),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
            + HEAD
            + b"Content-Length: 2\r\n\r\nhi",
            b"hi",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", b""),
        ([HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", "close"], b"hi"),
        ([HEAD + b"Content-Length: 4\r\n\r\nab", lambda: asyncio.sleep(0.01), b"cd"], b"abcd"),
    ],
)
def test_bodies(run: Any, any_stage: Any, answer: Any, body: bytes) -> None:
    """Every way to frame a body is read, interim responses are passed over, trailers do not become headers."""
    reply = answered(run, any_stage, answer)
    assert reply.body == body
    assert b"x-t" not in dict(reply.headers)


def test_head(run: Any, any_stage: Any) -> None:
    """HEAD has headers that speak of a body, and none; the connection serves again."""

    async def main() -> None:
        answer = HEAD + b"Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\n"
        async with any_stage.playing(answer, any_stage.OK) as upstream, any_stage.door(upstream) as door:
            reply = await fetched(door, b"HEAD", b"/", H, deadline=any_stage.due())
            assert (reply.body, dict(reply.headers)[b"content-length"]) == (b"", b"5")
            assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"
            assert upstream.accepted == 1

    run(main())


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (["reset"], Cause.RESET),
        (["close"], Cause.INCOMPLETE),
        ([b"HTTP/1.1 20", "close"], Cause.INCOMPLETE),
        ([HEAD + b"Content-Length: 10\r\n\r\nhalf", "close"], Cause.INCOMPLETE),
        ([HEAD + b"Content-Length: 10\r\n\r\nhalf", "reset"], Cause.RESET),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "close"], Cause.INCOMPLETE),
        (b"<html>not http</html>\r\n\r\n", Cause.PROTOCOL),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", Cause.PROTOCOL),
        (HEAD + b"Content-Length: +2\r\n\r\nab", Cause.PROTOCOL),
        (HEAD + b"Content-Length: -2\r\n\r\nab", Cause.PROTOCOL),
        (HEAD + b"Content-Length: 0x2\r\n\r\nab", Cause.PROTOCOL),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\nab", Cause.PROTOCOL),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Cause.PROTOCOL),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n", Cause.PROTOCOL),
        (HEAD + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n", Cause.PROTOCOL),
        (b"HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n", Cause.PROTOCOL),
        (b"HTTP/1.1 999 All\r\nContent-Length: 0\r\n\r\n", Cause.PROTOCOL),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Cause.PROTOCOL),
        (HEAD + b"X: 1\r\n" * 201 + b"Content-Length: 0\r\n\r\n", Cause.PROTOCOL),
        (HEAD + b"X: " + b"y" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n", Cause.PROTOCOL),
        (HEAD + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001, Cause.TOO_LARGE),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"fa\r\n" + b"x" * 250 + b"\r\n") * 5, Cause.TOO_LARGE),
        ([HEAD + b"\r\n" + b"x" * 1001, "close"], Cause.TOO_LARGE),
        (HEAD + b"Content-Encoding: foo\r\nContent-Length: 2\r\n\r\nab", Cause.CODING),
        (HEAD + b"Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nab", Cause.CODING),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", Cause.CODING),
    ],
)
def test_refusals(run: Any, any_stage: Any, answer: Any, cause: Cause) -> None:
    """What is not exactly one acceptable response fails with its cause, and not a byte of it comes through."""
    error = answered(run, any_stage, answer, caps=Caps(body=1000, decoded=1000))
    assert isinstance(error, CallError), error.body
    assert error.cause == cause
    assert "127.0.0.1" not in str(error)


def test_after_a_refusal_the_next_call_is_clean(run: Any, any_stage: Any) -> None:
    """A response that was refused poisons no later one."""

    async def main() -> None:
        bad = HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        async with any_stage.playing(bad, any_stage.OK) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(CallError):
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"

    run(main())


@pytest.mark.parametrize(
    ("coding", "pack"), [(b"gzip", gzip.compress), (b"x-gzip", gzip.compress), (b"deflate", zlib.compress)]
)
def test_codings(run: Any, any_stage: Any, coding: bytes, pack: Any) -> None:
    """A coded body arrives decoded, and its headers no longer speak of the coding."""
    packed = pack(b"text" * 100)
    answer = HEAD + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(packed), packed)
    reply = answered(run, any_stage, answer)
    assert (reply.body, reply.headers) == (b"text" * 100, [])


def test_bomb(run: Any, any_stage: Any) -> None:
    """A body that inflates beyond its cap is cut there."""
    packed = gzip.compress(b"0" * 10_000_000)
    answer = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed)
    assert answered(run, any_stage, answer, caps=Caps(decoded=100_000)).cause == Cause.TOO_LARGE


def test_connections_are_reused(run: Any, any_stage: Any) -> None:
    """Calls one after another share a connection, and say so."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            replies = [await fetched(door, b"GET", b"/", H, deadline=any_stage.due()) for _ in range(5)]
            assert upstream.accepted == 1
            if any_stage.door.__name__ != "engine_client_door":
                assert [reply.reused for reply in replies] == [False, True, True, True, True]

    run(main())


def test_deadline(run: Any, any_stage: Any) -> None:
    """The deadline ends a call in whatever it waits for: the head, the next byte of a dripping body."""

    async def main() -> None:
        async def drip() -> None:
            await asyncio.sleep(0.02)

        slow = [HEAD + b"Content-Length: 100\r\n\r\n", *[drip, b"x"] * 100]
        for answer in (["hang"], slow):
            async with any_stage.playing(answer) as upstream, any_stage.door(upstream) as door:
                begun = asyncio.get_running_loop().time()
                with pytest.raises(CallError) as failure:
                    await fetched(door, b"GET", b"/", H, deadline=begun + 0.1)
                assert failure.value.cause == Cause.DEADLINE
                assert asyncio.get_running_loop().time() - begun > 0.09
                await any_stage.until(lambda: upstream.open == 0)

    run(main())


def test_deadline_in_the_past(run: Any, any_stage: Any) -> None:
    """A call that is already too late never reaches the upstream."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due(-0.1))
            assert (failure.value.cause, upstream.accepted) == (Cause.DEADLINE, 0)

    run(main())


def test_read_limit(run: Any, any_stage: Any) -> None:
    """A silence longer than the read limit ends the call before its deadline."""
    error = answered(run, any_stage, [HEAD + b"Content-Length: 9\r\n\r\n", "hang"], timeouts=Timeouts(read=0.05))
    assert error.cause == Cause.READ_TIMEOUT


def test_refused(run: Any, any_stage: Any) -> None:
    """Nobody listens: the cause says so, the message holds no address."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream:
            pass
        async with any_stage.door(upstream) as door:
            with pytest.raises(CallError, match="refused") as failure:
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert failure.value.cause == Cause.REFUSED

    run(main())


def test_stale_connection(run: Any, any_stage: Any) -> None:
    """A connection that dies idle, or swallows a request, is replaced once for GET and never for POST."""

    async def main(method: bytes) -> list[Any]:
        answers = (any_stage.OK, ["close"], any_stage.OK)
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream) as door:
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            try:
                outcome: Any = await fetched(door, method, b"/", H, b"x", deadline=any_stage.due())
            except CallError as error:
                outcome = error.cause
            return [outcome, len(upstream.requests), upstream.accepted]

    for method in (b"PUT", b"HEAD", b"DELETE"):
        reply, requests, accepted = run(main(method))
        assert (reply.status, requests, accepted) == (200, 3, 2)
    assert run(main(b"POST")) == [Cause.INCOMPLETE, 2, 1]
    assert run(main(b"PATCH")) == [Cause.INCOMPLETE, 2, 1]


def test_fresh_connection_is_not_replayed(run: Any, any_stage: Any) -> None:
    """A request that a fresh connection swallows fails: the upstream may have acted on it."""

    async def main() -> None:
        async with any_stage.playing(["close"], any_stage.OK) as upstream, any_stage.door(upstream) as door:
            with pytest.raises(CallError):
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert len(upstream.requests) == 1

    run(main())


def test_replay_happens_once(run: Any, any_stage: Any) -> None:
    """A replay that fails is the end of it."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK, ["close"]) as upstream, any_stage.door(upstream) as door:
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert (failure.value.cause, len(upstream.requests)) == (Cause.INCOMPLETE, 3)

    run(main())


def test_no_replay_after_half_a_head(run: Any, stage: Any) -> None:
    """A single byte of an answer is an answer that has begun."""

    async def main() -> None:
        async with stage.playing(stage.OK, [b"H", "close"], stage.OK) as upstream, stage.pool(upstream) as pool:
            await fetched(pool, b"GET", b"/", H, deadline=stage.due())
            with pytest.raises(CallError) as failure:
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())
            assert (failure.value.cause, len(upstream.requests)) == (Cause.INCOMPLETE, 2)

    run(main())


def test_no_replay_after_the_first_byte(run: Any, any_stage: Any) -> None:
    """An answer that has begun and breaks off is not asked for again."""

    async def main() -> None:
        half = [HEAD + b"Content-Length: 9\r\n\r\nhalf", "close"]
        async with any_stage.playing(any_stage.OK, half, any_stage.OK) as upstream, any_stage.door(upstream) as door:
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            with pytest.raises(CallError):
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert len(upstream.requests) == 2

    run(main())


def test_waiting_is_bounded(run: Any, any_stage: Any) -> None:
    """Beyond the connections and the queue a call is refused at once, with a time to come back."""

    async def main() -> None:
        limits = Limits(max_connections=2, max_waiting=1, retry_after=3.0)
        async with any_stage.playing(["hang"]) as upstream, any_stage.door(upstream, limits=limits) as door:
            calls = [asyncio.create_task(fetched(door, b"GET", b"/", H, deadline=any_stage.due())) for _ in range(3)]
            await any_stage.until(lambda: door.waiting == 1)
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert (failure.value.cause, failure.value.retry_after) == (Cause.QUEUE_FULL, 3.0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)

    run(main())


@pytest.mark.long
def test_waiting_ends_at_the_deadline(run: Any, any_stage: Any) -> None:
    """Calls that have a connection and calls that wait for one end alike when their time is over."""

    async def main() -> None:
        limits = Limits(max_connections=2, max_waiting=1)
        async with any_stage.playing(["hang"]) as upstream, any_stage.door(upstream, limits=limits) as door:
            calls = (fetched(door, b"GET", b"/", H, deadline=any_stage.due(0.3)) for _ in range(3))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [outcome.cause for outcome in outcomes] == [Cause.DEADLINE] * 3

    run(main())


def test_waiting_is_timed(run: Any, any_stage: Any) -> None:
    """A call waits for a connection no longer than the pool limit says."""

    async def main() -> None:
        parts = {"limits": Limits(max_connections=1), "timeouts": Timeouts(pool=0.05)}
        async with any_stage.playing(["hang"]) as upstream, any_stage.door(upstream, **parts) as door:
            first = asyncio.create_task(fetched(door, b"GET", b"/", H, deadline=any_stage.due()))
            await any_stage.until(lambda: door.active == 1)
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert (failure.value.cause, failure.value.retry_after) == (Cause.QUEUE_TIMEOUT, 1.0)
            first.cancel()
            await asyncio.wait([first])

    run(main())


def test_streams_have_places_of_their_own(run: Any, any_stage: Any) -> None:
    """Streams leave the places of whole calls alone, and are as many as their own limit says."""
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"

    async def main() -> None:
        limits = Limits(max_connections=1, max_streams=2, max_waiting=0)
        answers = ([endless, "hang"], [endless, "hang"], any_stage.OK)
        async with any_stage.playing(*answers) as upstream, any_stage.door(upstream, limits=limits) as door:
            streams = [await door.stream(b"GET", b"/", H, None, deadline=None) for _ in range(2)]
            with pytest.raises(CallError) as failure:
                await door.stream(b"GET", b"/", H, None, deadline=None)
            assert failure.value.cause == Cause.QUEUE_FULL
            for _ in range(2):
                assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"
            for stream in streams:
                await stream.aclose()
            assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"

    run(main())


def test_a_stream_gives_its_connection_back(run: Any, any_stage: Any) -> None:
    """Streams that came to their end, and calls, use the same connection one after the other."""

    async def main() -> None:
        limits = Limits(max_connections=1, max_streams=1, max_waiting=0)
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream, limits=limits) as door:
            for _ in range(3):
                assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"
                async with await door.stream(b"GET", b"/", H, None, deadline=None) as reply:
                    assert b"".join([piece async for piece in reply]) == b"ok"
            assert (door.active, upstream.accepted) == (0, 1)

    run(main())


@pytest.mark.long
def test_hopeless_calls_are_not_sent(run: Any, any_stage: Any) -> None:
    """A call for which there is no time behind those that wait already is refused at once, and never sent."""

    async def main() -> None:
        limits = Limits(max_connections=1)
        slow = [lambda: asyncio.sleep(0.1), any_stage.OK]
        async with any_stage.playing(slow) as upstream, any_stage.door(upstream, limits=limits) as door:
            await fetched(door, b"GET", b"/first", H, deadline=any_stage.due())
            calls = [fetched(door, b"GET", b"/%d" % number, H, deadline=any_stage.due(9)) for number in range(3)]
            served = asyncio.gather(*calls)
            await any_stage.until(lambda: door.waiting == 2)
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/hopeless", H, deadline=any_stage.due(0.15))
            assert failure.value.cause == Cause.QUEUE_FULL
            assert len(await served) == 3
            assert all(b"hopeless" not in request for request in upstream.requests)

    run(main())


def test_waiting_is_fair(run: Any, any_stage: Any) -> None:
    """Calls get their connections in the order in which they came."""

    async def main() -> None:
        limits = Limits(max_connections=1)
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream, limits=limits) as door:
            paths = [b"/%d" % number for number in range(20)]
            await asyncio.gather(*[fetched(door, b"GET", path, H, deadline=any_stage.due()) for path in paths])
            assert [request.split()[1] for request in upstream.requests] == paths
            assert upstream.accepted == 1

    run(main())


def test_cancelled_call(run: Any, any_stage: Any) -> None:
    """A call that is cancelled takes its connection with it; the next one is served."""

    async def main() -> None:
        limits = Limits(max_connections=1)
        async with (
            any_stage.playing(["hang"], any_stage.OK) as upstream,
            any_stage.door(upstream, limits=limits) as door,
        ):
            call = asyncio.create_task(fetched(door, b"GET", b"/", H, deadline=any_stage.due()))
            await any_stage.until(lambda: bool(upstream.requests))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await any_stage.until(lambda: upstream.open == 0)
            assert (await fetched(door, b"GET", b"/", H, deadline=any_stage.due())).body == b"ok"

    run(main())


def test_done_comes_once_and_later(run: Any, any_stage: Any) -> None:
    """`done` is told after `start` has returned, once, and not at all after `cancel`."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            told: list[Any] = []
            late = door.start(b"GET", b"/", H, None, deadline=any_stage.due(-1), done=told.append)
            assert told == []
            await any_stage.until(lambda: len(told) == 1)
            late.cancel()
            door.start(b"GET", b"/", H, None, deadline=any_stage.due(-1), done=told.append).cancel()
            door.start(b"GET", b"/", H, None, deadline=any_stage.due(), done=told.append).cancel()
            ticket = door.start(b"GET", b"/", H, None, deadline=any_stage.due(), done=told.append)
            await any_stage.until(lambda: len(told) == 2)
            ticket.cancel()
            await asyncio.sleep(0.01)
            assert [type(outcome) for outcome in told] == [CallError, Reply]

    run(main())


def test_redirects_are_answers(run: Any, any_stage: Any) -> None:
    """A redirect is handed over as it came."""
    reply = answered(
        run, any_stage, b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    )
    assert (reply.status, dict(reply.headers)[b"location"]) == (302, b"http://169.254.169.254/")


def test_cookies_are_not_kept(run: Any, any_stage: Any) -> None:
    """What one answer sets is not sent with the next call."""

    async def main() -> None:
        answer = HEAD + b"Set-Cookie: user=a; Path=/\r\nContent-Length: 0\r\n\r\n"
        async with any_stage.playing(answer) as upstream, any_stage.door(upstream) as door:
            for _ in range(2):
                await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert b"cookie" not in upstream.requests[1].lower()

    run(main())


def test_target_cannot_split_the_request(run: Any, any_stage: Any) -> None:
    """A target with white space in it is refused before anything is sent."""

    async def main() -> None:
        async with any_stage.playing(any_stage.OK) as upstream, any_stage.door(upstream) as door:
            for target in (b"/a HTTP/1.1\r\nx: y", b"", b"/a\tb"):
                with pytest.raises(CallError) as failure:
                    await fetched(door, b"GET", target, H, deadline=any_stage.due())
                assert failure.value.cause == Cause.PROTOCOL
                with pytest.raises(CallError):
                    await door.stream(b"GET", target, H, None, deadline=None)
            assert upstream.accepted == 0

    run(main())


def test_closed_door(run: Any, any_stage: Any) -> None:
    """Closing fails what runs and waits; afterwards calls are refused."""

    async def main() -> None:
        limits = Limits(max_connections=1)
        async with any_stage.playing(["hang"]) as upstream, any_stage.door(upstream, limits=limits) as door:
            calls = [asyncio.create_task(fetched(door, b"GET", b"/", H, deadline=any_stage.due())) for _ in range(3)]
            await any_stage.until(lambda: bool(upstream.requests))
            await door.aclose()
            outcomes = await asyncio.gather(
                *calls, fetched(door, b"GET", b"/", H, deadline=any_stage.due()), return_exceptions=True
            )
            assert [outcome.cause for outcome in outcomes] == [Cause.QUEUE_FULL] * 4
            door.close_idle()
            await door.aclose()

    run(main())
