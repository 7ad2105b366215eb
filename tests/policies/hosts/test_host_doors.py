"""The door that chooses among hosts: each request takes the way of its caller to one of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from aggregator.errors import CallError, Cause
from aggregator.policies.concurrency.holding import held
from aggregator.policies.concurrency.places import Places
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import HostPlan, HostsPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.templates import compile_expression
from aggregator.transport import Door, Origin, PoolSettings, Reply, StreamReply
from aggregator.transport.door import CallerDoor

HOSTS = tuple(HostPlan(f"http://{name}", PoolSettings(Origin("http", name, 80)), name.encode()) for name in "ab")


class Pool:
    """Takes note of what is sent."""

    def __init__(self, plan: HostPlan) -> None:
        self.settings = plan.pool
        self.name = plan.name
        self.sent: list[tuple[bytes, object]] = []

    def start(self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: object) -> object:
        """Take note of a request."""
        self.sent.append((headers, terms["done"]))
        return SimpleNamespace(cancel=lambda: None)


class Callers(CallerDoor):
    """Has a way for Ann, and for nobody else."""

    def bound(self, exchange) -> Door:
        """Return the way for the caller."""
        if exchange != "ann":
            raise CallError(Cause.CREDENTIALS, "The caller has no token.")
        return self.inner

    def identity(self, exchange) -> bytes:
        """Return the caller's name."""
        return exchange.encode()


class Loop:
    """Runs at once what is called soon."""

    def time(self) -> float:
        """Return the same each time."""
        return 1.0

    def call_soon(self, run, *given) -> None:
        """Run it."""
        run(*given)


@pytest.fixture
def pools() -> list[Pool]:
    """Return what was opened."""
    return []


@pytest.fixture
def door(pools) -> HostsDoor:
    """Return the door to two hosts that take turns, called in the name of each caller."""

    def way(plan: HostPlan) -> Door:
        pools.append(Pool(plan))
        return Callers(pools[-1])

    return HostsDoor(HostTable(("users", HostsPlan(HOSTS, "round_robin"))), way, HOSTS[0])


def ask(door: HostsDoor, caller: str, headers: bytes = b"host: a\r\nx: 1\r\n") -> list[object]:
    """Send a request of *caller*; return what it came to, so far."""
    told: list[object] = []
    frame = SimpleNamespace(exchange=caller, loop=Loop(), names=None, written=None)
    door.bound(frame).start(b"GET", b"/", headers, None, deadline=9.0, done=told.append)
    return told


def test_each_host_is_called_in_the_name_of_the_caller(door, pools):
    """By its way to that host, with the `Host` of it."""
    for _ in range(2):
        ask(door, "ann")
    assert sorted(sent[0] for pool in pools for sent in pool.sent) == [b"host: a\r\nx: 1\r\n", b"host: b\r\nx: 1\r\n"]
    assert [host.in_flight for host in door.table.hosts] == [1, 1]
    for pool in pools:
        for _, done in pool.sent:
            done(Reply(200, [], b""))
    assert [host.in_flight for host in door.table.hosts] == [0, 0]


def test_a_way_to_an_idle_host_stays_open(door, pools):
    """A host is opened once, also when another one is opened while nothing is under way to it."""
    opened = []
    for _ in range(4):
        ask(door, "ann")
        for _, done in (pool.sent.pop() for pool in pools if pool.sent):
            done(Reply(200, [], b""))
        opened.append(len(pools))
    assert opened[1:] == [opened[1]] * 3


def test_a_way_to_a_host_that_has_gone_lasts_for_its_requests(door, pools):
    """What is under way ends where it began; when nothing is any more, the way is closed by the next that is opened."""
    gone, *_ = door.table.hosts
    for _ in range(2):
        ask(door, "ann")
    for number, is_there in enumerate((True, False)):
        new = HostPlan(f"http://new{number}", PoolSettings(Origin("http", "new", number)), b"new")
        door.table.adopt(("users", HostsPlan((HOSTS[1], new), "round_robin")))
        for _ in range(2):
            ask(door, "ann")
        assert (gone in door.ways) is is_there
        for _, done in (pool.sent.pop() for pool in pools if pool.sent):
            done(Reply(200, [], b""))


def test_a_caller_without_a_way_reaches_no_host(door, pools):
    """The call fails, and is in flight nowhere."""
    (error,) = ask(door, "bob")
    assert error.cause is Cause.CREDENTIALS
    assert [host.in_flight for host in door.table.hosts] == [0, 0]
    assert not any(pool.sent for pool in pools)


def test_callers_are_told_apart(door):
    """As by the way to each host, so that no reply of one is kept for another."""
    assert (door.identity("ann"), door.identity("bob")) == (b"ann", b"bob")


def test_a_door_without_hosts_fails(pools):
    """As a name that leads nowhere; nothing was sent."""
    table = HostTable(("users", HostsPlan(())))
    (error,) = ask(HostsDoor(table, Pool, HOSTS[0]), "ann")
    assert (error.cause, error.attempts) == (Cause.DNS, 0)


class Body:
    """A body that tells whether it was closed."""

    is_closed = False

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Take note."""
        self.is_closed = True


def test_a_stream_in_a_place_is_in_flight_until_it_is_closed():
    """Who closes it closes all that is around it: the place is free, nothing is in flight, the body is closed."""

    class Streams(Pool):
        async def stream(self, *_: object, **__: object) -> StreamReply:
            return StreamReply(200, [], body)

    async def run() -> tuple[int, int, int, int]:
        door = HostsDoor(HostTable(("users", HostsPlan(HOSTS[:1]))), Streams, HOSTS[0])
        places = Places(("users", ConcurrencyPlan(limit=1, queue=0, wait=1.0)))
        reply = await held(places, lambda: door.stream(b"GET", b"/", b"host: a\r\n", None, deadline=1e9), 1e9)
        before = places.inside, door.table.hosts[0].in_flight
        await reply.aclose()
        return *before, places.inside, door.table.hosts[0].in_flight

    body = Body()
    assert asyncio.run(run()) == (1, 1, 0, 0)
    assert body.is_closed


def test_what_is_open_to_all_hosts_is_counted_together():
    """And closed together: what is idle, or all of it."""

    class Counting(Pool):
        def __init__(self, plan: HostPlan) -> None:
            super().__init__(plan)
            self.closed: list[str] = []
            self.active, self.idle, self.waiting = (1, 2, 3) if plan is HOSTS[0] else (10, 20, 30)

        def close_idle(self) -> None:
            self.closed.append("idle")

        async def aclose(self) -> None:
            self.closed.append("all")

    opened: list[Counting] = []

    def way(plan: HostPlan) -> Counting:
        opened.append(Counting(plan))
        return opened[-1]

    door = HostsDoor(HostTable(("users", HostsPlan(HOSTS, "round_robin"))), way, HOSTS[0])
    for _ in range(2):
        ask(door, "ann")
    assert (door.active, door.idle, door.waiting) == (11, 22, 33)
    door.close_idle()
    asyncio.run(door.aclose())
    assert [one.closed for one in opened if one.closed] == [["idle", "all"]] * 2


def test_what_no_call_makes_has_no_key(pools):
    """It is sent to any of the hosts."""

    async def run() -> None:
        key = compile_expression("'k'")
        door = HostsDoor(HostTable(("users", HostsPlan(HOSTS, "hash", key))), way, HOSTS[0])
        door.start(b"GET", b"/", b"host: a\r\n", None, deadline=9.0, done=len)

    def way(plan: HostPlan) -> Pool:
        pools.append(Pool(plan))
        return pools[-1]

    asyncio.run(run())
    assert sum(len(pool.sent) for pool in pools) == 1


@pytest.mark.parametrize("headers", [b"host: a\r\nx: 1\r\n", b"host: own.test\r\n"])
def test_a_host_that_a_call_declares_stays(pools, headers):
    """That of the first host is replaced by that of the one which is called, and no other one is."""

    def way(plan: HostPlan) -> Pool:
        pools.append(Pool(plan))
        return pools[-1]

    door = HostsDoor(HostTable(("users", HostsPlan(HOSTS, "round_robin"))), way, HOSTS[0])
    for _ in range(2):
        ask(door, "ann", headers)
    sent = {pool.name: pool.sent[0][0] for pool in pools if pool.sent}
    assert sent == {"http://a": headers, "http://b": headers.replace(b"host: a\r\n", b"host: b\r\n")}
