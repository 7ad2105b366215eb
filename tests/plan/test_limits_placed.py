"""Limits and guards of an endpoint: where each is told, by what name it counts, and how it is explained."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.plan.explaining.admitted import admission_lines, admission_member
from aggregator.plan.types import EndpointPlan, Plan
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate

PlanOf = Callable[..., Plan]

FILE = """
server: {rate_limit: 1000/s, concurrency: 50}
prefixes:
  /v1: {rate_limit: {rate: 100/s, burst: 200}, concurrency: {limit: 9, by: "{{ request.client }}"}}
  /v2: {rate_limit: 7/s, concurrency: 7}
defaults: {endpoint: {rate_limit: 5/s}}
endpoints:
  GET /v1/{id}:
    deny_from: [192.0.2.0/24]
    rate_limit:
      - {rate: 60/m, by: "{{ request.client }}", unless: "{{ request.client == '10.0.0.1' }}"}
      - {rate: 2/s, by: "{{ id }}"}
      - {quota: 1000/day, zone: Europe/Berlin, by: "{{ request.client }}", report: true}
    call: users:/{id}
  GET /other: {call: users:/}
"""


def endpoint(plan: Plan, path: str) -> EndpointPlan:
    """Return the endpoint with GET at *path*."""
    return next(one for one in plan.endpoints if one.key == f"GET {path}")


def test_a_limit_is_told_where_what_it_reads_is_known(plan_of: PlanOf) -> None:
    """One that reads a parameter waits for valid inputs; all others come before anything is read."""
    limits = endpoint(plan_of(FILE), "/v1/{id}").admission.limits
    assert [window.state for window in limits.early] == [
        "server #0",
        "prefix /v1 #0",
        "endpoint GET /v1/{id} #0",
        "endpoint GET /v1/{id} day Europe/Berlin by {{ request.client }}",
    ]
    assert [(window.state, window.is_own) for window in limits.valid] == [("endpoint GET /v1/{id} #1", True)]
    assert limits.known == ()


def test_limits_of_others_are_not_those_of_an_endpoint(plan_of: PlanOf) -> None:
    """Below no prefix there are those of the server, and those of `defaults`, which each endpoint has for itself."""
    limits = endpoint(plan_of(FILE), "/other").admission.limits
    assert [(one.state, one.is_own) for one in limits.early] == [("server #0", False), ("endpoint GET /other #0", True)]


def test_a_burst_is_the_number_of_the_rate_unless_it_is_said(plan_of: PlanOf) -> None:
    """A quota has none: it is used up and comes back at the turn of its day."""
    limits = [window.limit for window in endpoint(plan_of(FILE), "/v1/{id}").admission.limits.early]
    assert limits == [
        Rate(1000, 1.0, 1000),
        Rate(100, 1.0, 200),
        Rate(60, 60.0, 60),
        Quota(1000, "day", "Europe/Berlin"),
    ]


def test_requests_at_once_are_counted_at_each_level(plan_of: PlanOf) -> None:
    """Of the server, and of the prefixes that an endpoint is below."""
    plan = plan_of(FILE)
    assert [(one.state, one.limit) for one in endpoint(plan, "/v1/{id}").admission.at_once] == [
        ("server", 50),
        ("prefix /v1", 9),
    ]
    assert [one.limit for one in endpoint(plan, "/other").admission.at_once] == [50]


def test_explain_says_what_admits(plan_of: PlanOf) -> None:
    """In the order in which a request meets it, with what it gets that is not admitted."""
    assert [*admission_lines(endpoint(plan_of(FILE), "/v1/{id}").admission)] == [
        "not from 192.0.2.0/24, or 403",
        "1000/s, or 429",
        "100/s, 200 at once, or 429",
        "60/m, by {{ request.client }}, unless {{ request.client == '10.0.0.1' }}, or 429",
        "1000/day in Europe/Berlin, by {{ request.client }}, told",
        "2/s, by {{ id }}, or 429",
        "50 at once, or 429",
        "9 at once by {{ request.client }}, or 429",
    ]


def test_explain_says_it_as_data(plan_of: PlanOf) -> None:
    """The same for programs; what is not asked for is not there."""
    member = admission_member(endpoint(plan_of(FILE), "/other").admission)
    assert member == {
        "concurrency": [{"limit": 50}],
        "rate_limit": [
            {"rate": "1000/s", "burst": 1000, "report": False},
            {"rate": "5/s", "burst": 5, "report": False},
        ],
    }


def test_explain_says_a_quota_as_data(plan_of: PlanOf) -> None:
    """With the zone whose days it counts, since two programs would else disagree about its turn."""
    member = admission_member(endpoint(plan_of(FILE), "/v1/{id}").admission)
    assert {
        "quota": "1000/day", "zone": "Europe/Berlin", "by": "request.client", "report": True,
    } in member["rate_limit"]  # fmt: skip


GUARDED = """
endpoints:
  POST /x:
    allow_from: [10.0.0.0/8]
    body: {}
    require:
      - {that: "{{ query.a == '1' }}", status: 404, detail: No.}
      - {that: "{{ body.a == 1 }}", detail: Not so.}
    call: users:/
"""


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("from 10.0.0.0/8 alone, or 403", 0),
        ("where {{ query.a == '1' }} is true, or 404 \"No.\"", 1),
        ('where {{ body.a == 1 }} is true, or 403 "Not so.", once the body is valid', 2),
    ],
)
def test_a_guard_that_reads_the_body_comes_after_it(plan_of: PlanOf, line: str, at: int) -> None:
    """All others come before anything of it is read."""
    assert [*admission_lines(plan_of(GUARDED).endpoints[0].admission)][at] == line


def test_limits_in_the_same_words_have_titles_of_their_own(plan_of: PlanOf) -> None:
    """The second is numbered: each is a policy of its own in the fields that tell of them."""
    limits = "[1/m, {rate: 1/m, by: '{{ request.client }}'}, 5/h, {rate: 1/m, by: '{{ request.path }}'}]"
    plan = plan_of(f"endpoints: {{GET /a: {{rate_limit: {limits}, respond: {{body: 1}}}}}}")
    assert [one.title for one in plan.endpoints[0].admission.limits.windows] == ["1/m", "1/m #2", "5/h", "1/m #3"]
