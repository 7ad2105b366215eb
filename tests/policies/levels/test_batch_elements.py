"""Elements of a batch that one process has fetched, another one does not fetch."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec import msgpack
from sharing import Machine

from aggregator.server.admin.caches import purge_action
from tests.policies.levels.conftest import Process


class Batching(Process):
    """Its upstream knows all products but those whose id begins with `no`."""

    text = """
upstreams: {{shop: {{url: "http://shop.test", cache: {{ttl: {{200: 1h, 404: 1m}}, stale: 1h, tags: ["product:{{{{ keys[0] }}}}"], shared: true}}}}}}
endpoints:
  GET /products:
    query: {{ids: {{type: array, items: {{type: string}}, required: true}}}}
    call: {{url: "shop:/products?ids={{keys}}", for_each: {{in: "{{{{ query.ids }}}}", key: "{{{{ item }}}}", batch: {{key: id}}}}}}
  PUT /products/{{id}}: {{respond: {{status: 204}}, purge: ["product:{{{{ id }}}}"]}}
server: {{workers: 2}}
store: {{url: "{url}", timeout: 60s}}
"""

    def __init__(self, folder: Any, place: Machine | str) -> None:
        self.asked_for: list[str] = []
        super().__init__(folder, place)

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Answer with the products that are asked for, each with how often the shop was asked."""
        self.count += 1
        ids = request.url.params["ids"].split(",")
        self.asked_for += ids
        if self.asked is not None:
            await self.asked(request)
        found = [{"id": one, "count": self.count} for one in ids if not one.startswith("no")]
        return self.reply or httpx.Response(200, json=found)

    def products(self, *ids: str) -> list[Any]:
        """Return the counts of the products *ids*."""
        found = self.answer("/products", params={"ids": list(ids)})
        assert found.status_code == 200, found.text
        return [None if one is None else one["count"] for one in found.json()]


KIND = Batching


def test_only_elements_that_nobody_has_fetched_are_asked_for(processes: list[Batching]) -> None:
    """Those of another process come from the store, and are kept here, too."""
    one, other = processes
    one.products("a", "b")
    assert other.products("a", "b", "c") == [1, 1, 1]
    assert other.asked_for == ["c"]
    assert one.products("c") == [1]
    assert one.asked_for == ["a", "b"]
    kept = other.app.running.states.find("replies", "shop")
    assert (kept.fetched_elsewhere, kept.hits, kept.misses) == (2, 0, 1)
    other.products("a")
    assert kept.hits == 1


def test_that_there_is_none_is_known_to_all(workers: list[Batching], machine: Machine) -> None:
    """For the time of 404."""
    one, other = workers
    one.answer("/products", params={"ids": ["no-1"]})
    other.answer("/products", params={"ids": ["no-1"]})
    assert other.asked_for == []
    machine.now += 61 + 3600
    other.now += 61 + 3600
    other.answer("/products", params={"ids": ["no-1"]})
    assert other.asked_for == ["no-1"]


def test_a_purge_of_one_element_leaves_the_others(processes: list[Batching]) -> None:
    """In the store as in a process."""
    one, other = processes
    one.products("a", "b")
    one.ask_for("/products/a", "PUT")
    other.products("a", "b")
    assert other.asked_for == ["a"]


@pytest.mark.parametrize(
    ("given", "ends"),
    [({"upstream": "shop"}, True), ({"all": True}, True), ({"tag": "product:b"}, False)],
)
def test_elements_that_are_purged_by_hand_leave_the_store(
    workers: list[Batching], given: dict[str, Any], ends: bool
) -> None:
    """Whatever they are named by."""
    one, other = workers
    one.products("a")
    one.run(purge_action(one.app.running).run(given))
    one.run(one.settle())
    other.products("a")
    assert bool(other.asked_for) is ends


def test_an_element_that_is_purged_while_it_is_fetched_is_kept_by_nobody(processes: list[Batching]) -> None:
    """The others of its call are."""
    one, other = processes

    async def meanwhile(_: httpx.Request) -> None:
        one.asked = None
        await one.settled("PUT", "/products/a")

    one.asked = meanwhile
    one.products("a", "b")
    other.products("a", "b")
    assert other.asked_for == ["a"]


def test_an_old_element_is_fetched_anew_by_one_process(workers: list[Batching], machine: Machine) -> None:
    """Those that find it in the store meanwhile give it out."""
    one, other = workers
    for process in workers:
        process.products("a")
    machine.now += 3601
    for process in workers:
        process.now += 3601
    assert one.products("a") == [1]
    assert one.asked_for == ["a", "a"]
    assert [other.products("a") for _ in range(2)] == [[1], [2]]
    assert other.asked_for == []


def test_a_failed_batch_is_no_failure_where_the_store_has_all(workers: list[Batching], machine: Machine) -> None:
    """Nobody is asked, though this process had nothing."""
    one, other = workers
    one.products("a", "b")
    other.reply = httpx.Response(503)
    assert other.products("a", "b") == [1, 1]


def test_a_store_that_is_away_costs_no_element(workers: list[Batching], machine: Machine) -> None:
    """Each process fetches its own."""
    one, other = workers
    one.products("a")
    machine.is_away = True
    assert [other.products("a") for _ in range(2)] == [[1], [1]]
    assert other.asked_for == ["a"]


@pytest.mark.parametrize("garbage", [b"", b"\xff", msgpack.encode([1, 200, b"no json", [], 0.0])])
def test_garbage_is_no_element(workers: list[Batching], machine: Machine, garbage: bytes) -> None:
    """It is asked for."""
    one, other = workers
    one.products("a")
    machine.garbage = garbage
    assert other.products("a") == [1]
    assert other.asked_for == ["a"]
