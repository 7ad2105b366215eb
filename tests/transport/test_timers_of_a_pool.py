"""When a pool looks at what waits, what is idle and what is old: by a loop whose timers a test fires."""

from __future__ import annotations

import asyncio
import math
import socket
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport.engine import expiry as expiring
from aggregator.transport.engine.expiry import Expiry
from aggregator.transport.engine.lane import Lane
from aggregator.transport.engine.opening.aging import Aging
from aggregator.transport.engine.opening.sockets import literal, peer_of, unix
from aggregator.transport.engine.overdue import Overdue
from aggregator.transport.engine.watch import Watch
from aggregator.transport.waiting import WaitingLine
from aggregator.transport.wire.requests import bad_target, request_head, whole_request


class Timer:
    """A timer of `Loop`."""

    def __init__(self, when: float, call: Callable[..., Any]) -> None:
        self.when, self.call, self.is_cancelled = when, call, False

    def cancel(self) -> None:
        """Never fire."""
        self.is_cancelled = True


class Loop:
    """A loop whose clock stands until it is moved, and whose timers fire when they are told to."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.timers: list[Timer] = []

    def time(self) -> float:
        """Return the time."""
        return self.now

    def call_at(self, when: float, call: Callable[..., Any]) -> Timer:
        """Keep a timer."""
        self.timers.append(Timer(when, call))
        return self.timers[-1]

    def call_later(self, seconds: float, call: Callable[..., Any]) -> Timer:
        """Keep a timer."""
        return self.call_at(self.now + seconds, call)

    @property
    def due(self) -> list[float]:
        """When the timers are due that may still fire."""
        return [round(timer.when, 6) for timer in self.timers if not timer.is_cancelled]

    def fire(self) -> None:
        """Fire the first that is due; its time has come."""
        timer = min((one for one in self.timers if not one.is_cancelled), key=lambda one: one.when)
        self.timers.remove(timer)
        self.now = max(self.now, timer.when)
        timer.call()


def test_one_timer_stands_at_the_earliest_due_time() -> None:
    """A later one asks for nothing; a sooner one takes its place; a millisecond is added to what the loop says."""
    loop, asked = Loop(), []
    answers = iter([130.0, math.inf])

    def inspect(now: float) -> float:
        asked.append(round(now, 6))
        return next(answers)

    watch = Watch(loop, inspect)  # type: ignore[arg-type]
    assert (watch.due, loop.due) == (math.inf, [])
    for when in (120.0, 125.0, 120.0, 110.0, 110.0):
        watch.by(when)
    assert (watch.due, loop.due) == (110.0, [110.0])
    loop.fire()
    assert (asked, watch.due, loop.due) == ([110.001], 130.0, [130.0])
    loop.fire()
    assert (asked, watch.due, loop.due) == ([110.001, 130.001], math.inf, [])


def test_a_watch_that_has_stopped_may_begin_again_until_it_is_closed() -> None:
    """Closed, it finds nothing due."""
    loop = Loop()
    watch = Watch(loop, lambda now: now + 1)  # type: ignore[arg-type]
    watch.stop()
    watch.by(110.0)
    watch.stop()
    assert (watch.due, loop.due) == (math.inf, [])
    watch.by(120.0)
    watch.close()
    watch.by(130.0)
    loop.fire()
    assert (watch.due, loop.due) == (math.inf, [])


class Idle:
    """A connection that is idle since so many seconds ago."""

    def __init__(self, name: str, seconds: float, now: float) -> None:
        self.name, self.idle_since = name, now - seconds


class Expiring:
    """Connections that are idle, of which *kept* may be, each for ten seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kept: int, *ages: float, seconds: float = 10.0) -> None:
        self.loop, self.closed = Loop(), []  # type: tuple[Loop, list[str]]
        monkeypatch.setattr(expiring, "monotonic", self.loop.time)
        self.idle: OrderedDict[Any, None] = OrderedDict()
        for number, age in enumerate(ages):
            self.idle[Idle(f"c{number}", age, self.loop.now)] = None
        self.expiry = Expiry(self.loop, self.idle, kept, seconds, self._close)  # type: ignore[arg-type]

    def _close(self, connection: Any) -> None:
        self.closed.append(connection.name)
        del self.idle[connection]


def test_what_is_idle_is_closed_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest first; the next look is when the next one is due, and there is none when nothing is left."""
    one = Expiring(monkeypatch, 9, 4.0, 1.0, 0.9995, 0.0)
    one.expiry.watch()
    one.expiry.watch()
    assert (one.loop.due, one.closed) == ([110.0], [])
    one.loop.fire()
    assert (one.loop.due, one.closed) == ([], ["c0", "c1", "c2", "c3"])
    assert one.expiry.timer is None
    two = Expiring(monkeypatch, 9, 10.0, 9.0)
    two.expiry.watch()
    two.loop.now = 100.0
    two.loop.timers[0].when = 100.0
    two.loop.fire()
    assert (two.closed, two.loop.due) == (["c0"], [101.0])


def test_those_beyond_as_many_as_may_be_idle_go_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second in which they may be used again; as many stay as may."""
    one = Expiring(monkeypatch, 2, 0.5, 0.5, 0.0)
    one.expiry.watch()
    assert one.loop.due == [110.0, 101.0]
    one.loop.fire()
    assert (one.closed, one.loop.due) == (["c0"], [110.0])
    just = Expiring(monkeypatch, 3, 0.5, 0.5, 0.0)
    just.expiry.watch()
    assert just.loop.due == [110.0]
    young = Expiring(monkeypatch, 0, -0.5)
    young.expiry.watch()
    young.loop.fire()
    assert (young.closed, young.loop.due) == ([], [110.0, 101.5])
    hasty = Expiring(monkeypatch, 0, 0.0, seconds=0.25)
    hasty.expiry.watch()
    assert hasty.loop.due == [100.25, 100.25]


def test_nothing_is_closed_by_what_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its timers are cancelled, and one that fires all the same does nothing."""
    one = Expiring(monkeypatch, 0, 50.0)
    one.expiry.watch()
    timers = one.loop.timers[:]
    one.expiry.stop()
    assert (one.loop.due, one.closed, one.expiry.timer) == ([], [], None)
    assert [timer.is_cancelled for timer in timers] == [True, True]


class Waiting:
    """A call in line, with its *deadline*; *ended* is what it was told."""

    started, steps, under_way, streaming = 0.0, 0, False, False

    def __init__(self, deadline: float, waits_until: float = math.inf, sent: float = 0.0) -> None:
        self.deadline, self.waits_until, self.sent = deadline, waits_until, sent
        self.ended: list[CallError] = []

    def settle(self, error: CallError) -> None:
        """Take note."""
        self.ended.append(error)


class Busy:
    """A connection that carries *ticket*, due then for that cause."""

    def __init__(self, ticket: Any, when: float = 0.0, cause: Cause = Cause.READ_TIMEOUT) -> None:
        self.ticket, self._due = ticket, (when, cause)
        self.failed: list[Cause] = []

    def due(self, _now: float) -> tuple[float, Cause]:
        """Return when and for what."""
        return self._due

    def fail(self, error: CallError) -> None:
        """Take note."""
        self.failed.append(error.cause)


def test_what_is_due_fails_and_the_next_due_time_is_told() -> None:
    """Of what carries a call and of both lines; a call in line may be over by its deadline or by its wait."""
    dropped: list[Any] = []
    calls: WaitingLine[Any] = WaitingLine(1, 10, dropped.append)
    streams: WaitingLine[Any] = WaitingLine(1, 10, dropped.append)
    late, hurried, patient, stream = Waiting(50.0), Waiting(90.0, 49.0), Waiting(90.0, 70.0), Waiting(65.0)
    for line, ticket in ((calls, late), (calls, hurried), (calls, patient), (streams, stream)):
        assert line.join(ticket, 0.0)
    over, busy, free = Busy(Waiting(0.0, sent=20.0), 50.0), Busy(Waiting(0.0), 60.0), Busy(None)
    overdue = Overdue({over, busy, free}, calls, streams, 2.5)  # type: ignore[arg-type]
    assert overdue.inspect(50.0) == 60.0
    told = [[(error.cause, error.retry_after) for error in one.ended] for one in (late, hurried, patient, stream)]
    assert told == [[(Cause.DEADLINE, None)], [(Cause.QUEUE_TIMEOUT, 2.5)], [], []]
    assert (over.failed, busy.failed, free.failed) == ([Cause.READ_TIMEOUT], [], [])
    over.ticket = busy.ticket = None
    assert overdue.inspect(50.5) == 65.0
    assert (len(calls), len(streams), dropped) == (1, 1, [])
    assert not calls.join(Waiting(55.0), 51.0)  # the one that was cut short had taken thirty seconds
    assert overdue.inspect(70.0) == math.inf


def test_a_stream_that_is_cut_short_tells_nothing_of_calls() -> None:
    """It may last for hours."""
    calls: WaitingLine[Any] = WaitingLine(1, 10, lambda _: None)
    ticket = Waiting(0.0)
    ticket.streaming = True
    overdue = Overdue({Busy(ticket, 50.0)}, calls, WaitingLine(1, 10, lambda _: None), 1.0)  # type: ignore[arg-type]
    assert overdue.inspect(60.0) == math.inf
    assert calls.join(Waiting(61.0), 60.0)


def test_a_lane_has_room_until_all_its_places_are_taken() -> None:
    """And not for one more."""
    lane: Lane[Any] = Lane(2, 10, lambda _: None)
    found = []
    for lane.taken in (0, 1, 2, 3):
        found.append(lane.has_room)
    assert found == [True, True, False, False]


class Names:
    """A connector to a name that stands for *hosts* now."""

    looks_up = True

    def __init__(self, *hosts: str) -> None:
        self.hosts, self.asked, self.fails = hosts, 0, False

    async def addresses(self) -> list[Any]:
        """Return them."""
        self.asked += 1
        if self.fails:
            raise OSError("no answer")
        return [literal(host, 80) for host in self.hosts]


class Opened:
    """A connection that is open."""

    peer: tuple[str, int] | None = None
    retires = math.inf


async def _turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_connections_to_addresses_that_are_gone_retire() -> None:
    """Those to others stay; a lookup that fails says nothing, and a second one is not begun beside the first."""

    async def main() -> None:
        loop, names = asyncio.get_running_loop(), Names("10.0.0.1", "::1")
        retired: list[Any] = []
        first, second, third, local = Opened(), Opened(), Opened(), Opened()
        aging = Aging(loop, names, 300.0, [first, second, third, local], retired.append)  # type: ignore[arg-type]
        assert monotonic() + 9 < aging.due <= monotonic() + 10
        peers = (("10.0.0.1", 80), ("10.0.0.2", 80), ("::1", 80), None)
        for one, peer in zip((first, second, third, local), peers, strict=True):
            before = monotonic()
            aging.begin(one, peer)
            assert before + 240 <= one.retires <= monotonic() + 300
        names.fails = True
        aging.look(5.0)
        aging.look(7.0)
        assert aging.due == 17.0
        await _turns()
        assert (names.asked, retired) == (1, [])
        names.fails = False
        aging.look(20.0)
        await _turns()
        assert (names.asked, retired, second.retires) == (2, [second], 0.0)
        assert all(one.retires > 0 for one in (first, third, local))
        aging.look(30.0)
        aging.stop()
        await _turns()
        assert (aging.due, retired) == (math.inf, [second])

    asyncio.run(main())


def test_an_address_is_never_looked_up_again() -> None:
    """It stands for nothing but itself."""

    async def main() -> None:
        names = Names()
        names.looks_up = False
        assert Aging(asyncio.get_running_loop(), names, 1.0, [], lambda _: None).due == math.inf  # type: ignore[arg-type]

    asyncio.run(main())


def test_which_hosts_are_addresses() -> None:
    """What spells one out needs no lookup."""
    stream, tcp = socket.SOCK_STREAM, socket.IPPROTO_TCP
    assert literal("10.0.0.1", 81) == (socket.AF_INET, stream, tcp, "", ("10.0.0.1", 81))
    assert literal("::1", 81) == (socket.AF_INET6, stream, tcp, "", ("::1", 81, 0, 0))
    assert [literal(name, 80) for name in ("a.test", "10.0.0", "")] == [None] * 3
    assert unix("/run/a.sock") == (socket.AF_UNIX, stream, 0, "", "/run/a.sock")


def test_a_socket_that_is_lost_has_no_peer() -> None:
    """Nor has one of a path."""

    class Lost:
        family = socket.AF_INET

        def getpeername(self) -> Any:
            raise OSError("not connected")

    class Found(Lost):
        family = socket.AF_INET6

        def getpeername(self) -> Any:
            return "::1", 80, 0, 0

    class Local(Found):
        family = socket.AF_UNIX

    assert [peer_of(one()) for one in (Lost, Found, Local)] == [None, ("::1", 80), None]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "body", "sent"),
    [
        (b"GET", None, b"GET /a HTTP/1.1\r\nh: 1\r\n\r\n"),
        (b"HEAD", None, b"HEAD /a HTTP/1.1\r\nh: 1\r\n\r\n"),
        (b"DELETE", None, b"DELETE /a HTTP/1.1\r\nh: 1\r\n\r\n"),
        (b"POST", None, b"POST /a HTTP/1.1\r\nh: 1\r\ncontent-length: 0\r\n\r\n"),
        (b"GET", b"", b"GET /a HTTP/1.1\r\nh: 1\r\ncontent-length: 0\r\n\r\n"),
        (b"PUT", b"ab", b"PUT /a HTTP/1.1\r\nh: 1\r\ncontent-length: 2\r\n\r\nab"),
    ],
)
def test_a_request_as_bytes(method: bytes, body: bytes | None, sent: bytes) -> None:
    """With the length of its body; without one where none is expected."""
    assert whole_request(method, b"/a", b"h: 1\r\n", body) == sent


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        (b"h: 1\r\n", None), (b"content-length: 12\r\n", 12), (b"h: 1\r\nContent-Length:\t7 \r\n", 7),
        (b"x-content-length: 7\r\n", None), (b"content-length: x\r\n", None),
    ],
)  # fmt: skip
def test_the_head_of_a_body_that_follows(headers: bytes, length: int | None) -> None:
    """With the length that is declared for it, else in chunks."""
    coding = b"transfer-encoding: chunked\r\n" if length is None else b""
    assert request_head(b"PUT", b"/a", headers) == (b"PUT /a HTTP/1.1\r\n%b%b\r\n" % (headers, coding), length)


def test_a_target_with_white_space_is_a_fault_of_the_request() -> None:
    """In one sentence."""
    error = bad_target()
    assert (error.cause, error.message) == (Cause.PROTOCOL, "The request target is empty or holds white space.")
