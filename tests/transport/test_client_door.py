"""The lean door over clients of others: mock transports, failing transports, and what they raise."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import subprocess
import sys
from typing import Any

import httpx
import pytest
import respx

from aggregator.errors import CallError, Cause
from aggregator.transport import Caps, Limits, Timeouts
from aggregator.transport.fetching import fetched
from aggregator.transport.httpx.failures import BY_EXCEPTION, failure_of
from aggregator.transport.httpx.gate import Gate

H = b"host: shop\r\nx-a: 1\r\n"
HTTPX_EXCEPTIONS = [kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)]


def called(run: Any, stage: Any, transport: httpx.AsyncBaseTransport, method: bytes = b"GET", **parts: Any) -> Any:
    """Make one call through *transport*; give the reply, or the error."""

    async def main() -> Any:
        async with stage.client(80, transport, **parts) as door:
            try:
                return await fetched(door, method, b"/a%2Fb?c=d", H, None, deadline=stage.due(1))
            except CallError as error:
                return error

    return run(main())


def raising(error: Exception) -> httpx.MockTransport:
    """Return a transport that raises *error*."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return httpx.MockTransport(handler)


@pytest.mark.parametrize("kind", HTTPX_EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_every_httpx_exception_has_a_cause(kind: type[Exception]) -> None:
    """No exception of httpx is without a line in the table: a new one must be given its own."""
    assert kind in BY_EXCEPTION


def test_exceptions_of_subclasses_and_strangers() -> None:
    """A subclass counts as what it is derived from, a stranger as a call that could not be made."""

    class MyTimeoutError(httpx.ReadTimeout):
        pass

    assert failure_of(MyTimeoutError("secret")).cause == Cause.READ_TIMEOUT
    assert failure_of(ZeroDivisionError("secret")).cause == Cause.PROTOCOL
    assert (
        failure_of(httpx.RemoteProtocolError("Server disconnected without sending a response.")).cause
        == Cause.INCOMPLETE
    )
    assert "secret" not in failure_of(MyTimeoutError("secret")).message


def test_our_own_errors_pass_through() -> None:
    """A CallError that travelled inside an httpx exception arrives as it was."""
    outer = httpx.PoolTimeout("full")
    outer.__cause__ = CallError(Cause.QUEUE_FULL, "Too many.", retry_after=2.0)
    failure = failure_of(outer)
    assert (failure.cause, failure.message, failure.retry_after) == (Cause.QUEUE_FULL, "Too many.", 2.0)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (httpx.ConnectTimeout("x"), Cause.CONNECT_TIMEOUT),
        (httpx.ConnectError("x"), Cause.UNREACHABLE),
        (httpx.UnsupportedProtocol("x"), Cause.PROTOCOL),
        (RuntimeError("x"), Cause.PROTOCOL),
    ],
)
def test_failing_transport(run: Any, stage: Any, error: Exception, cause: Cause) -> None:
    """Whatever a transport raises becomes a CallError that shows nothing of it."""
    failure = called(run, stage, raising(error))
    assert (failure.cause, "x" in failure.message.split()) == (cause, False)


def test_mock_transport(run: Any, stage: Any) -> None:
    """A mock sees the prepared request, without anything that httpx would add of its own."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"a": 1})

    reply = called(run, stage, httpx.MockTransport(handler))
    assert (reply.status, reply.body, dict(reply.headers)[b"content-type"]) == (200, b'{"a":1}', b"application/json")
    assert str(seen[0].url) == "http://127.0.0.1/a%2Fb?c=d"
    assert dict(seen[0].headers) == {"host": "shop", "x-a": "1"}


def test_respx(run: Any, stage: Any) -> None:
    """Routes of respx answer through the door."""
    router = respx.MockRouter()
    router.get("http://127.0.0.1/a%2Fb").respond(404, text="none")
    reply = called(run, stage, httpx.MockTransport(router.async_handler))
    assert (reply.status, reply.body) == (404, b"none")


def test_mocked_codings(run: Any, stage: Any) -> None:
    """A mocked body in a coding is decoded once, by our rules and caps."""
    packed = gzip.compress(b"0" * 100_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=packed))
    assert called(run, stage, transport).body == b"0" * 100_000
    assert called(run, stage, transport, caps=Caps(decoded=10)).cause == Cause.TOO_LARGE
    assert called(run, stage, transport, caps=Caps(body=10)).cause == Cause.TOO_LARGE


def test_deadline_holds_for_any_transport(run: Any, stage: Any) -> None:
    """A transport that ignores its timeouts is cut at the deadline."""

    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async def main() -> None:
        async with stage.client(80, httpx.MockTransport(handler)) as door:
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/", H, deadline=stage.due(0.05))
            assert (failure.value.cause, door.active, door.idle) == (Cause.DEADLINE, 0, 0)

    run(main())


class Timed(httpx.AsyncBaseTransport):
    """Raises a TimeoutError of its own."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise TimeoutError


def test_timeouts_of_others(run: Any, stage: Any) -> None:
    """A TimeoutError that is not our deadline is not called one."""
    assert called(run, stage, Timed()).cause == Cause.PROTOCOL


def test_closed_client(run: Any, stage: Any) -> None:
    """A client that was closed behind our back fails calls, and nothing else."""

    async def main() -> None:
        async with stage.client(80, httpx.MockTransport(lambda _: httpx.Response(200))) as door:
            await door._client.aclose()
            with pytest.raises(CallError) as failure:
                await fetched(door, b"GET", b"/", H, deadline=stage.due())
            assert failure.value.cause == Cause.PROTOCOL

    run(main())


def test_failure_while_closing(run: Any, stage: Any) -> None:
    """A body whose closing fails is a failed call."""

    class Stuck(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield b"ok"

        async def aclose(self) -> None:
            raise httpx.CloseError("x")

    assert called(run, stage, httpx.MockTransport(lambda _: httpx.Response(200, stream=Stuck()))).cause == Cause.RESET


def test_cancelled_as_it_is_let_in(run: Any, stage: Any) -> None:
    """A waiting call that is cancelled in the turn in which it is let in passes its place on."""

    async def main() -> None:
        gate = Gate(stage.settings(80, limits=Limits(max_connections=1)))
        await gate.enter()
        first, second = (asyncio.create_task(gate.enter()) for _ in range(2))
        await asyncio.sleep(0)
        gate.leave()
        first.cancel()
        await second
        assert (first.cancelled(), gate.inside, gate.waiting) == (True, 1, 0)

    run(main())


def test_a_call_whose_deadline_came_first(run: Any, stage: Any) -> None:
    """A place that becomes free after the deadline of a waiting call does not turn its lateness into a full queue."""

    async def main() -> None:
        gate = Gate(stage.settings(80, limits=Limits(max_connections=1)))
        await gate.enter()
        late = asyncio.create_task(gate.enter(asyncio.get_running_loop().time() - 1))
        await asyncio.sleep(0)
        gate.leave()
        with pytest.raises(CallError) as caught:
            await late
        assert (caught.value.cause, gate.inside, gate.waiting) == (Cause.DEADLINE, 0, 0)

    run(main())


def test_target_is_sent_as_given(run: Any, stage: Any) -> None:
    """Some targets httpx would tidy up; they go out as they are."""

    async def main() -> bytes:
        async with stage.playing(stage.OK) as upstream:
            async with stage.client(upstream, httpx.AsyncHTTPTransport(verify=False)) as door:
                await fetched(door, b"GET", b"/a/./b/../c?x=|%7e", H, deadline=stage.due())
            return upstream.requests[0]

    assert run(main()).startswith(b"GET /a/./b/../c?x=|%7e HTTP/1.1\r\n")


def test_through_a_proxy(run: Any, stage: Any) -> None:
    """A client with a proxy asks the proxy, by the whole URL, for the target as it was given."""

    async def main() -> bytes:
        async with stage.playing(stage.OK) as proxy:
            transport = httpx.AsyncHTTPTransport(verify=False, proxy=f"http://127.0.0.1:{proxy.port}")
            async with stage.client(80, transport) as door:
                await fetched(door, b"GET", b"/a%2Fb?c=d", H, deadline=stage.due())
            return proxy.requests[0]

    assert run(main()).startswith(b"GET http://127.0.0.1/a%2Fb?c=d HTTP/1.1\r\n")


def test_wait_is_counted_in_the_deadline(run: Any, stage: Any) -> None:
    """A call that is not let in before its deadline says so, whatever the pool limit is."""

    async def main() -> None:
        async def handler(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(60)
            raise AssertionError

        parts = {"limits": Limits(max_connections=1), "timeouts": Timeouts(pool=30)}
        async with stage.client(80, httpx.MockTransport(handler), **parts) as door:
            calls = [fetched(door, b"GET", b"/", H, deadline=stage.due(0.05)) for _ in range(3)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [outcome.cause for outcome in outcomes] == [Cause.DEADLINE] * 3

    run(main())


@pytest.mark.processes
def test_httpx_waits_until_it_is_named() -> None:
    """Importing the engine imports neither httpx nor what else only some configurations need."""
    code = (
        "import sys, aggregator.transport as t; "
        "print(sorted({'httpx', 'brotli', 'zstandard', 'certifi', 'http.cookiejar'} & set(sys.modules))); "
        "print(all(getattr(t, name) for name in t.__all__), hasattr(t, 'nothing'))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == ["[]", "True False"]


@pytest.mark.parametrize(("value", "is_fine"), [(b"a\x7fb", False), (b"a\x00", False), (b"\x1b[0m", False), (b"a\rb", False),
                                                (b"a\tb", True), (b"\xe9", True)])  # fmt: skip
def test_no_control_character_comes_in(run: Any, stage: Any, value: bytes, is_fine: bool) -> None:
    """h11 lets some pass that no server sends: passed on, they would leave a client without an answer."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=[(b"x-odd", value)], content=b"{}"))
    reply = called(run, stage, transport)
    if is_fine:
        assert (b"x-odd", value) in reply.headers
    else:
        assert isinstance(reply, CallError)
        assert (reply.cause, reply.message) == (Cause.PROTOCOL, "The upstream did not answer in valid HTTP.")
