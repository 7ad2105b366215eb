"""One request to an upstream with many hosts: the choice of the host, and the handle of the request.

    made ── ``start`` ──▶ in flight at a host ── a reply, or a failure ──▶ ended: counted, and told
                                              ── ``cancel`` ──▶ given up: it tells nothing of the host
    made ── ``stream`` ──▶ in flight until it failed, or its reply is closed; what its head says is counted

It is begun once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING, Final, Unpack

from msgspec import Struct

from aggregator.causes import causes_called
from aggregator.errors import CallError, Cause
from aggregator.parts.frame import Frame, Written
from aggregator.policies.breaker.plan import OURS
from aggregator.policies.hosts.host import Host
from aggregator.policies.hosts.plan import HostPlan
from aggregator.transport import Door, Reply, StreamReply
from aggregator.transport.door import Cancelable, Done, StreamTerms

if TYPE_CHECKING:
    from aggregator.policies.hosts.breaking import Admitted
    from aggregator.policies.hosts.door import HostsDoor

_FAILURES: Final = frozenset(cause for family in ("timeout", "connect", "reset") for cause in causes_called(family))
_SERVER_ERROR: Final = 500


class HostRequest(Struct, eq=False):
    """A request to one of *hosts*, for the call of *frame*; ``ended`` is told of the end.

    It goes past the hosts that *written*, or what *frame* knows as written, was sent to before. It is over when its
    *host* is None again; *era* is that of the host where calls to it may eject it.
    """

    hosts: HostsDoor
    frame: Frame | None = None
    written: Written | None = None
    host: Host | None = None
    era: int = 0
    admitted: Admitted | None = None
    done: Done | None = None
    ticket: Cancelable | None = None

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Cancelable:  # fmt: skip
        """See `Door.start`."""
        loop = asyncio.get_running_loop() if self.frame is None else self.frame.loop
        try:
            door, headers = self._begin(headers, loop.time())
        except CallError as error:
            return loop.call_soon(done, error)
        self.done = done
        self.ticket = door.start(
            method, target, headers, body, deadline=deadline, done=self.ended, steps=steps, under_way=under_way
        )
        return self

    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop() if self.frame is None else self.frame.loop

    def _begin(self, headers: bytes, now: float) -> tuple[Door, bytes]:
        """Choose a host *now*; return the way to it, and the header block for it. Raises CallError."""
        hosts, frame, written = self.hosts, self.frame, self.written
        if written is None and frame is not None:
            written = frame.written
        tried = () if written is None else written.tried
        table = hosts.table
        key = None if table.plan.key is None or frame is None else hosts.key(frame.names)
        if hosts.breakers is not None:
            self.admitted = hosts.breakers.admit(table, now, key, tried)
            host = None if self.admitted is None else self.admitted.host
        elif tried or not table.since <= now < table.until or not table.able:
            host = table.choose(now, key, tried)
        else:
            host = table.balance(table.able, key, table.draw)
        if host is None:
            raise _nowhere()
        door, line = (None if hosts.by_caller else hosts.ways.get(host)) or self._way_to(host)
        if written is not None:
            written.tried = (*written.tried, host)
        self.host = host
        if table.ejects:
            self.era = host.era
        host.in_flight += 1
        if line is not None and headers.startswith(hosts.line):  # no call has declared another one
            headers = line + headers[len(hosts.line) :]
        return door, headers

    def _way_to(self, host: Host) -> tuple[Door, bytes | None]:
        try:
            return self.hosts.way_to(host, None if self.frame is None else self.frame.exchange)
        except CallError:
            self._give_up()
            raise

    def ended(self, outcome: Reply | CallError) -> None:
        """Count the *outcome* of the request, and pass it on."""
        host, done, self.host = self.host, self.done, None
        if host is None or done is None:  # given up
            return
        self.ticket = None
        host.in_flight -= 1
        if self.admitted is not None or self.hosts.table.ejects:
            self._judge(host, outcome)
        done(outcome)

    def _judge(self, host: Host, outcome: Reply | StreamReply | CallError) -> None:
        """Count *outcome* for ejection and breaker of *host*, where they are declared."""
        table, now = self.hosts.table, self._loop().time()
        if self.admitted is not None:
            self.admitted.ended(now, outcome)
        if table.ejects and (failed := _failed(outcome)) is not None and (failed or host.failures):
            table.ended(host, self.era, now, failed=failed)

    def cancel(self) -> None:
        """Cancel the request."""
        if self.host is not None:
            self._leave()
            if self.ticket is not None:
                self.ticket.cancel()

    def _leave(self) -> None:
        host, self.host = self.host, None
        if host is not None:
            host.in_flight -= 1
        self._give_up()

    def _give_up(self) -> None:
        if self.admitted is not None:
            self.admitted.given_up(self._loop().time())

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`."""
        door, headers = self._begin(headers, self._loop().time())
        host = self.host
        assert host is not None
        try:
            reply = await door.stream(method, target, headers, body, **terms)
        except CallError as error:
            host.in_flight -= 1
            self._judge(host, error)
            raise
        except BaseException:
            self._leave()
            raise
        self._judge(host, reply)
        return HostReply(reply, host)


class FollowedRequest(HostRequest, kw_only=True, eq=False):
    """A request that tells *chosen* which host it takes."""

    chosen: Callable[[HostPlan], object]

    def _begin(self, headers: bytes, now: float) -> tuple[Door, bytes]:
        """See `HostRequest`."""
        way = super()._begin(headers, now)
        assert self.host is not None
        self.chosen(self.host.plan)
        return way


class HostReply(StreamReply):
    """A reply that is in flight at *host* until it is closed."""

    __slots__ = ("_host", "_reply")

    def __init__(self, reply: StreamReply, host: Host) -> None:
        super().__init__(reply.status, reply.headers, reply._body, reply.reused)
        self._reply = reply
        self._host: Host | None = host

    async def aclose(self) -> None:
        """Stop reading, and count the request as ended."""
        host, self._host = self._host, None
        if host is not None:
            host.in_flight -= 1
        await self._reply.aclose()


def _failed(outcome: Reply | StreamReply | CallError) -> bool | None:
    """Return whether *outcome* is a failure of its host; None when it says nothing of it."""
    if not isinstance(outcome, CallError):
        return outcome.status >= _SERVER_ERROR
    return None if outcome.cause in OURS else outcome.cause in _FAILURES


def _nowhere() -> CallError:
    error = CallError(Cause.DNS, "The upstream has no host.")
    error.attempts = 0
    return error
