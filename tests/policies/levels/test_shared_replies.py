"""What one process has fetched no other one fetches, where `shared` says so: with each kind of store."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from aggregator.server.admin.caches import purge_action
from tests.policies.levels.conftest import Process


class Serving(Process):
    """One of several processes."""

    text = """
upstreams:
  users: {{url: "http://users.test", cache: {{ttl: 1h, stale: 1h, on_error: 10h, tags: ["user:{{{{ id }}}}"], shared: true}}}}
  items: {{url: "http://items.test", cache: {{rfc: true, shared: true}}}}
  plain: {{url: "http://plain.test", cache: 1h}}
endpoints:
  GET /users/{{id}}: {{call: "users:/{{id}}"}}
  PUT /users/{{id}}: {{call: "PUT users:/{{id}}", purge: ["user:{{{{ id }}}}"]}}
  GET /admin/{{id}}:
    call: {{url: "users:/{{id}}", cache: {{ttl: 1h, tags: ["admin:{{{{ id }}}}"], shared: true}}}}
  PUT /admin/{{id}}: {{respond: {{status: 204}}, purge: ["admin:{{{{ id }}}}"]}}
  GET /items/{{id}}: {{call: "items:/{{id}}"}}
  PUT /items/{{id}}: {{call: "PUT items:/{{id}}"}}
  GET /plain/{{id}}: {{call: "plain:/{{id}}"}}
server: {{workers: 2}}
store: {{url: "{url}", timeout: 60s}}
"""


KIND = Serving


@pytest.mark.parametrize("path", ["/users/a", "/items/a"])
def test_what_one_process_has_fetched_another_one_does_not_fetch(processes, path: str) -> None:
    """It is kept there, too: the store is not asked for it again."""
    one, other = processes
    assert one.ask_for(path) == (200, 1, True)
    assert [other.ask_for(path) for _ in range(2)] == [(200, 1, False)] * 2
    kept = other.app.running.states.find("replies", path.split("/")[1])
    assert (kept.fetched_elsewhere, kept.hits, kept.misses) == (1, 1, 0)


def test_what_is_not_said_to_be_shared_is_not(processes) -> None:
    """Each process has it for itself."""
    one, other = processes
    one.ask_for("/plain/a")
    assert other.ask_for("/plain/a") == (200, 1, True)


@pytest.mark.parametrize("path", ["/users/a", "/items/a"])
def test_a_purge_of_one_process_reaches_the_store(processes, path: str) -> None:
    """By the tags of `purge`, or by the place of an unsafe call; what is beside it stays."""
    one, other = processes
    beside = path.replace("/a", "/b")
    for at in (path, beside):
        one.ask_for(at)
    one.ask_for(path, "PUT")
    assert other.ask_for(path)[2]
    assert not other.ask_for(beside)[2]


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ({"tag": "user:a"}, True),
        ({"key": "http://users.test/a"}, True),
        ({"prefix": "http://users.test/"}, True),
        ({"upstream": "users"}, True),
        ({"all": True}, True),
        ({"tag": "user:b"}, False),
        ({"upstream": "items"}, False),
        ({"endpoint": "GET /users/{id}"}, False),
    ],
)
def test_what_is_purged_by_hand_leaves_the_store(workers, given: dict[str, Any], ends: bool) -> None:
    """Whatever it is named by; an endpoint keeps answers, not replies."""
    one, other = workers
    one.ask_for("/users/a")
    one.run(purge_action(one.app.running).run(given))
    one.run(one.settle())
    assert other.ask_for("/users/a")[2] is ends


def test_a_purge_finds_what_calls_with_other_tags_have_fetched(processes) -> None:
    """Equal calls with other tags share a reply in one process; in the store each set of tags has its own."""
    one, other = processes
    one.ask_for("/users/a")
    assert not one.ask_for("/admin/a")[2]
    assert other.ask_for("/admin/a")[2]
    one.ask_for("/admin/a", "PUT")
    assert one.ask_for("/admin/a")[2]
    other.app.running.states.find("replies", "users").purge_all()
    assert not other.ask_for("/users/a")[2]


def test_a_purge_during_a_call_wins(processes) -> None:
    """What was asked for before it is kept by nobody."""
    one, other = processes

    async def meanwhile(request: httpx.Request) -> None:
        if request.method == "GET":
            one.asked = None
            await one.settled("PUT", "/users/a")

    one.asked = meanwhile
    assert one.ask_for("/users/a") == (200, 2, True)
    assert other.ask_for("/users/a")[2]


def test_an_old_reply_is_given_out_while_one_process_fetches_a_new_one(workers, machine) -> None:
    """The others find that in the store."""
    one, other = workers
    for process in workers:
        process.ask_for("/users/a")
    for process in workers:
        process.now += 3601
    machine.now += 3601
    one.reply = httpx.Response(200, json="new")
    assert one.ask_for("/users/a") == (200, 1, True)
    assert one.ask_for("/users/a") == (200, "new", False)
    assert other.ask_for("/users/a") == (200, 1, False)
    assert other.ask_for("/users/a") == (200, "new", False)


def test_what_comes_from_the_store_is_as_old_as_it_is(workers, machine) -> None:
    """It ends when it would have ended where it was fetched, and stands in for a failure as long."""
    one, other = workers
    one.ask_for("/users/a")
    for process in workers:
        process.now += 3000
    machine.now += 3000
    answer = other.get("/users/a")
    assert answer.json() == 1
    for process in workers:
        process.now += 5000
    machine.now += 5000
    other.reply = httpx.Response(503)
    assert other.ask_for("/users/a") == (200, 1, True)


def test_a_store_that_is_away_costs_no_answer(workers, machine) -> None:
    """Each process keeps for itself, and purges what it has to purge when the store is there again."""
    one, other = workers
    one.ask_for("/users/a")
    machine.is_away = True
    assert other.ask_for("/users/a") == (200, 1, True)
    assert not other.store.is_there
    assert not other.ask_for("/users/a")[2]
    assert other.ask_for("/users/a", "PUT")[0] == 200
    machine.is_away = False
    other.run(other.store.come())
    other.run(other.settle())
    one.app.running.states.find("replies", "users").purge_all()
    assert one.ask_for("/users/a")[2]


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"\x96\x02\xcc\xc8\x90\xc4\x00\x90\xcb" + bytes(8), b"[1]"])
def test_garbage_in_the_store_is_as_good_as_nothing(workers, machine, garbage: bytes) -> None:
    """So is what another version wrote."""
    one, other = workers
    one.ask_for("/users/a")
    machine.garbage = garbage
    assert other.ask_for("/users/a") == (200, 1, True)


def test_who_asks_for_one_thing_at_a_time_asks_the_store_once(workers, machine) -> None:
    """And the upstream once when the store has nothing."""
    one, _ = workers

    async def many() -> list[httpx.Response]:
        return await asyncio.gather(*(one.ask("GET", "/users/a") for _ in range(10)))

    before = machine.asked
    assert [answer.json() for answer in one.run(many())] == [1] * 10
    assert machine.asked == before + 1
    assert one.count == 1
