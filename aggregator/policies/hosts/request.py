"""One request to an upstream with many hosts: the way that it takes, and its handle once it has begun.

    made ── ``start`` ──▶ in flight at a host ── a reply, or a failure ──▶ ended: counted, and told
                                              ── ``cancel`` ──▶ given up: it tells nothing of the host
    made ── ``stream`` ──▶ in flight until it failed, or its reply is closed; what its head says is counted

It is begun once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Final, Unpack

from aggregator.causes import causes_called
from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.frame import Written
from aggregator.policies.breaker.plan import OURS
from aggregator.policies.hosts.host import Host
from aggregator.transport import Door, Reply, StreamReply
from aggregator.transport.door import CallTerms, Cancelable, Done, OuterDoor, StreamTerms

if TYPE_CHECKING:
    from aggregator.policies.hosts.breaking import Admitted
    from aggregator.policies.hosts.door import HostsDoor

_FAILURES: Final = frozenset(cause for family in ("timeout", "connect", "reset") for cause in causes_called(family))
_SERVER_ERROR: Final = 500


class HostRequest(OuterDoor):
    """A request through *inner*, on *loop*, with *key* for where hosts are chosen by one, of the caller of *exchange*.

    It goes past the hosts that *written* was sent to before.
    """

    __slots__ = ("_admitted", "_done", "_era", "_exchange", "_host", "_hosts", "_key", "_loop", "_ticket", "_written")

    def __init__(
        self, inner: HostsDoor, loop: asyncio.AbstractEventLoop, key: str | None = None,
        written: Written | None = None, exchange: Exchange | None = None,
    ) -> None:  # fmt: skip
        self.settings = inner.settings
        self.inner = self._hosts = inner
        self._loop = loop
        self._key = key
        self._written = written
        self._exchange = exchange
        self._host: Host | None = None
        self._era = 0
        self._admitted: Admitted | None = None
        self._done: Done | None = None
        self._ticket: Cancelable | None = None

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Cancelable:
        """See `Door.start`."""
        try:
            door, headers = self._begin(headers)
        except CallError as error:
            return self._loop.call_soon(terms["done"], error)
        self._done = terms["done"]
        terms["done"] = self._ended
        self._ticket = door.start(method, target, headers, body, **terms)
        return self

    def _begin(self, headers: bytes) -> tuple[Door, bytes]:
        """Choose a host; return the way to it, and the header block for it. Raises CallError."""
        hosts, written = self._hosts, self._written
        now, tried = self._loop.time(), () if written is None else written.tried
        if hosts.breakers is None:
            host = hosts.table.choose(now, self._key, tried)
        else:
            self._admitted = hosts.breakers.admit(hosts.table, now, self._key, tried)
            host = None if self._admitted is None else self._admitted.host
        if host is None:
            raise _nowhere()
        try:
            door, line = hosts.way_to(host, self._exchange)
        except CallError:
            self._give_up()
            raise
        if written is not None:
            written.tried = (*written.tried, host)
        self._host, self._era = host, host.era
        host.in_flight += 1
        if line is not None and headers.startswith(hosts.line):  # no call has declared another one
            headers = line + headers[len(hosts.line) :]
        return door, headers

    def _ended(self, outcome: Reply | CallError) -> None:
        done, self._done = self._done, None
        self._ticket = None
        self._count(outcome)
        if done is not None:
            done(outcome)

    def _count(self, outcome: Reply | StreamReply | CallError) -> None:
        host, self._host = self._host, None
        if host is None:
            return
        host.in_flight -= 1
        table = self._hosts.table
        if self._admitted is not None:
            self._admitted.ended(self._loop.time(), outcome)
        if table.ejects and (failed := _failed(outcome)) is not None:
            table.ended(host, self._era, self._loop.time(), failed=failed)

    def cancel(self) -> None:
        """Give it up."""
        if self._done is not None:
            self._done = None
            self._leave()
            if self._ticket is not None:
                self._ticket.cancel()

    def _leave(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.in_flight -= 1
        self._give_up()

    def _give_up(self) -> None:
        if self._admitted is not None:
            self._admitted.given_up(self._loop.time())

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`."""
        door, headers = self._begin(headers)
        try:
            reply = await door.stream(method, target, headers, body, **terms)
        except CallError as error:
            self._count(error)
            raise
        except BaseException:
            self._leave()
            raise
        host = self._host
        assert host is not None
        self._count(reply)
        host.in_flight += 1
        return HostReply(reply, host)


class HostReply(StreamReply):
    """A reply that is in flight at *host* until it is closed."""

    __slots__ = ("_host", "_reply")

    def __init__(self, reply: StreamReply, host: Host) -> None:
        super().__init__(reply.status, reply.headers, reply._body, reply.reused)
        self._reply = reply
        self._host: Host | None = host

    async def aclose(self) -> None:
        """Stop reading, and be in flight no more."""
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
