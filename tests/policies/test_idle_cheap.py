"""What the policies around a call cost one that succeeds at once: counted, since times differ from machine to machine."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.policies.breaker.breaking import Broken
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.breaker.table import Breakers
from aggregator.policies.concurrency.holding import Placed
from aggregator.policies.concurrency.places import Places
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import HostPlan, HostsPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.policies.retry.budget import Budget
from aggregator.policies.retry.plan import BudgetPlan, RetryPlan
from aggregator.policies.retry.retrying import Retried
from aggregator.policies.values import Span
from aggregator.runtime.calls.unhindered import unhindered
from aggregator.transport import Origin, PoolSettings, Reply

PAUSE = Span(1.0, 60.0)
BREAKER = BreakerPlan(5, 0.5, 20, 10.0, None, 1.0, PAUSE, frozenset(range(500, 600)), frozenset())
RETRY = RetryPlan(3, frozenset({503}), frozenset(), PAUSE, None, "always")
NOTHING = SimpleNamespace(cancel=lambda: None)


class Leaf:
    """A call that is under way until the test ends it."""

    name = "x"

    def start(self, frame: Frame, done: Done) -> object:
        """Keep who is to be told."""
        self.done = done
        return NOTHING


def retried(inner: Part) -> Part:
    """Return *inner*, which may be sent three times."""
    return Retried(inner, RETRY, Budget(("a", BudgetPlan())), 5.0)


def broken(inner: Leaf) -> Part:
    """Return *inner* behind a breaker that looks back."""
    return Broken(inner, Breakers(("a", BREAKER)), "a", ())


def placed(inner: Leaf) -> Part:
    """Return *inner*, of which 64 may be under way."""
    return Placed(inner, Places(("a", ConcurrencyPlan(64, 100, 0.2))), "a", (), 5.0, 0, optional=False)


def guarded(inner: Leaf) -> Part:
    """Return *inner* within all of them."""
    placed = Placed(inner, Places(("a", ConcurrencyPlan(64, 100, 0.2))), "a", (), 5.0, 0, optional=False)
    return unhindered(retried(Broken(placed, Breakers(("a", BREAKER)), "a", ())))


def calls_of(run: Callable[[], object]) -> list[str]:
    """Return the names of the functions of Python that are called while *run* runs, without those of this file."""
    calls: list[str] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename != __file__:
            calls.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(called)
    run()
    sys.setprofile(before)
    return calls


@pytest.fixture
def frame() -> Frame:
    """Return the surroundings of a call, at the fifth second."""
    exchange = Exchange("GET", "/", b"", [])
    return Frame(exchange, Names(exchange), 9.0, SimpleNamespace(time=lambda: 5.0))


@pytest.mark.long
@pytest.mark.parametrize(("around", "most"), [(retried, 2), (broken, 3), (placed, 4), (guarded, 5)])
def test_a_policy_with_nothing_to_do_takes_few_calls(frame, around, most):
    """One to begin, one to end, and what counts; and nothing is left for the collector."""
    leaf = Leaf()
    part = around(leaf)
    told: list[Result] = []

    def once() -> None:
        part.start(frame, told.append)
        leaf.done(Result("x", 5.0, 5.0, status=200))

    once()
    calls = [call for call in calls_of(once) if call != "Result.__init__"]
    assert len(calls) <= most, calls
    assert len(told) == 2
    del leaf.done
    gc.collect()
    once()
    del leaf.done
    assert gc.collect() == 0


def test_a_choice_of_two_hosts_takes_few_calls(frame):
    """To begin, to choose, to draw, and to end."""
    done: list[Any] = []
    hosts = tuple(HostPlan(f"http://{n}", PoolSettings(Origin("http", n, 80)), n.encode()) for n in "ab")
    pool = SimpleNamespace(settings=hosts[0].pool, start=lambda *_, **terms: done.append(terms["done"]))
    door = HostsDoor(HostTable(("users", HostsPlan(hosts, "least")), draw=lambda: 0.0), lambda _: pool, hosts[0])
    told: list[Any] = []

    def once() -> None:
        door.bound(frame).start(b"GET", b"/", b"", None, deadline=9.0, done=told.append)
        done.pop()(Reply(200, [], b""))

    once()
    calls = [call for call in calls_of(once) if call != "Reply.__init__"]
    assert len(calls) <= 4, calls
    assert len(told) == 2
    assert [host.in_flight for host in door.table.hosts] == [0, 0]
