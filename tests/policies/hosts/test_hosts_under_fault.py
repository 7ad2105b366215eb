"""Hosts while probes and checks are lost, clocks jump, hosts go, and a thousand call at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.breaker.table import Breakers
from aggregator.policies.hosts.breaking import HostBreakers
from aggregator.policies.hosts.checking import HealthChecks
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import EjectPlan, HealthPlan, HostPlan, HostsPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.policies.values import Span
from aggregator.transport import Door, Origin, PoolSettings, Reply

BREAKER = BreakerPlan(
    failures=1, rate=None, of=20, window=10.0, over=None, slow=1.0, pause=Span(5.0, 5.0),
    statuses=frozenset(range(500, 600)), causes=frozenset({Cause.RESET}), by_host=True,
)  # fmt: skip
GOOD, BAD = Reply(200, [], b""), Reply(500, [], b"")
LEFT_ALONE = Cause.BREAKER_OPEN


def hosts(names: str) -> tuple[HostPlan, ...]:
    """Return hosts of one letter each."""
    return tuple(HostPlan(f"http://{n}", PoolSettings(Origin("http", n, 80)), n.encode()) for n in names)


class Sent:
    """A request at the host *name*, which ends when the test says; a cancelled one tells nothing."""

    def __init__(self, name: str, done) -> None:
        self.name = name
        self.done = done
        self.is_cancelled = False

    def cancel(self) -> None:
        """Take note."""
        self.is_cancelled = True


class Callers:
    """Who calls the hosts *names*, through one door, on a clock that only the test moves."""

    def __init__(self, names: str, balance: str = "round_robin", breaker: BreakerPlan | None = BREAKER, **said) -> None:
        self.now = 10_000.0
        self.sent: list[Sent] = []
        self.plan = HostsPlan(hosts(names), balance, **said)
        self.table = HostTable(("users", self.plan), draw=lambda: 0.0)
        self.breakers = Breakers(("users", BREAKER))
        around = None if breaker is None else HostBreakers(self.breakers, "users")
        self.door = HostsDoor(self.table, self._way, self.plan.hosts[0], around)
        self.told: list[object] = []

    def _way(self, plan: HostPlan) -> Door:
        def start(*_: object, done, **__: object) -> Sent:
            self.sent.append(Sent(plan.name[-1], done))
            return self.sent[-1]

        return SimpleNamespace(settings=plan.pool, start=start)

    def time(self) -> float:
        """Return the time of the loop."""
        return self.now

    def call_soon(self, run, *given) -> Sent:
        """Run it at once."""
        run(*given)
        return Sent("", None)

    def ask(self):
        """Send a request; return what cancels it."""
        frame = SimpleNamespace(exchange=None, loop=self, names=None, written=None)
        return self.door.bound(frame).start(b"GET", b"/", b"", None, deadline=1e12, done=self.told.append)

    def answered(self, *replies: object) -> list[str]:
        """Send a request for each of *replies*, and have it answered so; return where each went, or why it did not."""
        went = []
        for reply in replies:
            number = len(self.sent)
            self.ask()
            if len(self.sent) == number:
                went.append(self.told[-1].cause)
                continue
            self.sent[-1].done(reply)
            went.append(self.sent[-1].name)
        return went

    @property
    def in_flight(self) -> int:
        """How many calls are in flight, at all hosts."""
        return sum(host.in_flight for host in self.table.hosts)


@pytest.fixture
def one() -> Callers:
    """Return the callers of a single host whose breaker has opened, and whose pause is over."""
    made = Callers("a")
    assert made.answered(BAD, GOOD) == ["a", LEFT_ALONE]
    made.now += 5.0
    return made


def test_a_probe_that_is_cancelled_makes_room(one):
    """Meanwhile nobody else goes through; afterwards the next caller is the probe, and its success closes."""
    probe = one.ask()
    assert one.answered(GOOD) == [LEFT_ALONE]
    probe.cancel()
    assert (one.sent[-1].is_cancelled, one.in_flight) == (True, 0)
    assert one.answered(GOOD, GOOD) == ["a", "a"]


def test_a_probe_that_we_refuse_ourselves_makes_room(one):
    """Such as one that found no place in a queue: it tells nothing of the host."""
    assert one.answered(CallError(Cause.QUEUE_FULL, "The queue is full."), GOOD) == ["a", "a"]


def test_a_probe_whose_host_a_reload_takes_away_is_no_loss(one):
    """It ends where it went; the host that came instead is called, and so is the old one when it comes back."""
    one.ask()
    probe = one.sent[-1]
    one.table.adopt(("users", HostsPlan(hosts("b"))))
    assert one.answered(GOOD) == ["b"]
    probe.done(GOOD)
    one.table.adopt(("users", one.plan))
    assert one.answered(GOOD) == ["a"]


def test_a_probe_over_a_reload_of_its_settings_is_still_the_only_one(one):
    """Nobody else goes through until it has ended."""
    one.ask()
    probe = one.sent[-1]
    one.breakers.adopt(
        ("users", BreakerPlan(**{n: getattr(BREAKER, n) for n in BREAKER.__struct_fields__} | {"of": 9}))
    )
    assert one.answered(GOOD) == [LEFT_ALONE]
    probe.done(GOOD)
    assert one.answered(GOOD) == ["a"]


def test_a_probe_that_is_never_answered_holds_up_no_other_host():
    """The others are called as ever."""
    callers = Callers("ab")
    assert callers.answered(BAD, GOOD) == ["a", "b"]
    callers.now += 5.0
    while not callers.sent or callers.sent[-1].name != "a":
        callers.ask()
    assert set(callers.answered(*[GOOD] * 20)) == {"b"}


@pytest.mark.parametrize("seconds", [-9_000.0, 1e9])
def test_a_clock_that_jumps_keeps_nobody_away(seconds):
    """A pause of a breaker that would begin only later is over, like one that ended long ago."""
    callers = Callers("ab")
    assert callers.answered(BAD, BAD, GOOD) == ["a", "b", LEFT_ALONE]
    callers.now += seconds
    assert sorted(callers.answered(GOOD, GOOD)) == ["a", "b"]
    assert sorted(callers.answered(GOOD, GOOD)) == ["a", "b"]


def test_a_clock_that_jumps_back_ejects_as_before():
    """What fails there is left out, what is well is called."""
    eject = EjectPlan(2, Span(10.0, 10.0), at_most=0.5, panic=0.1)
    callers = Callers("ab", breaker=None, eject=eject)
    callers.now -= 9_000.0
    assert callers.answered(BAD, GOOD, BAD, GOOD) == ["a", "b", "a", "b"]
    assert set(callers.answered(*[GOOD] * 10)) == {"b"}
    callers.now += 10.0
    assert set(callers.answered(*[GOOD] * 10)) == {"a", "b"}


@pytest.mark.parametrize("balance", ["least", "round_robin", "random", "hash"])
def test_a_thousand_at_once(balance):
    """Each goes to a host; who is cancelled and who is answered leaves it, and nothing is in flight any more."""
    callers = Callers("abcd", balance)
    tickets = [callers.ask() for _ in range(1000)]
    assert callers.in_flight == len(callers.sent) == 1000
    for ticket in tickets[::2]:
        ticket.cancel()
        ticket.cancel()
    for sent in callers.sent[1::2]:
        sent.done(GOOD)
    assert (callers.in_flight, len(callers.told)) == (0, 500)
    assert [sent.is_cancelled for sent in callers.sent] == [True, False] * 500


def test_a_thousand_probes_at_once_are_one(one):
    """The others fail at once, without a connection."""
    before = len(one.sent)
    for _ in range(1000):
        one.ask()
    assert len(one.sent) == before + 1
    assert [error.cause for error in one.told[-999:]] == [LEFT_ALONE] * 999


HEALTH = HealthPlan(b"/health", every=5.0, timeout=3600.0, unhealthy=1, healthy=1)


def test_a_check_of_a_host_that_has_gone_tells_of_no_other():
    """Its answer comes after the reload that took it away."""
    table = HostTable(("users", HostsPlan(hosts("ab"), health=HEALTH)))
    waiting: list[object] = []
    all_asked = asyncio.Event()

    def way(_: HostPlan) -> Door:
        def start(*_: object, done, **__: object) -> Sent:
            waiting.append(done)
            if len(waiting) == 2:
                all_asked.set()
            return Sent("", done)

        return SimpleNamespace(start=start)

    async def main() -> list[tuple[str, str]]:
        asking = asyncio.create_task(HealthChecks(table, HEALTH, way, b"").ask())
        await all_asked.wait()
        table.adopt(("users", HostsPlan(hosts("bc"), health=HEALTH)))
        for done, reply in zip(waiting, (BAD, GOOD), strict=True):
            done(reply)
        await asking
        return [(host.name, host.state) for host in table.hosts]

    assert asyncio.run(main()) == [("http://b", "usable"), ("http://c", "usable")]


def test_a_fault_of_ours_in_a_check_ends_no_checks(caplog):
    """It tells nothing of its host and is logged with its place; the others are judged, and all are asked again."""
    table = HostTable(("users", HostsPlan(hosts("ab"), health=HEALTH)))

    def way(plan: HostPlan) -> Door:
        def start(*_: object, done, **__: object) -> Sent:
            if plan.name == "http://a":
                raise RuntimeError("a fault")
            done(BAD)
            return Sent("", done)

        return SimpleNamespace(start=start)

    asyncio.run(HealthChecks(table, HEALTH, way, b"").ask())
    assert [host.state for host in table.hosts] == ["usable", "unhealthy"]
    (found,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert found.fields["host"] == "http://a"
    assert "test_hosts_under_fault.py" in found.fields["fault"]


def test_what_there_is_to_know_of_each_host():
    """One that is out says in how many seconds it comes back, and none says less than nothing."""
    table = HostTable(("users", HostsPlan(hosts("ab"))))
    table.hosts[1].returns = 107.5
    known = [
        {"host": name, "state": "usable", "weight": 1, "priority": 0, "in_flight": 0, "failures": 0, "ejections": 0}
        for name in ("http://a", "http://b")
    ]
    shown = [table.hosts[0].as_dict(100.0), table.hosts[1].as_dict(100.0), table.hosts[1].as_dict(200.0)]
    out = known[1] | {"state": "ejected"}
    assert shown == [known[0], out | {"returns_in": 7.5}, out | {"returns_in": 0.0}]
    assert [one["host"] for one in table.as_list(100.0)] == ["http://a", "http://b"]
