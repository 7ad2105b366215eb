"""Wrong credentials of an address that several processes count together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest
from sharing import Machine
from tiers import starts_processes
from valkey import Valkey

from tests.policies.conftest import START, Served

TEXT = """
auth: {partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: {rate: 6/h, burst: 6}}}
endpoints: {GET /a: {auth: partners, respond: {body: 1}}}
server: {workers: 2}
"""
RIGHT = "agk_right"


class Process(Served):
    """One of several processes."""

    def __init__(self, folder: Path, place: Machine | str) -> None:
        self._place = place
        super().__init__(
            folder, TEXT if isinstance(place, Machine) else f"{TEXT}store: {{url: '{place}', timeout: 10s}}"
        )

    def before(self) -> None:
        """Lead to the store of the machine."""
        if isinstance(self._place, Machine):
            self.app.running.stores.memory = self._place.way

    def sent(self, key: str, address: str = "192.0.2.1") -> int:
        """Return the status of a request with *key* from *address*."""
        status: int = self.get("/a", headers={"x-api-key": key}, address=address).status_code
        if not isinstance(self._place, Machine):
            self.run(self._settle())
        return status

    async def _settle(self) -> None:
        """Wait until the server has counted what it was told: it answers in order."""
        running = self.app.running
        await running.stores.found(running.plan.store).store.get(b"nothing")


@pytest.fixture
def machine() -> Machine:
    """Return the store of a machine."""
    return Machine(START)


@pytest.fixture
def processes(tmp_path: Path, machine: Machine) -> Iterator[list[Process]]:
    """Return two processes of one file."""
    yield from started(tmp_path, machine)


@pytest.fixture
@starts_processes
def machines(tmp_path: Path) -> Iterator[list[Process]]:
    """Return two processes of one file, and of two machines, with a real server between them."""
    server = Valkey()
    try:
        yield from started(tmp_path, server.start().url)
    finally:
        server.close()


def started(tmp_path: Path, place: Machine | str) -> Iterator[list[Process]]:
    """Yield two processes that have their store at *place*."""
    (tmp_path / "keys.yaml").write_text(f"- {{name: ann, sha256: {sha256(RIGHT.encode()).hexdigest()}}}\n")
    with ExitStack() as stack:
        made = [Process(tmp_path, place) for _ in range(2)]
        for process in made:
            stack.callback(process.close)
        yield made


def test_an_address_fails_as_often_as_the_limit_says_wherever_it_asks(processes: list[Process]) -> None:
    """Process after process; another address is not touched."""
    statuses = [processes[number % 2].sent("wrong") for number in range(12)]
    assert statuses == [401] * 6 + [429] * 6
    assert [process.sent("wrong", "192.0.2.2") for process in processes] == [401] * 2


def test_machines_count_failures_in_a_server(machines: list[Process]) -> None:
    """By scripts of its own, with its clock: together they verify no more than the limit, and one for each that is new."""
    one, other = machines
    assert [machines[number % 2].sent("wrong") for number in range(12)] == [401] * 6 + [429] * 6
    assert [one.sent("wrong", "192.0.2.2") for _ in range(5)] == [401] * 5
    assert [one.sent(RIGHT, "192.0.2.2") for _ in range(3)] == [200] * 3
    assert [other.sent("wrong", "192.0.2.2") for _ in range(2)] == [401, 429]


def test_a_process_that_knows_nothing_of_an_address_verifies_one_more(processes: list[Process]) -> None:
    """It asks the store about an address that has failed there alone."""
    one, other = processes
    assert [one.sent("wrong") for _ in range(7)] == [401] * 6 + [429]
    assert [other.sent("wrong") for _ in range(2)] == [401, 429]


def test_a_right_credential_asks_no_store(processes: list[Process], machine: Machine) -> None:
    """Neither the first time, nor when it is remembered, nor when the address has failed since."""
    one, _ = processes
    machine.asked = 0
    assert [one.sent(RIGHT) for _ in range(2)] == [200] * 2
    assert machine.asked == 0
    assert [one.sent("wrong") for _ in range(7)] == [401] * 6 + [429]
    machine.asked = 0
    assert one.sent(RIGHT) == 200
    assert machine.asked == 0


def test_what_was_right_after_all_is_no_failure(processes: list[Process]) -> None:
    """The store was asked for it, since the address had failed, and gets it back."""
    one, other = processes
    assert [one.sent("wrong") for _ in range(5)] == [401] * 5
    assert [one.sent(RIGHT) for _ in range(3)] == [200] * 3
    assert [other.sent("wrong") for _ in range(2)] == [401, 429]


def test_while_the_store_is_away_each_process_counts_for_itself(processes: list[Process], machine: Machine) -> None:
    """No request fails for want of it."""
    one, other = processes
    assert one.sent("wrong") == 401
    machine.is_away = True
    assert [one.sent("wrong") for _ in range(6)] == [401] * 5 + [429]
    assert [other.sent("wrong") for _ in range(7)] == [401] * 6 + [429]
