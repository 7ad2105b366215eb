"""The last good value that one process has had stands in for a failure that another one meets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec import msgpack
from sharing import Machine

from aggregator.server.admin.caches import purge_action
from tests.policies.levels.conftest import Process


class Failing(Process):
    """Its upstreams answer with how often they were asked, or with *reply*."""

    text = """
upstreams: {{rates: {{url: "http://rates.test"}}, other: {{url: "http://other.test"}}}}
endpoints:
  GET /rates/{{id}}:
    fan_out: {{rates: {{url: "rates:/{{id}}", last_good: {{ttl: 1h, shared: true}}}}, other: "other:/"}}
    response: {{meta: true}}
  GET /own/{{id}}: {{fan_out: {{rates: {{url: "rates:/{{id}}", last_good: 1h}}}}}}
  GET /group/{{id}}:
    fan_out:
      both:
        fan_out: {{a: "rates:/{{id}}", b: "rates:/{{id}}/b"}}
        last_good: {{ttl: 1h, shared: true}}
  PUT /rates: {{respond: {{status: 204}}, purge: [all-rates]}}
server: {{workers: 2}}
store: {{url: "{url}", timeout: 60s}}
"""

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Answer as an upstream."""
        if request.url.host == "other.test":
            return httpx.Response(200, json={})
        self.count += 1
        if self.asked is not None:
            await self.asked(request)
        return self.reply or httpx.Response(200, json={"n": self.count}, headers={"x-of": "rates"})

    def good(self, path: str) -> None:
        """Get a good value twice: the first one learns what number the store has, the next one is written."""
        for _ in range(2):
            assert self.answer(path).status_code == 200


KIND = Failing


@pytest.mark.parametrize("path", ["/rates/a", "/group/a"])
def test_a_value_of_one_process_stands_in_where_another_one_has_none(processes: list[Failing], path: str) -> None:
    """It has the state and the age of a value of its own, and is kept there, too."""
    one, other = processes
    one.good(path)
    other.reply = httpx.Response(503)
    found = other.answer(path)
    assert found.status_code == 200
    assert "state=stale" in found.headers["aggregator-parts"]
    assert found.headers["cache-control"] == "no-store"
    assert len(other.app.running.states.find("values", "server")) == 1


def test_a_value_is_as_old_as_it_is(workers: list[Failing], machine: Machine) -> None:
    """By the clock of the store; it ends where it would have ended."""
    one, other = workers
    one.good("/rates/a")
    machine.now += 3000
    other.now += 3000
    other.reply = httpx.Response(503)
    assert ";age=3000" in other.answer("/rates/a").headers["aggregator-parts"]
    for clock in (machine, other):
        clock.now += 601
    assert other.answer("/rates/a").status_code == 502


def test_values_that_are_not_said_to_be_shared_are_not(processes: list[Failing]) -> None:
    """And neither is what another request asked for."""
    one, other = processes
    one.good("/own/a")
    one.good("/rates/a")
    other.reply = httpx.Response(503)
    assert [other.answer(path).status_code for path in ("/own/a", "/rates/b")] == [502] * 2


def test_what_is_gone_is_not_looked_for(workers: list[Failing], machine: Machine) -> None:
    """A 4xx is an answer."""
    one, other = workers
    one.good("/rates/a")
    other.reply = httpx.Response(404)
    other.answer("/rates/a")
    asked = machine.asked
    assert other.answer("/rates/a").status_code != 200
    assert machine.asked == asked


def test_a_value_is_written_once_in_a_while(workers: list[Failing], machine: Machine) -> None:
    """A good answer a second is not a write a second; each ten seconds there is a new one."""
    one, other = workers
    one.good("/rates/a")
    one.good("/rates/a")
    other.reply = httpx.Response(503)
    assert other.answer("/rates/a").json()["rates"]["n"] == 2
    one.now += 10
    one.answer("/rates/a")
    other.app.running.states.find("values", "server").purge_all()
    assert other.answer("/rates/a").json()["rates"]["n"] == 5


@pytest.mark.parametrize(("seconds", "number"), [(0, 2), (9.75, 2), (10, 3)])
def test_a_value_is_written_again_after_ten_seconds(workers: list[Failing], seconds: float, number: int) -> None:
    """Not before."""
    one, other = workers
    one.good("/rates/a")
    one.now += seconds
    one.answer("/rates/a")
    other.reply = httpx.Response(503)
    assert other.answer("/rates/a").json()["rates"]["n"] == number


@pytest.mark.parametrize(
    ("given", "status"),
    [({"upstream": "rates"}, 502), ({"all": True}, 502), ({"endpoint": "GET /rates/{id}"}, 200), ({"tag": "x"}, 200)],
)
def test_a_purge_ends_values_in_the_store(workers: list[Failing], given: dict[str, Any], status: int) -> None:
    """By what they are named by in a process."""
    one, other = workers
    one.good("/rates/a")
    one.run(purge_action(one.app.running).run(given))
    one.run(one.settle())
    other.reply = httpx.Response(503)
    assert other.answer("/rates/a").status_code == status


def test_a_value_that_was_purged_meanwhile_is_not_written(workers: list[Failing]) -> None:
    """Neither what began before the purge."""
    one, other = workers
    one.answer("/rates/a")

    async def meanwhile(_: httpx.Request) -> None:
        one.asked = None
        await purge_action(one.app.running).run({"upstream": "rates"})

    one.asked = meanwhile
    one.answer("/rates/a")
    other.reply = httpx.Response(503)
    assert other.answer("/rates/a").status_code == 502


def test_a_store_that_is_away_adds_no_failure(workers: list[Failing], machine: Machine) -> None:
    """What fails fails as without one, and what is good is good."""
    one, other = workers
    one.good("/rates/a")
    machine.is_away = True
    assert other.answer("/rates/a").status_code == 200
    other.reply = httpx.Response(503)
    assert other.answer("/rates/a").status_code == 200
    assert other.answer("/rates/b").status_code == 502
    assert not other.store.is_there


_RESULT = ["rates", "ok", 200, [], b'{"n":1}', None, "rates"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff",
        msgpack.encode([2, _RESULT, [], 0.0]),
        msgpack.encode([1, [*_RESULT[:4], b"no json", *_RESULT[5:]], [], 0.0]),
        msgpack.encode([1, [*_RESULT[:3], [[b"x", b"a\r\nb"]], *_RESULT[4:]], [], 0.0]),
        msgpack.encode([1, ["rates", "failed", *_RESULT[2:]], [], 0.0]),
    ],
)
def test_garbage_is_no_value(workers: list[Failing], machine: Machine, garbage: bytes) -> None:
    """Neither is what could not have been written here."""
    one, other = workers
    one.good("/rates/a")
    machine.garbage = garbage
    other.reply = httpx.Response(503)
    assert other.answer("/rates/a").status_code == 502
    machine.garbage = msgpack.encode([1, _RESULT, [], 0.0])
    assert other.answer("/rates/a").json()["rates"] == {"n": 1}
