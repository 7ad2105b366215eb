"""Health checks: each host is asked beside the calls; who does not answer well is called no more."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest
from leaping import in_leaps

from aggregator.errors import CallError, Cause
from aggregator.policies.hosts.checking import HealthChecks
from aggregator.policies.hosts.plan import EjectPlan, HealthPlan, HostPlan, HostsPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.policies.values import Span
from aggregator.transport import Origin, PoolSettings, Reply
from aggregator.transport.door import Done

HEALTH = HealthPlan(b"/health", every=5.0, timeout=1.0, unhealthy=3, healthy=2)


def table(names: str = "ab", **said) -> HostTable:
    """Return the table of hosts that take turns."""
    hosts = tuple(HostPlan(name, PoolSettings(Origin("http", name, 80)), name.encode()) for name in names)
    return HostTable(("users", HostsPlan(hosts, "round_robin", **({"health": HEALTH} | said))), draw=lambda: 0.0)


def tell(one: HostTable, *answers: bool, now: float = 1.0, number: int = 0) -> str:
    """Let a host answer its checks so; return its state."""
    for is_well in answers:
        one.checked(one.hosts[number], now, is_well=is_well)
    return one.hosts[number].state


def test_the_first_answer_decides():
    """Nobody knows better yet, so that a process which starts beside a dead host does not call it for long."""
    assert tell(table(), False) == "unhealthy"
    assert tell(table(), False, True, True) == "usable"


def test_so_many_in_a_row():
    """Three failures, and two successes; one of the other kind in between begins anew."""
    one = table()
    assert tell(one, True, False, False, True, False, False) == "usable"
    assert tell(one, False) == "unhealthy"
    assert tell(one, True, False, True) == "unhealthy"
    assert tell(one, True) == "usable"


def test_who_is_not_well_is_not_called():
    """Nor is he when an ejection ends; with nobody left all are called."""
    one = table(eject=EjectPlan(1, Span(10.0, 10.0), at_most=1.0, panic=0.1))
    tell(one, False)
    one.ended(one.hosts[0], 0, 1.0, failed=True)
    assert {one.choose(now).name for now in (1.0, 20.0, 21.0)} == {"b"}
    tell(one, False, number=1)
    assert {one.choose(22.0).name for _ in range(4)} == {"a", "b"}


def test_who_is_well_again_starts_slowly():
    """As one that comes back from an ejection."""
    one = table(slow_start=20.0)
    tell(one, False)
    tell(one, True, True, now=50.0)
    one.choose(60.0)
    assert [host.share for host in one.hosts] == [0.5, 1]


class Door:
    """Answers checks of hosts with statuses, causes, or never."""

    def __init__(self, answers: dict[str, object]) -> None:
        self.answers = answers
        self.asked: Counter[str] = Counter()
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        self.all_asked = asyncio.Event()

    def way(self, plan: HostPlan) -> Door:
        """Return the way to a host."""
        made = Door(self.answers)
        made.asked, made.requests, made.all_asked, made.name = self.asked, self.requests, self.all_asked, plan.name
        return made

    def start(
        self, method: bytes, target: bytes, headers: bytes, _body: None, *, deadline: float, done: Done
    ) -> asyncio.Handle:
        """Have *done* told the answer of the host in the next turn; never, where it hangs."""
        self.asked[self.name] += 1
        self.requests.append((method, target, headers))
        if len(self.requests) == len(self.answers):
            self.all_asked.set()
        answer, loop = self.answers[self.name], asyncio.get_running_loop()
        if answer is None:
            return loop.call_soon(int)
        return loop.call_soon(
            done, CallError(answer, "It failed.") if isinstance(answer, Cause) else Reply(answer, [], b"")
        )


@pytest.mark.parametrize(
    ("answer", "state"),
    [(200, "usable"), (204, "usable"), (302, "unhealthy"), (404, "unhealthy"), (503, "unhealthy"),
     (Cause.REFUSED, "unhealthy"), (Cause.DEADLINE, "unhealthy")],
)  # fmt: skip
def test_what_is_well(answer, state):
    """A status of 2xx, in time."""
    one, door = table(), Door({"a": answer, "b": 200})
    asyncio.run(HealthChecks(one, HEALTH, door.way, b"accept: */*\r\n").ask())
    assert [host.state for host in one.hosts] == [state, "usable"]
    assert door.requests[0] == (b"GET", b"/health", b"host: a\r\naccept: */*\r\n")


@pytest.mark.parametrize(("known", "states"), [
    ((), ["usable"] * 2), ((200,), ["usable"] * 2), ((503,), ["unhealthy"] * 2),
])  # fmt: skip
def test_what_is_wrong_with_us_tells_nothing_of_a_host(known, states):
    """A process without a free descriptor asks nobody: what is known of each host stays, for however many checks."""
    one = table()
    for answer in (*known, *[Cause.QUEUE_FULL] * 5):
        asyncio.run(HealthChecks(one, HEALTH, Door({"a": answer, "b": answer}).way, b"").ask())
    assert [host.state for host in one.hosts] == states


@pytest.mark.parametrize(("answer", "reason"), [
    (503, "The upstream answered with status 503."), (Cause.REFUSED, "It failed."),
])  # fmt: skip
def test_the_log_says_why_a_host_is_not_well(caplog, answer, reason):
    """What its last check met."""
    asyncio.run(HealthChecks(table(), HEALTH, Door({"a": answer, "b": 200}).way, b"").ask())
    assert [(one.message, one.fields["host"], one.fields["reason"]) for one in caplog.records] == [
        ("A host is not well.", "a", reason)
    ]


@in_leaps
async def test_a_check_that_is_lost_is_a_failure():
    """Its time ends it, whatever becomes of the door; the others are not held up."""
    one, door = table(), Door({"a": None, "b": 200})
    quick = HealthPlan(b"/health", every=5.0, timeout=0.001, unhealthy=1, healthy=1)
    await HealthChecks(one, quick, door.way, b"").ask()
    assert [host.state for host in one.hosts] == ["unhealthy", "usable"]


def test_a_check_that_is_given_up_tells_nothing():
    """Of a reload, or of the end."""

    async def run() -> list[str]:
        one, door = table(), Door({"a": None, "b": None})
        checks = HealthChecks(one, HealthPlan(b"/", 5.0, 3600.0, 1, 1), door.way, b"")
        checks.start()
        await door.all_asked.wait()
        checks.stop()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
        return [host.state for host in one.hosts]

    assert asyncio.run(run()) == ["usable", "usable"]


def test_they_go_on(monkeypatch):
    """Each host is asked again and again, with a rest of up to a tenth less."""
    rests: list[float] = []
    real = asyncio.sleep

    async def rest(rounds: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 3:
            rounds.set()
        await real(0)

    async def run() -> Counter[str]:
        done, door = asyncio.Event(), Door({"a": 200, "b": 200})
        monkeypatch.setattr("aggregator.policies.hosts.checking.asyncio.sleep", partial(rest, done))
        checks = HealthChecks(table(), HEALTH, door.way, b"", draw=lambda: 0.5)
        checks.start()
        await done.wait()
        checks.stop()
        return door.asked

    assert min(asyncio.run(run()).values()) >= 3
    assert set(rests) == {4.75}
