"""Limits that several processes count together, and what each grants while their store is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sharing import Machine

from aggregator.server.admin.quotas import quota_action, quotas_shown
from tests.policies.conftest import START, Served

TEXT = """
auth: {partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}}
endpoints:
  GET /rate: {rate_limit: {rate: 10/h, burst: 10}, respond: {body: 1}}
  GET /quota: {rate_limit: {quota: 6/day}, respond: {body: 1}}
  GET /both: {rate_limit: [{rate: 8/h}, {rate: 4/h, by: "{{ request.client }}"}, {rate: 1/h, report: true}], respond: {body: 1}}
  GET /cost: {query: {n: integer}, rate_limit: {rate: 10/h, cost: "{{ query.n }}"}, respond: {body: 1}}
  GET /key: {auth: partners, respond: {body: 1}}
"""


class Process(Served):
    """One of several processes."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self._machine = machine
        super().__init__(folder, TEXT)

    def before(self) -> None:
        """Lead to the store of the machine."""
        self.app.running.stores.memory = self._machine.way


@pytest.fixture
def machine() -> Machine:
    """Return the store of a machine."""
    return Machine(START)


@pytest.fixture
def processes(tmp_path, machine) -> Iterator[list[Process]]:
    """Return two processes of one file."""
    (tmp_path / "keys.yaml").write_text(
        "- {name: ann, sha256: 49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1, rate_limit: 2/h}\n"
    )
    with ExitStack() as stack:
        made = [Process(tmp_path, machine) for _ in range(2)]
        for process in made:
            stack.callback(process.close)
            process.run(process.app.running.stores.found(process.app.running.plan.store).beat())
        yield made


def granted(processes: list[Process], path: str, times: int, **options: Any) -> int:
    """Return how many of so many requests, by one process after the other, are let through."""
    statuses = [processes[number % len(processes)].get(path, **options).status_code for number in range(times)]
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


def test_a_limit_is_one_for_all(processes):
    """Together they grant what the file says, of a rate and of a quota; answers tell what is left for all."""
    assert granted(processes, "/rate", 30) == 10
    assert granted(processes, "/quota", 5) == 5
    assert processes[0].get("/quota").headers["ratelimit"].startswith('"6/day";r=0;')
    assert granted(processes, "/quota", 5) == 0


def test_limits_of_one_place_are_asked_for_at_once(processes, machine):
    """One question for three windows; what refuses charges nothing, and what only reports refuses nobody."""
    machine.asked = 0
    assert granted(processes, "/both", 6) == 4
    assert machine.asked == 6
    assert granted(processes, "/both", 6, address="192.0.2.77") == 4


def test_a_cost_is_shared(processes):
    """It is asked for once the inputs are known to be valid."""
    assert [processes[at].get("/cost?n=4").status_code for at in (0, 1, 0)] == [200, 200, 429]
    assert processes[1].get("/cost?n=x").status_code == 422
    assert processes[1].get("/cost?n=2").status_code == 200


def test_the_rate_of_a_key_is_shared(processes):
    """It is that of the file of keys."""
    assert granted(processes, "/key", 6, headers={"x-api-key": "ann"}) == 2


def test_without_the_store_each_grants_its_share(processes, machine):
    """Half of it, with two that were last seen; nothing fails, and it is one limit again once the store is there."""
    machine.is_away = True
    assert [granted([process], "/rate", 10) for process in processes] == [5, 5]
    assert [granted([process], "/quota", 10) for process in processes] == [3, 3]
    store = processes[0].app.running.stores.found(processes[0].app.running.plan.store)
    assert (store.describe()["state"], store.alone) == ("away", 20)
    assert processes[0].get("/quota").headers["ratelimit-policy"] == '"6/day";q=6;w=86400'


def test_a_quota_is_shown_and_reset_for_all(processes):
    """Each process tells what it last heard; a reset by one of them is one for all."""
    assert granted(processes, "/quota", 10) == 6
    shown = [quotas_shown(process.app.running, {"endpoint": "GET /quota"})[0] for process in processes]
    assert [(one["used_up"], one["uses"]) for one in shown] == [(1, [{"used": 6, "left": 0}])] * 2
    reset = quota_action(processes[0].app.running).run
    processes[0].run(reset({"key": "all", "endpoint": "GET /quota"}))
    assert granted(processes[1:], "/quota", 10) == 6
