"""The lease of one fetch in this process: how long it is, who ends it, and for how long nobody has another one."""

from __future__ import annotations

import pytest

from aggregator.policies.cache.shared.leases import ALONE, PAUSE, Begun, Held, Wish, pause_after


def held() -> tuple[Held, list[float | None]]:
    """Return a lease, and how it ends."""
    ends: list[float | None] = []
    return Held(b"token", 7, ends.append), ends


@pytest.mark.parametrize(("seconds", "life"), [(1.0, 0.5), (10.0, 5.0), (60.0, 5.0)])
def test_how_long_a_lease_lasts(seconds: float, life: float) -> None:
    """Half as long as the fetch may take, five seconds at most."""
    assert Wish(lambda: False, seconds, 0.0).life == life


@pytest.mark.parametrize(("now", "patience"), [(0.0, 3.0), (95.0, 2.5), (99.0, 0.5), (100.0, 0.0), (101.0, 0.0)])
def test_how_long_others_wait_for_it(now: float, patience: float) -> None:
    """As long as it lasts, or half of what is left to them."""
    assert Wish(lambda: False, 6.0, 100.0).patience(now) == patience


@pytest.mark.parametrize(("waited", "pause"), [(0.0, 0.005), (0.02, 0.005), (0.4, 0.1), (1.0, 0.25), (4.0, 0.25)])
def test_who_waits_looks_less_and_less_often(waited: float, pause: float) -> None:
    """After a quarter of the time waited, within bounds."""
    assert pause_after(waited) == pause


def test_a_value_ends_a_lease() -> None:
    """Once, with its token; whoever comes later has none to end."""
    lease, ends = held()
    assert (lease.is_over, lease.hand_over(), lease.is_over) == (False, b"token", True)
    assert (lease.hand_over(), ends) == (b"", [None])
    lease.give_up()
    assert ends == [None]


@pytest.mark.parametrize(("given", "told"), [((), PAUSE), ((0.0,), 0.0), ((2.0,), 2.0)])
def test_a_lease_is_given_up(given: tuple[float, ...], told: float) -> None:
    """With a pause for all others."""
    lease, ends = held()
    lease.give_up(*given)
    lease.give_up(*given)
    assert (lease.is_over, ends, lease.hand_over()) == (True, [told], b"")


def test_the_last_one_who_leaves_ends_it() -> None:
    """Without a pause: nothing was learnt."""
    lease, ends = held()
    lease.join()
    lease.join()
    lease.leave()
    assert (lease.is_over, ends) == (False, [])
    lease.leave()
    assert (lease.is_over, ends) == (True, [0.0])


@pytest.mark.parametrize(("is_joined", "told"), [(False, PAUSE), (True, 0.0)])
def test_a_fetch_without_a_value_ends_its_lease(is_joined: bool, told: float) -> None:
    """With a pause, unless it has only joined another one; a fetch without a lease ends none."""
    lease, ends = held()
    Begun(7, lease).ended(is_joined=is_joined)
    ALONE.ended()
    assert ends == [told]
    assert Begun(None, None) == ALONE
