"""Where a redirect leads that is followed, and which ones are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.plan.calls import CallPlan
from aggregator.plan.types import Plan
from aggregator.runtime.calls.redirects import next_target
from aggregator.transport import Reply

PlanOf = Callable[[str], Plan]
ROUTES = """
upstreams: {{up: {{url: "{url}"}}}}
endpoints: {{GET /x: {{call: {{method: {method}, url: "up:/a/b"}}}}}}
"""


def call(plan_of: PlanOf, method: str = "GET", url: str = "http://up.test") -> CallPlan:
    """Return the plan of a call by *method* to an upstream at *url*."""
    (endpoint,) = plan_of(ROUTES.format(method=method, url=url)).endpoints
    assert endpoint.fan is not None
    return endpoint.fan.parts[0].calls[0]


def reply(status: int, location: bytes | None) -> Reply:
    """Return a reply that leads to *location*."""
    return Reply(status, [] if location is None else [(b"location", location)], b"")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/c", b"/c"), (b"c", b"/a/c"), (b"../c?d=1&e=%20", b"/c?d=1&e=%20"), (b"?d=1", b"/a/b?d=1"), (b"", b"/a/b?q=1"),
        (b"http://up.test/c", b"/c"), (b"http://up.test", b"/"), (b"http://up.test?d", b"/?d"), (b"/c#there", b"/c"),
        (b"//up.test/c", b"/c"), (b"//other.test/c", None), (b"https://up.test/c", None), (b"http://up.test:81/c", None),
        (b"http://me@up.test/c", None), (b"http://[/", None), (b"/\xe4", None), (None, None),
    ],
)  # fmt: skip
def test_it_leads_to_the_same_origin(plan_of: PlanOf, location: bytes | None, target: bytes | None) -> None:
    """Relative to what was asked for; never elsewhere, where our headers would go along."""
    assert next_target(reply(302, location), b"/a/b?q=1", call(plan_of)) == target


@pytest.mark.parametrize(
    ("method", "followed"),
    [("GET", {301, 302, 303, 307, 308}), ("HEAD", {301, 302, 303, 307, 308}), ("OPTIONS", {301, 302, 307, 308}),
     ("POST", set()), ("PUT", set()), ("DELETE", set())],
)  # fmt: skip
def test_safe_methods_are_sent_again(plan_of: PlanOf, method: str, followed: set[int]) -> None:
    """By a 303 only those that fetch; other statuses are no redirects that anybody follows."""
    plan = call(plan_of, method)
    leads = {status for status in range(200, 600) if next_target(reply(status, b"/c"), b"/a", plan) == b"/c"}
    assert leads == followed


def test_the_hosts_of_an_upstream_are_one_origin(plan_of: PlanOf) -> None:
    """Whichever of them is named."""
    (endpoint,) = plan_of("""
        upstreams: {up: {hosts: ["http://one.test", "http://two.test:81"]}}
        endpoints: {GET /x: {call: up:/a}}
    """).endpoints  # fmt: skip
    assert endpoint.fan is not None
    (plan,) = endpoint.fan.parts[0].calls
    places = (b"http://one.test/c", b"http://two.test:81/c", b"http://two.test/c")
    assert [next_target(reply(301, place), b"/a", plan) for place in places] == [b"/c", b"/c", None]
