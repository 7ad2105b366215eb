"""A call whose host depends on nothing but the hosts takes a short way; whatever comes of it, all is as on the long one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.parts.frame import Written
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import EjectPlan, HealthPlan, HostPlan, HostsPlan
from aggregator.policies.hosts.request import HostRequest
from aggregator.policies.hosts.table import HostTable
from aggregator.policies.values import Span
from aggregator.transport import Door, Origin, PoolSettings, Reply

GOOD, BAD, RESET = Reply(200, [], b""), Reply(503, [], b""), CallError(Cause.RESET, "gone")
PLAN = HostsPlan(
    tuple(
        HostPlan(f"http://{name}", PoolSettings(Origin("http", name, 80)), name.encode(), weight=weight)
        for name, weight in (("a", 1), ("b", 1), ("c", 3))
    ),
    "round_robin",
)
EJECTING = HostsPlan(PLAN.hosts, "round_robin", eject=EjectPlan(1, Span(5.0, 5.0), at_most=0.5, panic=0.5))


class Rig:
    """Callers of *plan*, by the short way or by the long one, with numbers that are as little at random as need be."""

    def __init__(self, plan: HostsPlan, *, short: bool) -> None:
        self.short = short
        self.drawn = 0
        self.log: list[object] = []
        self.ends: list[Callable[[object], None]] = []
        self.tickets: list[object] = []
        self.table = HostTable(("users", plan), self._draw)
        self.door = HostsDoor(self.table, self._way, PLAN.hosts[0])
        self.loop = SimpleNamespace(time=lambda: 7.0, call_soon=lambda run, *given: run(*given))
        self.start(), self.ends.pop()(GOOD)  # the first one finds out who is in use

    def _draw(self) -> float:
        self.drawn += 1
        return self.drawn * 0.37 % 1

    def _way(self, plan: HostPlan) -> Door:
        def start(*given: object, done, **terms: object) -> object:
            self.log.append((plan.name, given, terms))
            self.ends.append(done)
            return SimpleNamespace(cancel=lambda: self.log.append("cancelled"))

        return SimpleNamespace(settings=plan.pool, start=start)

    def start(self, headers: bytes = b"host: a\r\nx: 1\r\n", written: Written | None = None) -> None:
        """Send a request."""
        frame = SimpleNamespace(exchange=None, loop=self.loop, names=None, written=written)
        carrier = self.door.bound(frame) if self.short else HostRequest(self.door, frame)
        terms = {"deadline": 9.0, "done": self.log.append, "steps": 2, "under_way": True}
        self.tickets.append(carrier.start(b"GET", b"/", headers, None, **terms))

    def known(self) -> list[object]:
        """Return all that is known of the hosts, and what has been seen of the calls."""
        hosts = [(host.as_dict(0.0) | {"returns_in": None}, host.turn, host.era) for host in self.table.hosts]
        log = [str(one) if isinstance(one, CallError) else one for one in self.log]
        return [*log, *hosts, self.drawn, len(self.ends)]


def adopt(rig: Rig, plan: HostsPlan) -> None:
    """Have the table go on by another plan, while a call is under way and before the next one."""
    rig.start()
    rig.table.adopt(("users", plan))
    rig.ends[0](BAD)
    rig.start()


COURSES: dict[str, Callable[[Rig], object]] = {
    "answers": lambda rig: [(rig.start(), rig.ends.pop()(GOOD)) for _ in range(7)],
    "failures": lambda rig: [(rig.start(), rig.ends.pop()(end)) for end in (BAD, RESET)],
    "many at once": lambda rig: [rig.start() for _ in range(9)],
    "many, and the ends in turn": lambda rig: ([rig.start() for _ in range(9)], [end(GOOD) for end in rig.ends]),
    "another Host by the call": lambda rig: [rig.start(b"host: x\r\n") for _ in range(3)],
    "given up": lambda rig: (rig.start(), rig.tickets[-1].cancel()),
    "given up twice": lambda rig: (rig.start(), rig.tickets[-1].cancel(), rig.tickets[-1].cancel()),
    "given up after the end": lambda rig: (rig.start(), rig.ends[0](GOOD), rig.tickets[-1].cancel()),
    "an end after it was given up": lambda rig: (rig.start(), rig.tickets[-1].cancel(), rig.ends[0](GOOD)),
    "several tries": lambda rig: [rig.start(written=Written(tried=(rig.table.hosts[0],))) for _ in range(4)],
    "a reload that ejects": lambda rig: adopt(rig, EJECTING),
    "a reload that takes hosts away": lambda rig: adopt(rig, HostsPlan(PLAN.hosts[:1], "round_robin")),
    "a reload without any hosts": lambda rig: adopt(rig, HostsPlan((), "round_robin")),
}


@pytest.mark.parametrize("balance", ["round_robin", "least", "random", "hash"])
@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_the_short_way_comes_to_the_same(course: Callable[[Rig], object], balance: str) -> None:
    """Where calls went, what they were told, and what is known of the hosts afterwards."""

    async def both() -> list[Rig]:
        rigs = [Rig(HostsPlan(PLAN.hosts, balance), short=short) for short in (True, False)]
        for rig in rigs:
            course(rig)
        return rigs

    short, long = asyncio.run(both())
    assert short.known() == long.known()


@pytest.mark.parametrize(
    ("plan", "is_calm"),
    [
        (PLAN, True),
        (EJECTING, False),
        (HostsPlan(PLAN.hosts, key=SimpleNamespace(evaluate=lambda _: "one")), False),
        (HostsPlan(PLAN.hosts, slow_start=60.0), False),
        (HostsPlan(()), False),
    ],
    ids=["calm", "ejects", "by key", "starts slowly", "nobody"],
)
def test_where_more_matters_calls_go_the_long_way(plan: HostsPlan, is_calm: bool) -> None:
    """Where hosts are ejected, calls have keys, a share grows, or nobody is there."""
    table = HostTable(("users", plan))
    for host in table.hosts:
        host.since = 6.5
    table.refresh(7.0)
    door = HostsDoor(table, lambda host: SimpleNamespace(settings=host.pool), PLAN.hosts[0])
    assert (door.bound(SimpleNamespace(written=None)) is door) is is_calm


def test_a_check_that_fails_is_felt_by_the_next_call() -> None:
    """And by all that follow, on the short way again."""
    rig = Rig(HostsPlan(PLAN.hosts, "round_robin", health=HealthPlan(b"/", 5.0, 1.0, 1, 1)), short=True)
    rig.table.checked(rig.table.hosts[2], 7.0, is_well=False)
    assert not rig.table.is_calm
    rig.log.clear()
    for _ in range(4):
        rig.start()
    assert rig.table.is_calm
    assert [entry[0][-1] for entry in rig.log] in (["a", "b"] * 2, ["b", "a"] * 2)
