"""Answers that one process has made no other one makes, where `cache` of an endpoint says `shared`."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from msgspec import msgpack
from sharing import Machine

from aggregator.server.admin.caches import purge_action
from tests.policies.levels.conftest import Process


class Maker(Process):
    """Its upstreams answer with how often they were asked, or with *reply*."""

    text = """
upstreams: {{users: {{url: "http://users.test"}}, events: {{url: "http://events.test"}}}}
endpoints:
  GET /users/{{id}}:
    cache: {{ttl: 1h, stale: 1h, on_error: 10h, tags: ["user:{{{{ user.id }}}}"], obey: [no-cache], shared: true}}
    response: {{headers: {{X-Made: "of {{{{ id }}}}"}}}}
    fan_out: {{user: "users:/{{id}}", more: "users:/{{id}}/more"}}
  PUT /users/{{id}}: {{respond: {{status: 204}}, purge: ["user:{{{{ id }}}}"]}}
  GET /gone/{{id}}: {{cache: {{ttl: {{200: 1h, 404: 1m}}, shared: true}}, call: "users:/{{id}}"}}
  GET /own/{{id}}: {{cache: 1h, call: "users:/{{id}}"}}
  GET /told/{{id}}:
    cache: {{ttl: 1h, shared: true}}
    call: "users:/{{id}}"
    background: [{{url: "POST events:/", json: {{id: "{{{{ call.id }}}}", status: "{{{{ calls.call.status }}}}"}}}}]
server: {{workers: 2}}
store: {{url: "{url}", timeout: 60s}}
"""

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Answer with the last piece of the path."""
        if request.url.host == "events.test":
            return httpx.Response(204)
        self.count += 1
        if self.asked is not None:
            await self.asked(request)
        return self.reply or httpx.Response(200, json={"id": request.url.path.split("/")[1], "count": self.count})


KIND = Maker


def test_an_answer_that_one_process_has_made_another_one_does_not_make(processes: list[Maker]) -> None:
    """It is the same, with its header fields and its tag, and it is kept there, too."""
    one, other = processes
    made = one.answer("/users/a")
    found = other.answer("/users/a")
    assert (one.count, other.count) == (2, 0)
    assert found.content == made.content
    assert found.headers["etag"] == made.headers["etag"]
    assert found.headers["x-made"] == "of a"
    assert found.headers["cache-status"].startswith("aggregator; hit; ttl=3")
    assert other.answer("/users/a", headers={"if-none-match": made.headers["etag"]}).status_code == 304
    kept = other.app.running.states.find("answers", "server")
    assert (kept.fetched_elsewhere, kept.hits, kept.misses) == (1, 1, 0)
    first = one.app.running.states.find("answers", "server")
    assert (first.fetched_elsewhere, first.hits, first.misses) == (0, 0, 1)


def test_answers_that_are_not_said_to_be_shared_are_not(processes: list[Maker]) -> None:
    """Each process makes its own."""
    one, other = processes
    one.answer("/own/a")
    other.answer("/own/a")
    assert other.count == 1


def test_a_purge_by_a_tag_that_a_reply_gave_reaches_the_store(processes: list[Maker]) -> None:
    """Another answer stays."""
    one, other = processes
    for path in ("/users/a", "/users/b"):
        one.answer(path)
    one.ask_for("/users/a", "PUT")
    other.answer("/users/b")
    assert other.count == 0
    other.answer("/users/a")
    assert other.count == 2


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ({"endpoint": "GET /users/{id}"}, True),
        ({"endpoint": "GET /own/{id}"}, False),
        ({"key": "http://users.test/a/more"}, True),
        ({"key": "http://users.test/b"}, False),
        ({"prefix": "http://users.test/"}, True),
        ({"upstream": "users"}, True),
        ({"all": True}, True),
    ],
)
def test_answers_that_are_purged_by_hand_leave_the_store(
    workers: list[Maker], given: dict[str, Any], ends: bool
) -> None:
    """Whatever they are named by."""
    one, other = workers
    one.answer("/users/a")
    one.run(purge_action(one.app.running).run(given))
    one.run(one.settle())
    other.answer("/users/a")
    assert (other.count > 0) is ends


def test_an_answer_that_is_purged_while_it_is_made_is_kept_by_nobody(processes: list[Maker]) -> None:
    """Neither here nor in the store."""
    one, other = processes

    async def meanwhile(_: httpx.Request) -> None:
        one.asked = None
        await one.ask("PUT", "/users/a")
        await one.reach_store()

    one.asked = meanwhile
    assert one.answer("/users/a").status_code == 200
    assert other.answer("/users/a").status_code == 200
    assert (one.count, other.count) == (2, 2)


def test_an_old_answer_is_given_out_while_one_process_makes_a_new_one(workers: list[Maker], machine: Machine) -> None:
    """The others find the new one in the store."""
    one, other = workers
    for process in workers:
        process.answer("/users/a")
    machine.now += 3601
    for process in workers:
        process.now += 3601
    one.answer("/users/a")
    assert one.count == 4
    old, new = (other.answer("/users/a") for _ in range(2))
    assert other.count == 0
    assert (old.json()["user"]["count"], new.json()["user"]["count"]) == (1, 3)


def test_an_old_answer_of_the_store_is_given_out_and_made_anew(workers: list[Maker], machine: Machine) -> None:
    """By the one who has found it, behind the answer."""
    one, other = workers
    one.answer("/users/a")
    machine.now += 3601
    other.now += 3601
    old, new = (other.answer("/users/a") for _ in range(2))
    assert old.headers["age"] == "3601"
    assert (old.json()["user"]["count"], new.headers["age"], other.count) == (1, "0", 2)


def test_who_asks_past_what_is_kept_gives_others_the_new_answer(workers: list[Maker]) -> None:
    """By `no-cache`, where `obey` names it."""
    one, other = workers
    for process in workers:
        process.answer("/users/a")
    one.answer("/users/a", headers={"cache-control": "no-cache"})
    assert one.count == 4
    other.app.running.states.find("answers", "server").purge_all()
    assert other.answer("/users/a").json()["user"]["count"] == 3


def test_who_asks_past_what_is_kept_joins_nobody_who_looks_for_it(workers: list[Maker], machine: Machine) -> None:
    """The store is asked for one who takes what is there: the other one's answer is made."""
    one, other = workers
    one.answer("/users/a")

    async def both() -> list[httpx.Response]:
        gate, look = asyncio.Event(), machine.store.look

        async def late(*given: Any) -> Any:
            await gate.wait()
            return await look(*given)

        machine.store.look = late  # type: ignore[method-assign]
        asked = [
            asyncio.ensure_future(other.ask("GET", "/users/a", headers=headers))
            for headers in ({}, {"cache-control": "no-cache"})
        ]
        for _ in range(50):
            await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked)

    found, made = other.run(both())
    assert found.headers["cache-status"].startswith("aggregator; hit")
    assert made.headers["cache-status"].startswith("aggregator; fwd=request")
    assert other.count == 2


def test_an_answer_of_the_store_stands_in_for_a_failure(workers: list[Maker], machine: Machine) -> None:
    """As long as it would have where it was made."""
    one, other = workers
    one.answer("/users/a")
    machine.now += 8000
    other.now += 8000
    other.reply = httpx.Response(503)
    found = other.answer("/users/a")
    assert (found.status_code, found.headers["cache-control"]) == (200, "no-store")


def test_background_calls_read_what_another_process_was_told(processes: list[Maker]) -> None:
    """The results that an answer was made of lie with it."""
    other = processes[1]
    for process in processes:
        process.answer("/told/a")
        process.run(until(lambda process=process: any(r.url.host == "events.test" for r in process.requests)))
    assert other.count == 0
    sent = [request.content for request in other.requests]
    assert sent == [b'{"id":"a","status":200}']


async def until(holds: Any) -> None:
    """Wait until *holds*."""
    while not holds():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)


def test_a_store_that_is_away_costs_no_whole_answer(workers: list[Maker], machine: Machine) -> None:
    """Each process makes its own."""
    one, other = workers
    one.answer("/users/a")
    machine.is_away = True
    assert other.answer("/users/a").status_code == 200
    assert not other.store.is_there
    other.answer("/users/a")
    assert other.count == 2


_TWO_LINES = [1, 200, [[b"x", b"1\r\nx: 2"]], b"", [], 0.0, [], 0.0]


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"[1]", msgpack.encode(_TWO_LINES)])
def test_garbage_is_no_answer(workers: list[Maker], machine: Machine, garbage: bytes) -> None:
    """So is what another version wrote, or what has a line break in a field."""
    one, other = workers
    one.answer("/users/a")
    machine.garbage = garbage
    assert other.answer("/users/a").status_code == 200
    assert other.count == 2


def test_many_who_want_an_answer_ask_the_store_once(workers: list[Maker], machine: Machine) -> None:
    """And it is made once."""
    one, _ = workers

    async def many() -> list[httpx.Response]:
        return await asyncio.gather(*(one.ask("GET", "/users/a") for _ in range(10)))

    before = machine.asked
    assert {answer.status_code for answer in one.run(many())} == {200}
    assert (machine.asked, one.count) == (before + 1, 2)
    assert one.app.running.states.find("answers", "server").misses == 10


def test_failures_are_not_shared(workers: list[Maker], machine: Machine) -> None:
    """Each process has its own, and what was a success in the store is not one any more."""
    one, other = workers
    one.answer("/gone/a")
    machine.now = one.now = other.now = machine.now + 3601
    one.reply = other.reply = httpx.Response(404, json={})
    for process in (one, other):
        made, kept = process.answer("/gone/a"), process.answer("/gone/a")
        assert [made.status_code, made.json()["upstream_status"]] == [404, 404]
        assert kept.headers["cache-status"] == "aggregator; hit; ttl=60"
    assert other.count == 1
