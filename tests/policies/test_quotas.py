"""Quotas: so many in an hour, a day or a month of the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from aggregator.config.loading import load_config
from aggregator.plan.compiling.compiler import compile_plan
from aggregator.plan.explaining.admitted import admission_lines, admission_member
from tests.policies.conftest import Served
from tests.policies.test_rate_limits import keys

Serve = Callable[..., Served]


def at(text: str, zone: str = "UTC") -> float:
    """Return the moment at which the clocks of *zone* show *text*."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_a_day_of_the_calendar(serve: Serve) -> None:
    """A quota is used up at once or slowly, and there is as much again when the day of its zone begins."""
    served = serve("endpoints: {GET /a: {rate_limit: {quota: 3/day, zone: Europe/Berlin}, respond: {body: 1}}}")
    served.now = at("2027-03-27T22:30", "Europe/Berlin")
    assert served.statuses("/a", 4) == [200, 200, 200, 429]
    refused = served.get("/a")
    assert (refused.headers["retry-after"], refused.json()["cause"]) == ("5400", "limited")
    served.now += 5399.5
    assert (served.get("/a").status_code, served.get("/a").headers["retry-after"]) == (429, "1")
    served.now += 0.5
    found = served.get("/a")
    assert found.status_code == 200
    assert found.headers["ratelimit-policy"] == f'"3/day";q=3;w={23 * 3600}'  # summer time begins on this day
    assert found.headers["ratelimit"] == f'"3/day";r=2;t={23 * 3600}'


def test_a_month_and_an_hour(serve: Serve) -> None:
    """A month ends with its last day; an hour with the hour of the clock."""
    served = serve("""
        endpoints:
          GET /month: {rate_limit: {quota: 1/month}, respond: {body: 1}}
          GET /hour: {rate_limit: {quota: 1/hour, zone: Asia/Kolkata}, respond: {body: 1}}
    """)
    served.now = at("2028-02-01T00:00")
    assert served.statuses("/month", 2) == [200, 429]
    served.now = at("2028-02-29T23:59:59")
    assert (served.get("/month").status_code, served.get("/month").headers["retry-after"]) == (429, "1")
    served.now += 1
    assert served.statuses("/month", 1) == [200]
    served.now = at("2028-03-01T12:10")
    assert [served.get("/hour").status_code, served.get("/hour").headers["retry-after"]] == [200, "1200"]


def test_callers_have_quotas_apart_beside_rates(serve: Serve) -> None:
    """Each value of `by` has a quota of its own; what a rate refuses is not taken from it."""
    served = serve("""
        endpoints:
          GET /a:
            rate_limit:
              - {rate: 1/s, by: "{{ headers.tenant }}"}
              - {quota: 2/day, by: "{{ headers.tenant }}"}
            respond: {body: 1}
    """)
    one, other = {"tenant": "one"}, {"tenant": "other"}
    assert served.statuses("/a", 3, headers=one) == [200, 429, 429]
    assert served.get("/a", headers=one).headers["ratelimit"] == '"1/s";r=0;t=1, "2/day";r=1;t=57600'
    served.now += 1
    assert served.statuses("/a", 1, headers=one) == [200]
    served.now += 1
    assert (served.statuses("/a", 1, headers=one), served.statuses("/a", 1, headers=other)) == ([429], [200])


def test_what_costs_more_than_there_ever_is(serve: Serve) -> None:
    """A request takes its cost or nothing; one that costs more than the whole quota gets no `Retry-After`."""
    served = serve("""
        endpoints:
          GET /a:
            query: {n: {type: integer}}
            rate_limit: {quota: 10/day, cost: "{{ query.n }}"}
            respond: {body: 1}
    """)
    assert [served.get(f"/a?n={cost}").status_code for cost in (8, 3, 2)] == [200, 429, 200]
    assert "retry-after" not in served.get("/a?n=11").headers


def test_a_clock_that_jumps_back_locks_nobody_out(serve: Serve) -> None:
    """In another period, be it an earlier one, everybody begins anew."""
    served = serve("endpoints: {GET /a: {rate_limit: {quota: 1/day}, respond: {body: 1}}}")
    served.now += 400 * 86400
    assert served.statuses("/a", 2) == [200, 429]
    served.now -= 400 * 86400
    assert served.statuses("/a", 2) == [200, 429]


def test_what_is_used_stays_used_over_a_reload(serve: Serve) -> None:
    """Also when the number changes, and other limits are put before it; another unit begins anew."""
    text = "endpoints: {{GET /a: {{rate_limit: [{}], respond: {{body: 1}}}}}}"
    served = serve(text.format("{quota: 2/day}"))
    assert served.statuses("/a", 3) == [200, 200, 429]
    served.reload(text.format("100/s, {quota: 3/day}"))
    assert served.statuses("/a", 2) == [200, 429]
    served.reload(text.format("{quota: 3/month}"))
    assert served.statuses("/a", 1) == [200]


def test_the_rate_of_a_key_leaves_the_quota(serve: Serve, tmp_path: Path) -> None:
    """A key with a rate of its own is counted by that in place of the endpoint's rate, and by the quota still."""
    served = serve(f"""
        {keys(tmp_path, acme="100/s")}
        endpoints:
          GET /a:
            auth: partners
            rate_limit: [{{rate: 1/h, by: "{{{{ auth.key }}}}"}}, {{quota: 3/day, by: "{{{{ auth.key }}}}"}}]
            respond: {{body: 1}}
    """)
    assert served.statuses("/a", 4, headers={"x-api-key": "acme"}) == [200, 200, 200, 429]


def test_quotas_are_explained(tmp_path: Path) -> None:
    """`explain` says the quota and whose clocks it follows."""
    path = tmp_path / "routes.yaml"
    path.write_text("""
version: 1
endpoints:
  GET /a: {rate_limit: {quota: 10/day, zone: Europe/Berlin, by: "{{ request.client }}"}, respond: {body: 1}}
""")
    (endpoint,) = compile_plan(load_config(path)).endpoints
    assert [*admission_lines(endpoint.admission)] == ["10/day in Europe/Berlin, by {{ request.client }}, or 429"]
    assert admission_member(endpoint.admission)["rate_limit"] == [
        {"quota": "10/day", "zone": "Europe/Berlin", "by": "request.client", "report": False}
    ]
