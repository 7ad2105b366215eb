"""The door of an upstream with many hosts: each request is sent to one of them, and another attempt to another one."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from typing import Unpack

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame, Written
from aggregator.parts.names import Names
from aggregator.policies.hosts.breaking import HostBreakers
from aggregator.policies.hosts.host import Host
from aggregator.policies.hosts.plan import HostPlan
from aggregator.policies.hosts.request import FollowedRequest, HostRequest
from aggregator.policies.hosts.table import HostTable
from aggregator.templates import MISSING, text_of
from aggregator.transport import Door, StreamReply
from aggregator.transport.door import CallerDoor, Cancelable, Carrier, Done, StreamTerms

WayTo = Callable[[HostPlan], Door]
"""Returns the way to one host, the same each time."""


def _header_line(value: bytes) -> bytes:
    return b"host: " + value + b"\r\n"


class HostsDoor(Door):
    """The hosts of *table*, each reached by the *way* to it, and called when its breaker lets it, where it has one.

    Header blocks are written for the host that is declared *first*; where they begin with its ``Host``, they get that
    of the one that is chosen. ``line`` is the former, and ``by_caller`` tells whether each caller has a way of its own.
    ``ways`` are those to hosts, by host, which were called before, with their ``Host`` lines where they are other ones.
    """

    __slots__ = ("_first", "_needs_frame", "_way", "breakers", "by_caller", "line", "table", "ways")

    def __init__(self, table: HostTable, way: WayTo, first: HostPlan, breakers: HostBreakers | None = None) -> None:
        self.table = table
        self.breakers = breakers
        self._way = way
        self.ways: dict[Host, tuple[Door, bytes | None]] = {}
        self._first = way(first)
        self.line = _header_line(first.header)
        self.by_caller = isinstance(self._first, CallerDoor)
        self._needs_frame = self.by_caller or breakers is not None
        super().__init__(first.pool)

    def bound(self, frame: Frame, written: Written | None = None) -> Carrier:
        """Return what carries one request of the call of *frame*; *written* is what it sends, where that is not known.

        That is the door itself where the choice depends on nothing but the hosts, as it mostly is.
        """
        if written is None and frame.written is None and self.table.is_calm and not self._needs_frame:
            return self
        return HostRequest(self, frame, written)

    def followed(self, frame: Frame, chosen: Callable[[HostPlan], object], written: Written | None = None) -> Carrier:
        """Return what ``bound`` does, which tells *chosen* of the host that it takes."""
        return FollowedRequest(self, frame, written, chosen=chosen)

    def identity(self, exchange: Exchange) -> bytes:
        """Return what tells the caller of *exchange* from others, where hosts are called in the name of callers."""
        return self._first.identity(exchange) if isinstance(self._first, CallerDoor) else b""

    def key(self, names: Names) -> str | None:
        """Return the key of a call that sees *names*, None where there is none, or it cannot be told."""
        expression = self.table.plan.key
        if expression is None:
            return None
        try:
            value = expression.evaluate(names)
            return None if value is None or value is MISSING else text_of(value)
        except AggregatorError:
            return None

    def way_to(self, host: Host, exchange: Exchange | None) -> tuple[Door, bytes | None]:
        """Return the way to *host* for the caller of *exchange*, and its ``Host`` line where it is not the first's.

        Raises CallError for a caller who has no way.
        """
        way = self.ways.get(host) or self._open(host)
        if self.by_caller and exchange is not None and isinstance(way[0], CallerDoor):
            return way[0].bound(exchange), way[1]
        return way

    def _open(self, host: Host) -> tuple[Door, bytes | None]:
        for gone in [one for one in self.ways if one not in self.table.hosts and not one.in_flight]:
            del self.ways[gone]
        line = _header_line(host.plan.header)
        way = self.ways[host] = (self._way(host.plan), None if line == self.line else line)
        return way

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Cancelable:  # fmt: skip
        """See `Door.start`. The outcome is that of `HostRequest.start`, which is slower."""
        table = self.table
        if not table.is_calm or self._needs_frame:
            return HostRequest(self).start(
                method, target, headers, body, deadline=deadline, done=done, steps=steps, under_way=under_way
            )
        host = table.balance(table.able, None, table.draw)
        door, line = self.ways.get(host) or self._open(host)
        if line is not None and headers.startswith(self.line):  # no call has declared another one
            headers = line + headers[len(self.line) :]
        host.in_flight += 1
        request = HostRequest(self, None, None, host, 0, None, done)
        request.ticket = door.start(
            method, target, headers, body, deadline=deadline, done=request.ended, steps=steps, under_way=under_way
        )
        return request

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`."""
        return await HostRequest(self).stream(method, target, headers, body, **terms)

    @property
    def _open_ways(self) -> list[Door]:
        return [door for door, _ in self.ways.values()]

    def close_idle(self) -> None:
        """See `Door.close_idle`."""
        for door in self._open_ways:
            door.close_idle()

    async def aclose(self) -> None:
        """See `Door.aclose`."""
        for door in self._open_ways:
            await door.aclose()

    @property
    def active(self) -> int:
        """See `Door.active`."""
        return sum(door.active for door in self._open_ways)

    @property
    def idle(self) -> int:
        """See `Door.idle`."""
        return sum(door.idle for door in self._open_ways)

    @property
    def waiting(self) -> int:
        """See `Door.waiting`."""
        return sum(door.waiting for door in self._open_ways)
