"""What another process has fetched is used by its age as what was fetched here, to the second at which it is over."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sharing import Machine

from tests.policies.levels.conftest import Process

TIMES = "ttl: 10s, stale: 5s, on_error: 20s, shared: true"


class Ageing(Process):
    """Its upstreams answer with the element `k`, and say how long that holds."""

    text = f"""
upstreams:
  up: {{{{url: "http://up.test"}}}}
  kept: {{{{url: "http://kept.test", cache: {{{{{TIMES}}}}}}}}}
  obeyed: {{{{url: "http://obeyed.test", cache: {{{{rfc: true, shared: true}}}}}}}}
  listed: {{{{url: "http://listed.test", cache: {{{{{TIMES}}}}}}}}}
endpoints:
  GET /kept: {{{{fan_out: {{{{x: kept:/a}}}}}}}}
  GET /obeyed: {{{{fan_out: {{{{x: obeyed:/a}}}}}}}}
  GET /listed:
    fan_out: {{{{x: {{{{for_each: {{{{in: "{{{{{{{{ ['k'] }}}}}}}}", batch: {{{{key: id}}}}}}}}, url: "listed:/a?ids={{{{keys}}}}"}}}}}}}}
  GET /answer: {{{{cache: {{{{{TIMES}}}}}, fan_out: {{{{x: up:/a}}}}}}}}
  GET /good: {{{{fan_out: {{{{x: {{{{url: up:/a, last_good: {{{{ttl: 30s, shared: true}}}}}}}}}}}}}}}}
server: {{{{workers: 2}}}}
store: {{{{url: "{{url}}", timeout: 60s}}}}
"""

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Answer as an upstream."""
        self.count += 1
        control = "max-age=10, stale-while-revalidate=5, stale-if-error=20"
        return self.reply or httpx.Response(200, json=[{"id": "k"}], headers={"cache-control": control})


KIND = Ageing


def at_age(workers: list[Ageing], machine: Machine, path: str, age: float) -> tuple[int, int, bool]:
    """Return status, calls, and whether a client may store what a process answers whose upstream fails.

    The other process has fetched it so many seconds before.
    """
    one, other = workers
    for _ in range(2):  # the first time of some learns the number that the store has
        one.answer(path)
    for clock in (one, other, machine):
        clock.now += age
    other.reply = httpx.Response(503)
    answer = other.answer(path)
    return answer.status_code, other.count, answer.headers.get("cache-control") != "no-store"


@pytest.mark.parametrize(
    ("age", "status", "calls", "may_be_stored"),
    [(0, 200, 0, True), (9.75, 200, 0, True), (10, 200, 1, True), (14.75, 200, 1, True), (15, 200, 1, False),
     (29.75, 200, 1, False), (30, 502, 1, False)],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/kept", "/obeyed", "/listed", "/answer"])
def test_what_an_age_means_elsewhere(
    workers: list[Ageing], machine: Machine, path: str, age: float, status: int, calls: int, may_be_stored: bool
) -> None:
    """Fresh, old while one call is made behind it, then in place of a failure, then nothing."""
    found: tuple[Any, ...] = at_age(workers, machine, path, age)
    assert found[:2] == (status, calls)
    if status == 200:
        assert found[2] == may_be_stored


@pytest.mark.parametrize(("age", "status"), [(0, 200), (29.75, 200), (30, 502)])
def test_a_last_good_value_ends_at_its_second(workers: list[Ageing], machine: Machine, age: float, status: int) -> None:
    """Whichever process has had it."""
    assert at_age(workers, machine, "/good", age)[:2] == (status, 1)
