"""A purge of one process is a purge of all that share a store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sharing import Machine

from aggregator.policies.cache.shared.purge import Purge
from aggregator.policies.cache.shared.purges import PURGES, Purges
from aggregator.server.admin.caches import purge_action
from aggregator.stores.shared.connected import ConnectedStore
from tests.policies.conftest import START, Served

TEXT = """
upstreams:
  users: {url: "http://users.test", cache: {ttl: 1h, tags: ["user:{{ id }}"]}}
  items: {url: "http://items.test", cache: rfc}
endpoints:
  GET /users/{id}: {call: "users:/{id}"}
  PUT /users/{id}: {call: "PUT users:/{id}", purge: ["user:{{ id }}"]}
  GET /items/{id}: {call: "items:/{id}"}
  PUT /items/{id}: {call: "PUT items:/{id}"}
  GET /whole/{id}: {cache: 1h, fan_out: {user: "users:/{id}"}}
"""


class Process(Served):
    """One of several processes, which counts the replies of its upstreams."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self._machine = machine
        self._count = 0
        super().__init__(folder, TEXT, self._reply)

    def before(self) -> None:
        """Lead to the store of the machine."""
        self.app.running.stores.memory = self._machine.way

    def _reply(self, _: httpx.Request) -> httpx.Response:
        self._count += 1
        return httpx.Response(200, json=self._count, headers={"cache-control": "max-age=3600"})

    @property
    def store(self) -> ConnectedStore:
        """Its way to the store."""
        running = self.app.running
        found: ConnectedStore = running.stores.found(running.plan.store)
        return found

    async def leave(self) -> None:
        """Lose the store."""
        self.store.lose("It has gone.")

    def is_kept(self, path: str) -> bool:
        """Return whether *path* is answered without a call; it is kept afterwards."""
        before = self._count
        assert self.get(path).status_code == 200
        return self._count == before


@pytest.fixture
def machine() -> Machine:
    """Return the store of a machine."""
    return Machine(START)


@pytest.fixture
def processes(tmp_path: Path, machine: Machine) -> Iterator[list[Process]]:
    """Return two processes of one file."""
    with ExitStack() as stack:
        made = [Process(tmp_path, machine) for _ in range(2)]
        for process in made:
            stack.callback(process.close)
        yield made


@pytest.mark.parametrize(
    ("change", "gone", "kept"),
    [
        ("/users/a", "/users/a", ["/users/b", "/items/a"]),
        ("/users/a", "/whole/a", ["/users/b", "/items/a"]),
        ("/items/a", "/items/a", ["/items/b", "/users/a", "/whole/a"]),
    ],
)
def test_what_one_process_changes_is_old_in_all(processes, change: str, gone: str, kept: list[str]) -> None:
    """By the tags of `purge`, and by the place of an unsafe call with `cache: rfc`; the rest is kept."""
    one, other = processes
    paths = [gone, *kept]
    for path in paths:
        other.get(path)
    assert [other.is_kept(path) for path in paths] == [True] * len(paths)
    assert one.run(one.ask("PUT", change)).status_code == 200
    assert [other.is_kept(path) for path in kept] == [True] * len(kept)
    assert not other.is_kept(gone)


def test_the_workers_of_a_machine_are_ordered_by_their_supervisor(processes) -> None:
    """So an action of its address is not told by each of them again."""
    one, other = processes
    other.get("/users/a")
    assert one.run(purge_action(one.app.running).run({"all": True})).data == {"purged": 0}
    assert other.is_kept("/users/a")


def test_a_purge_that_was_lost_on_the_way_is_done_with_the_next_beat(processes, machine) -> None:
    """A connection may break; what others have told is asked for."""
    one, other = processes
    other.get("/users/a")
    machine.store._heard[PURGES].clear()
    one.run(one.ask("PUT", "/users/a"))
    assert other.is_kept("/users/a")
    other.run(other.store.beat())
    assert not other.is_kept("/users/a")


def test_a_purge_while_the_store_is_away_is_done_when_it_is_there(processes, machine) -> None:
    """Here at once; by the others when they hear of it."""
    one, other = processes
    machine.is_away = True
    for process in processes:
        process.get("/users/a")
        process.run(process.leave())
    one.run(one.ask("PUT", "/users/a"))
    assert (one.is_kept("/users/a"), other.is_kept("/users/a")) == (False, True)
    machine.is_away = False
    for process in processes:
        process.run(process.store.come())
    one.run(one.store._tell())
    assert not other.is_kept("/users/a")


def test_who_may_have_missed_a_purge_forgets_all(processes, machine, caplog) -> None:
    """A store that was started empty does not know what was told before; who had nothing says nothing."""
    _, other = processes
    other.get("/users/a")
    machine.store = type(machine.store)(lambda: machine.now + 1, lambda: machine.now + 1)
    for process in processes:
        process.run(process.store.beat())
    assert not other.is_kept("/users/a")
    told = [record.message for record in caplog.records if record.name == "aggregator.cache"]
    assert told == ["Purges of others may have been missed; all that was kept is forgotten."]


def test_a_place_that_is_too_long_to_be_told_costs_others_its_upstream_alone(processes) -> None:
    """A client may make a URL as long as a head may be, and would empty everybody's caches with it."""
    one, other = processes
    for path in ("/users/a", "/items/a"):
        other.get(path)
    one.run(one.ask("PUT", "/items/" + "a" * 12_000))
    assert other.is_kept("/users/a")
    assert not other.is_kept("/items/a")


def test_many_tags_are_told_one_by_one(processes) -> None:
    """A purge of more than a message holds purges what it names, and nothing else."""
    one, other = processes
    for path in ("/users/a", "/users/b"):
        other.get(path)
    purges = Purges(one.app.running.states, one.store)
    one.run(_told(purges, Purge("tag", (*(f"user:{number}" * 20 for number in range(200)), "user:a"))))
    assert other.is_kept("/users/b")
    assert not other.is_kept("/users/a")


async def _told(purges: Purges, purge: Purge) -> None:
    purges.do(purge)
    await asyncio.sleep(0)
