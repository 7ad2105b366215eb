"""Hosts that are looked up: they come, go and drain, and what was good stays while nobody answers."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from aggregator.policies.hosts import resolving
from aggregator.policies.hosts.lookup import Found, NotFoundError
from aggregator.policies.hosts.plan import Address, HostPlan, HostsPlan, ResolvePlan
from aggregator.policies.hosts.resolving import Resolution
from aggregator.policies.hosts.settings import dns_server
from aggregator.policies.hosts.table import HostTable
from aggregator.transport import Origin, PoolSettings

RESOLVE = ResolvePlan("dns", "users.test", 80)
URL = HostPlan("http://users.test", PoolSettings(Origin("http", "users.test", 80)), b"users.test")
PLAN = HostsPlan((URL,), "round_robin", resolve=RESOLVE)


def found(*ips: str, seconds: float = 30.0) -> Found:
    """Return what a look-up finds."""
    return Found(tuple(Address(0, ip, 80) for ip in ips), seconds)


class Pools:
    """Counts who keeps what."""

    def __init__(self) -> None:
        self.kept: Counter[str] = Counter()
        self.busy: set[str] = set()

    def keep(self, host: HostPlan) -> None:
        """Count one more."""
        self.kept[host.name] += 1

    def give_back(self, host: HostPlan) -> None:
        """Count one less."""
        self.kept[host.name] -= 1
        self.kept += Counter()

    def is_busy(self, host: HostPlan) -> bool:
        """Return whether the test says so."""
        return host.name in self.busy


class Played:
    """A resolution whose look-ups give *answers*, one after the other, and whose rests take no time.

    ``rests`` are their lengths; after the last answer it rests for ever.
    """

    def __init__(self, monkeypatch, *answers: Found | str, table: HostTable | None = None) -> None:
        self.table = table or HostTable(("users", PLAN), draw=lambda: 0.0)
        self.pools = Pools()
        self.answers = list(answers)
        self.rests: list[float] = []
        self.seen: list[list[str]] = []
        self.idle = asyncio.Event()
        self.one = Resolution(self.table, PLAN, self.pools, self.look_up)
        self._sleep = asyncio.sleep
        monkeypatch.setattr(resolving.asyncio, "sleep", self.sleep)

    async def look_up(self, plan: ResolvePlan) -> Found:
        """Return the next answer; a text is a failure."""
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise NotFoundError(answer)
        return answer

    async def sleep(self, seconds: float) -> None:
        """Take note of a rest."""
        self.rests.append(seconds)
        self.seen.append(self.names)
        if not self.answers:
            self.idle.set()
            await asyncio.Event().wait()
        await self._sleep(0)

    @property
    def names(self) -> list[str]:
        """The hosts of the moment."""
        return [host.name for host in self.table.hosts]

    async def run(self) -> None:
        """Look up until nothing is left to find."""
        await self.one.prepare()
        self.one.start()
        await self.idle.wait()


@pytest.fixture
def play(monkeypatch):
    """Return a function that plays look-ups, and returns the finished resolution."""

    def begin(*answers: Found | str, **said) -> Played:
        async def run() -> Played:
            played = Played(monkeypatch, *answers, **said)
            await played.run()
            return played

        return asyncio.run(run())

    return begin


def test_every_address_is_a_host(play):
    """It is called by its address, in the name of the upstream."""
    played = play(found("10.0.0.2", "10.0.0.1"))
    assert played.names == ["http://10.0.0.2:80", "http://10.0.0.1:80"]
    host = played.table.hosts[0].plan
    assert (host.pool.origin.host, host.pool.origin.address, host.header) == ("users.test", "10.0.0.2", b"users.test")
    assert played.rests == [30.0]


def test_they_come_and_go(play):
    """What is found anew is called, what is not found any more is not, and its pool is given back."""
    played = play(found("10.0.0.1", "10.0.0.2"), found("10.0.0.2", "10.0.0.3", seconds=7.0))
    assert played.seen[0] == ["http://10.0.0.1:80", "http://10.0.0.2:80"]
    assert played.names == ["http://10.0.0.2:80", "http://10.0.0.3:80"]
    assert sorted(played.pools.kept) == played.names
    assert played.rests == [30.0, 7.0]


def test_while_nobody_answers_the_last_good_ones_stay(play, caplog):
    """It is tried again after one second, then two, and so on up to thirty; the log says it once."""
    caplog.set_level("INFO", "aggregator.policies")
    played = play(found("10.0.0.1"), *["no server answered"] * 7, found("10.0.0.1"))
    assert played.names == ["http://10.0.0.1:80"]
    assert played.rests == [30.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert [record.message for record in caplog.records] == [
        "The hosts of an upstream could not be looked up.",
        "The hosts of an upstream can be looked up again.",
    ]
    assert caplog.records[0].fields["reason"] == "no server answered"


def test_a_start_without_an_answer(play):
    """There are no hosts, until there are."""
    played = play("no server answered", found("10.0.0.1"))
    assert played.seen == [[], ["http://10.0.0.1:80"]]


def test_who_is_gone_drains(monkeypatch):
    """Its pool is given back when nothing is in flight there any more, neither a call nor a stream."""

    async def run() -> list[list[str]]:
        played = Played(monkeypatch, found("10.0.0.1"), found("10.0.0.2"), *["nothing"] * 2)
        await played.one.prepare()
        played.one.start()
        gone = played.table.hosts[0]
        gone.in_flight = 1
        kept: list[list[str]] = []
        for step in (lambda: None, lambda: played.pools.busy.add(gone.name), played.pools.busy.clear):
            step()
            kept.append(sorted(played.pools.kept))
            played.one._follow(found("10.0.0.2"))
            gone.in_flight = 0 if played.pools.busy else gone.in_flight
        return [*kept, sorted(played.pools.kept)]

    kept = asyncio.run(run())
    assert kept[0] == ["http://10.0.0.1:80"]
    assert kept[1] == kept[2] == ["http://10.0.0.1:80", "http://10.0.0.2:80"]
    assert kept[3] == ["http://10.0.0.2:80"]


def test_who_comes_back_while_it_drains_is_kept(monkeypatch):
    """Its pool is not given back under the hands of new calls."""

    async def run() -> Counter[str]:
        played = Played(monkeypatch, found("10.0.0.1"), "nothing")
        await played.one.prepare()
        played.one.start()
        played.table.hosts[0].in_flight = 1
        played.one._follow(found("10.0.0.2"))
        played.one._follow(found("10.0.0.1"))
        return played.pools.kept

    assert asyncio.run(run()) == {"http://10.0.0.1:80": 1}


def test_a_reload_takes_over_what_was_found(monkeypatch):
    """The next generation has hosts at once, and the pools are kept twice, until the last one closes."""

    async def run() -> None:
        played = Played(monkeypatch, found("10.0.0.1"), "nothing", "nothing")
        await played.one.prepare()
        played.one.start()
        after = Resolution(played.table, PLAN, played.pools, played.look_up)
        await after.prepare()
        assert played.answers == ["nothing", "nothing"]
        played.table.adopt(("users", HostsPlan((URL,), "least", resolve=RESOLVE)))
        after.start()
        played.one.stop()
        assert played.names == ["http://10.0.0.1:80"]
        assert played.pools.kept == {"http://10.0.0.1:80": 2}
        played.one.close()
        assert played.pools.kept == {"http://10.0.0.1:80": 1}
        after.stop()
        after.close()
        assert not played.pools.kept

    asyncio.run(run())


def test_another_name_begins_anew(monkeypatch):
    """What was found for the name before is not called for this one."""

    async def run() -> tuple[list[str], bool]:
        played = Played(monkeypatch, found("10.0.0.1"), "nothing")
        await played.one.prepare()
        played.one.start()
        other = ResolvePlan("dns", "others.test", 80)
        played.table.adopt(("users", HostsPlan((URL,), "least", resolve=other)))
        return played.names, played.table.knows(other)

    assert asyncio.run(run()) == ([], False)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (None, None),
        ("10.0.0.2", ("10.0.0.2", 53)),
        ("10.0.0.2:5353", ("10.0.0.2", 5353)),
        ("fd00::2", ("fd00::2", 53)),
        ("[fd00::2]:5353", ("fd00::2", 5353)),
    ],
)
def test_a_server_of_names_is_an_address_and_maybe_a_port(text, place):
    """The port is 53 unless it is said; which server the system has is its affair."""
    assert dns_server(text) == place
