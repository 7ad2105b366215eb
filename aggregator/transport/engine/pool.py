"""The lean door on our own engine: calls over one bounded pool of connections to one upstream.

Callbacks from end to end: a call on an idle connection makes no task, no future and no timer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterable
from time import monotonic

from msgspec.structs import replace

from aggregator.http import IDEMPOTENT
from aggregator.transport.door import Done, Door
from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.opening.connecting import Resolve
from aggregator.transport.engine.slots import Places
from aggregator.transport.engine.streaming import StreamTicket
from aggregator.transport.engine.uploading import Upload
from aggregator.transport.replies import StreamReply
from aggregator.transport.settings import PoolSettings, Timeouts
from aggregator.transport.wire.requests import bad_target, request_head, whole_request


class Pool(Door):
    """See `Door`. Made inside a running loop; raises StartupError when the TLS files cannot be used.
    *resolve* stands in for the system's name lookup.

    A call on a reused connection that dies before a byte of an answer came is sent once more on a fresh
    one if its method is idempotent, and fails otherwise.
    """

    __slots__ = ("_body_cap", "_places")

    def __init__(self, settings: PoolSettings, *, resolve: Resolve | None = None) -> None:
        super().__init__(settings)
        self._places = Places(settings, asyncio.get_running_loop(), resolve)
        self._body_cap = settings.caps.body

    @property
    def active(self) -> int:
        """The number of connections open or opening, and not idle."""
        places = self._places
        return places.calls.taken + places.streams.taken - len(places.idle)

    @property
    def idle(self) -> int:
        """The number of connections open and free."""
        return len(self._places.idle)

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a connection."""
        return len(self._places.calls.line) + len(self._places.streams.line)

    @property
    def dialled(self) -> tuple[int, float]:
        """The number of connections opened, and the seconds spent opening them."""
        return self._places.dials, self._places.dialling

    def __repr__(self) -> str:
        return f"<Pool: {self.active} active, {self.idle} idle, {self.waiting} waiting>"

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Ticket:  # fmt: skip
        """See `Door.start`."""
        places = self._places
        if method == b"GET" and body is None:  # as ``whole_request`` does, without a call
            request = b"GET %b HTTP/1.1\r\n%b\r\n" % (target, headers)
        else:
            request = whole_request(method, target, headers, body)
        now = monotonic()
        ticket = Ticket(
            places, places.calls, method, request, self._body_cap, deadline, now, now, method in IDEMPOTENT, done,
            steps, under_way,
        )  # fmt: skip
        if len(target.split()) == 1:
            places.admit(ticket)
        else:
            places.refuse(ticket, bad_target())
        return ticket

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
        timeouts: Timeouts | None = None,
        among_calls: bool = False,
    ) -> StreamReply:
        """See `Door.stream`; *timeouts* stand in for the pool's. *among_calls*, it takes the place of a whole call."""
        limits = timeouts or self.settings.timeouts
        if idle_timeout is not None:
            limits = replace(limits, read=idle_timeout, write=limits.write or idle_timeout)
        upload = None
        if body is None or isinstance(body, bytes):
            request = whole_request(method, target, headers, body)
        else:
            request, length = request_head(method, target, headers)
            upload = Upload(body, length)
        due = math.inf if deadline is None else deadline
        lane = self._places.calls if among_calls else self._places.streams
        now = monotonic()
        ticket = StreamTicket(
            self._places, lane, method, request, math.inf, due, now, now,
            repeatable=upload is None and method in IDEMPOTENT,  # a source can be read once only
            done=None, limits=limits, upload=upload, answer_timeout=answer_timeout,
        )  # fmt: skip
        if len(target.split()) != 1:
            raise bad_target()
        self._places.admit(ticket)
        return await ticket.reply(decode=decode)

    def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        self._places.close_idle()

    async def aclose(self) -> None:
        """Fail what still runs or waits, close every connection and wait until they are gone."""
        await self._places.aclose()
