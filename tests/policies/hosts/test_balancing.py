"""How hosts are chosen: by their shares, by what they have in flight, by a key that stays where it is."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from aggregator.policies.hosts.balancing import at_random, by_key, least, round_robin
from aggregator.policies.hosts.host import Host
from aggregator.policies.hosts.plan import HostPlan
from aggregator.transport import Origin, PoolSettings

KEYS = [f"user {number}" for number in range(4000)]


def host(name: str, weight: int = 1, in_flight: int = 0) -> Host:
    """Return a host."""
    made = Host(HostPlan(name, PoolSettings(Origin("http", name, 80)), name.encode(), weight))
    made.in_flight = in_flight
    return made


def chosen(choose, hosts: list[Host], times: int = 4000) -> Counter[str]:
    """Return how often each was chosen, by the same drawing each time."""
    draw = random.Random(7).random
    return Counter(choose(hosts, None, draw).name for _ in range(times))


def test_shares_are_kept():
    """Of idle hosts each gets calls by its weight, whatever way they are chosen."""
    for choose in (at_random, least, round_robin):
        counts = chosen(choose, [host("a", 3), host("b")])
        assert 2900 <= counts["a"] <= 3100, choose


def test_turns_are_even():
    """A heavier host is not called three times on end."""
    hosts = [host("a", 3), host("b"), host("c")]
    assert [round_robin(hosts).name for _ in range(5)] == ["a", "b", "a", "c", "a"]


def test_of_two_the_one_with_fewer_calls():
    """Whichever is drawn first."""
    assert set(chosen(least, [host("a", in_flight=3), host("b", in_flight=2)])) == {"b"}


def test_calls_in_flight_count_by_weight():
    """Three calls are less for a host of weight four than one is for a host of weight one."""
    assert set(chosen(least, [host("a", 4, in_flight=3), host("b", in_flight=1)])) == {"a"}


def test_the_busiest_of_many_is_never_called():
    """It is the worse one of each two."""
    hosts = [host("a", in_flight=9), *(host(name, in_flight=1) for name in "bcd")]
    assert set(chosen(least, hosts)) == {"b", "c", "d"}


def test_one_host_is_the_one():
    """There is nothing to draw."""
    for choose in (at_random, least, round_robin, by_key):
        assert set(chosen(choose, [host("a")], 3)) == {"a"}


def test_a_key_stays():
    """It has the same host each time, in whatever order they are declared."""
    hosts = [host(name) for name in "abc"]
    assert [by_key(hosts, key) for key in KEYS] == [by_key(hosts[::-1], key) for key in KEYS]


def test_a_host_more_takes_its_share_and_moves_no_other_key():
    """A quarter of the keys goes to the fourth, and none between the three."""
    three = [host(name) for name in "abc"]
    four = [*three, host("d")]
    moved = [
        (by_key(three, key).name, by_key(four, key).name) for key in KEYS if by_key(three, key) != by_key(four, key)
    ]
    assert {after for _, after in moved} == {"d"}
    assert 900 <= len(moved) <= 1100
    assert set(Counter(before for before, _ in moved)) == {"a", "b", "c"}


def test_a_weight_that_grows_takes_keys_and_gives_none():
    """Keys move to the host that is heavier now, and between no others."""
    before, after = [host("a"), host("b"), host("c")], [host("a", 2), host("b"), host("c")]
    pairs = [(by_key(before, key).name, by_key(after, key).name) for key in KEYS]
    assert {to for one, to in pairs if one != to} == {"a"}
    assert 1900 <= Counter(to for _, to in pairs)["a"] <= 2100


def test_what_has_no_key_goes_by_shares():
    """As at random."""
    assert set(chosen(by_key, [host("a"), host("b")])) == {"a", "b"}


@pytest.mark.parametrize(
    ("hosts", "drawn", "name"),
    [
        ("a1 b1", 0.49, "a"), ("a1 b1", 0.5, "b"), ("a3 b1", 0.74, "a"), ("a3 b1", 0.75, "b"),
        ("a1 b1 c2", 0.24, "a"), ("a1 b1 c2", 0.26, "b"), ("a1 b1 c2", 0.49, "b"), ("a1 b1 c2", 0.51, "c"),
        ("a1 b1 c2", 0.999, "c"),
    ],
)  # fmt: skip
def test_a_share_is_as_wide_as_a_weight(hosts: str, drawn: float, name: str) -> None:
    """The shares lie one behind the other, in the order in which hosts are declared."""
    made = [host(said[0], int(said[1])) for said in hosts.split()]
    assert at_random(made, None, lambda: drawn).name == name
    if len(made) == 2:
        assert least(made, None, lambda: drawn).name == name


@pytest.mark.parametrize(
    ("drawn", "name"), [((0.1, 0.1), "b"), ((0.1, 0.9), "c"), ((0.9, 0.1), "c"), ((0.5, 0.9), "b")]
)
def test_of_many_two_are_drawn_and_the_one_with_fewer_calls_is_called(drawn: tuple[float, float], name: str) -> None:
    """The second is drawn of the others; of two with equally many the first one is called."""
    hosts = [host("a", in_flight=2), host("b", in_flight=1), host("c", in_flight=1)]
    numbers = iter(drawn)
    assert least(hosts, None, lambda: next(numbers)).name == name


def test_turns_are_taken_from_the_first_on():
    """By the weights, wherever the heavy one stands: each period is the same."""
    hosts = [host("a"), host("b", 2), host("c")]
    assert "".join(round_robin(hosts).name for _ in range(8)) == "bacbbacb"
