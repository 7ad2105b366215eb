"""Where the hosts of an upstream are, how one is chosen, and what is asked of them, as the plan has it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from aggregator.plan.upstreams import UpstreamPlan
from tests.plan.conftest import PlanOf
from tests.plan.leaves import changes

TWO = "hosts: ['http://a.test', 'http://b.test:81']"


def upstream(plan_of: PlanOf, said: str) -> UpstreamPlan:
    """Return the plan of an upstream that says so much."""
    return plan_of(f"upstreams: {{a: {{{said}}}}}\nendpoints: {{GET /x: {{call: 'a:/x'}}}}").upstreams[0]


@pytest.mark.parametrize(
    ("said", "hosts"),
    [
        (TWO, [("http://a.test", b"a.test", 1, 0), ("http://b.test:81", b"b.test:81", 1, 0)]),
        ("hosts: [{url: 'https://a.test', weight: 3, priority: 2}, {url: 'https://b.test:443', priority: 1}]",
         [("https://a.test", b"a.test", 3, 2), ("https://b.test", b"b.test", 1, 1)]),
        (f"{TWO}, host_header: c.test", [("http://a.test", b"c.test", 1, 0), ("http://b.test:81", b"c.test", 1, 0)]),
        ("url: 'http://a.test:82/p', resolve: system", [("http://a.test:82", b"a.test:82", 1, 0)]),
        ("url: 'http://_web._tcp.a.test', resolve: {by: srv}", [("http://a.test", b"a.test", 1, 0)]),
        ("url: 'http://_a', resolve: system", [("http://_a", b"_a", 1, 0)]),
    ],
)  # fmt: skip
def test_each_host_is_where_its_url_says(plan_of: PlanOf, said: str, hosts: list[tuple[str, bytes, int, int]]) -> None:
    """By a pool of its own that is like that of the upstream; a service has no name by which a server is called."""
    plan = upstream(plan_of, said)
    assert plan.hosts is not None
    assert [(one.name, one.header, one.weight, one.priority) for one in plan.hosts.hosts] == hosts
    for one in plan.hosts.hosts:
        assert replace(one.pool, origin=plan.pool.origin) == plan.pool
        assert f"{one.pool.origin.scheme}://{one.pool.origin.authority.decode()}" == one.name


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("balance: least", []),
        ("balance: random", ["balance=random"]),
        ("balance: {hash: '{{ query.h }}'}", ["balance=hash", "key=query.h"]),
        ("slow_start: 5s", ["slow_start=5.0"]),
        ("eject: {failures: 3, pause: 4s, at_most: 30%, panic: 40%}",
         ["eject.at_most=0.3", "eject.failures=3", "eject.panic=0.4", "eject.pause.least=4.0", "eject.pause.most=4.0"]),
        ("health: {path: /up, every: 3s, timeout: 1s, unhealthy: 4, healthy: 5}",
         ["health.every=3.0", "health.healthy=5", "health.target=/p/up", "health.timeout=1.0", "health.unhealthy=4"]),
    ],
)  # fmt: skip
def test_a_setting_of_hosts_changes_what_it_speaks_of(plan_of: PlanOf, said: str, changed: list[str]) -> None:
    """The least busy is chosen, and nothing is asked of them, unless the file says so."""
    hosts = "hosts: ['http://a.test/p', 'http://b.test/p']"
    assert changes(upstream(plan_of, hosts).hosts, upstream(plan_of, f"{hosts}, {said}").hosts) == changed


@pytest.mark.parametrize(
    ("said", "resolve"),
    [
        ("url: 'http://a.test', resolve: system", ("system", "a.test", 80, 30.0)),
        ("url: 'https://a.test', resolve: {by: system, every: 4s}", ("system", "a.test", 443, 4.0)),
        ("url: 'http://_web._tcp.a.test', resolve: {by: srv}", ("srv", "_web._tcp.a.test", 80, 30.0)),
    ],
)
def test_a_name_is_looked_up_as_the_file_says(plan_of: PlanOf, said: str, resolve: tuple[str, str, int, float]) -> None:
    """By its whole name, each half a minute where nothing else is said."""
    hosts = upstream(plan_of, said).hosts
    assert hosts is not None
    assert hosts.resolve is not None
    assert (hosts.resolve.by, hosts.resolve.name, hosts.resolve.port, hosts.resolve.every) == resolve


def test_one_url_is_no_host_among_others(plan_of: PlanOf) -> None:
    """Nothing is chosen then."""
    assert upstream(plan_of, "url: 'http://a.test'").hosts is None
