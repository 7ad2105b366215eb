"""The lean door over any `httpx.AsyncClient`: mock transports, HTTP/2, proxies, stock httpx.

The same rules as `Pool`, at the price of httpx: one deadline around everything, caps on what arrives and on
what it decodes to, no redirects, bounded entry, one replay of what an idle connection swallowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from time import monotonic

import httpx

from aggregator.errors import CallError
from aggregator.transport.door import Done, Door
from aggregator.transport.failures import closing
from aggregator.transport.httpx.client_call import ClientCall
from aggregator.transport.httpx.client_stream import ClientStream, in_time
from aggregator.transport.httpx.failures import failure_of
from aggregator.transport.httpx.gate import Gate
from aggregator.transport.httpx.stock_transport import UpstreamTransport
from aggregator.transport.replies import Reply, StreamReply
from aggregator.transport.settings import PoolSettings
from aggregator.transport.wire.bodies import StreamBody
from aggregator.transport.wire.decoding import decoded_headers, decoder_for

_Task = asyncio.Task[Reply | CallError]


class ClientTicket:
    """The handle of a call that runs in *task*."""

    __slots__ = ("_done", "_task")

    def __init__(self, task: _Task, done: Done) -> None:
        self._task = task
        self._done: Done | None = done
        task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Cancel the call; *done* is not called any more."""
        if self._done is not None:
            self._done = None
            self._task.cancel()

    def _end(self, task: _Task) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(closing() if task.cancelled() else task.result())


class ClientPool(Door):
    """See `Door`. Carried out by *client*, which stays the caller's to configure and to close.

    *settings* give the origin, the caps, the limits on calls and on time; connections and TLS are the
    client's own affair, unless there is a *transport* for this upstream alone, which is closed with the pool.
    """

    __slots__ = ("_client", "_closed", "_gate", "_loop", "_stream_gate", "_tasks", "transport")

    def __init__(
        self, settings: PoolSettings, client: httpx.AsyncClient, transport: UpstreamTransport | None = None
    ) -> None:
        super().__init__(settings)
        self._client = client
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._gate = Gate(settings)
        self._stream_gate = Gate(settings, settings.limits.max_streams)
        self._tasks: set[_Task] = set()
        self._closed = False

    @property
    def active(self) -> int:
        """The number of calls being made."""
        return self._gate.inside + self._stream_gate.inside

    @property
    def idle(self) -> int:
        """None that are known of: the client keeps its own connections."""
        return 0

    @property
    def waiting(self) -> int:
        """The number of calls that wait."""
        return self._gate.waiting + self._stream_gate.waiting

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> ClientTicket:  # fmt: skip
        """See `Door.start`."""
        call = self._call(method, target, headers, body)
        task = self._loop.create_task(self._outcome(call, deadline, steps, under_way))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ClientTicket(task, done)

    async def stream(
        self,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: bytes | AsyncIterable[bytes] | None,
        *,
        deadline: float | None,
        answer_timeout: float | None = None,
        idle_timeout: float | None = None,
        decode: bool = False,
    ) -> StreamReply:
        """See `Door.stream`."""
        call = self._call(method, target, headers, body)
        call.idle_timeout = idle_timeout
        async with in_time(deadline):
            self._check_open()
            await self._stream_gate.enter(wait=answer_timeout)
            source = ClientStream(self._stream_gate, deadline, idle_timeout)
            try:
                response = source.response = await call.answered_within(answer_timeout)
                response.judge()
                decoder = decoder_for(response.codings) if decode else None
            except BaseException:
                await source.aclose()
                raise
        head = response.headers if decoder is None else decoded_headers(response.headers)
        return StreamReply(response.status, head, StreamBody(source, decoder), response.reused)

    def close_idle(self) -> None:
        """Do nothing: the client closes its own connections."""

    async def aclose(self) -> None:
        """Fail what still runs or waits; the client stays open."""
        self._closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self.transport is not None:
            await self.transport.aclose()

    def _call(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None
    ) -> ClientCall:
        return ClientCall(self._client, self.settings, method, target, headers, body, self.transport)

    def _check_open(self) -> None:
        if self._closed:
            raise closing()

    async def _outcome(self, call: ClientCall, deadline: float, steps: int, under_way: bool) -> Reply | CallError:
        started = monotonic()
        try:
            async with in_time(deadline):
                self._check_open()
                await self._gate.enter(deadline, steps=steps, under_way=under_way)
                begun = monotonic()
                try:
                    return await _reply(call, started)
                finally:
                    self._gate.leave(monotonic() - begun)
        except CallError as error:
            error.attempts = call.attempts
            return error.with_traceback(None)
        except Exception as error:
            return failure_of(error)


async def _reply(call: ClientCall, started: float) -> Reply:
    sent = monotonic()
    response = await call.send()
    try:
        first_byte = monotonic()
        response.judge()
        body = await response.body()
    finally:
        await response.aclose()
    reply = Reply(response.status, response.headers, body, response.reused, started, sent, first_byte, monotonic())
    reply.attempts = call.attempts
    return reply
