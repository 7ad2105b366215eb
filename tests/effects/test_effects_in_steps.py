"""A file with very many effects: a page of them costs a page, and what changes many lets others write in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.stores.effects import ledger
from aggregator.stores.effects.contract import Bounds, Filter, Turn
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.records import Outcome
from aggregator.stores.effects.table import EffectTable
from tests.effects.conftest import document, down, process, record
from tests.policies.conftest import START

MANY = Bounds(10_000, 10**9)
STEPS = 2500
"""Effects that take several steps."""


def steps_of(folder: Path, number: int, work: Callable[[EffectTable], object]) -> int:
    """Return how many steps of its machine SQLite takes for *work* in a file with *number* effects of others."""
    folder.mkdir()
    table = EffectTable(folder / "effects.db", "normal")
    try:
        meant = record(1, id="meant", order="welcome\nada", dedupe=("welcome\nada", START + 9), request_id="asked")
        others = [
            record(one, order=f"welcome\nn{one}", dedupe=(f"welcome\nn{one}", START + 9)) for one in range(number)
        ]
        assert put_all(table, [[meant], others], MANY) == [True, True]
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        table.db.set_progress_handler(step, 1)
        assert work(table)
        table.db.set_progress_handler(None, 1)
        return steps
    finally:
        table.close()


@pytest.mark.parametrize(
    "work",
    [
        lambda table: ledger.find(table, Filter(key="ada"))[0],
        lambda table: ledger.find(table, Filter(request="asked", state="waiting"))[0],
        lambda table: ledger.order(table, "forget", Filter(key="ada"), START, 0, ledger.newest(table))[0],
        lambda table: ledger.forget_keys(table, "ada"),
    ],
)
def test_what_is_kept_of_one_subject_costs_the_same_in_a_file_of_any_size(
    tmp_path: Path, work: Callable[[EffectTable], object]
) -> None:
    """By the key of an order, by a request, and by a key of `dedupe`: nothing that others have left is looked at."""
    assert steps_of(tmp_path / "many", 1500, work) == steps_of(tmp_path / "few", 5, work)


def test_what_no_index_knows_is_found_a_step_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, in the order of its places, over steps that find nothing; and in pages."""
    monkeypatch.setattr(ledger, "LOOKED_AT", 10)
    names = {3: "rare", 44: "rare", 57: "rare"}

    async def work(store: EffectsInFile) -> list[list[str]]:
        await store.put_all([[record(one, name=names.get(one, "usual")) for one in range(60)]], MANY)
        pages = [await store.find(Filter(name="rare")), await store.find(Filter(name="rare"), most=2)]
        pages.append(await store.find(Filter(name="rare"), pages[-1][-1]["place"], 2))
        return [[one["id"] for one in page] for page in pages]

    assert in_file(tmp_path, work) == [["id-3", "id-44", "id-57"], ["id-3", "id-44"], ["id-57"]]


def in_file(folder: Path, work: Callable[[EffectsInFile], Awaitable[Any]]) -> Any:
    """Return what *work* gives in a file of *folder*."""

    async def run() -> Any:
        store = EffectsInFile(folder, "normal")
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(run())


async def beside(store: EffectsInFile, work: Awaitable[int]) -> tuple[bool, int]:
    """Return whether an effect was kept before *work* had ended, and what came of that."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    assert await store.put_all([[record(STEPS, upstream="push")]], MANY) == [True]
    is_done = task.done()
    return not is_done, await task


@pytest.mark.parametrize("what", ["retry", "discard", "forget"])
def test_an_order_for_many_lets_others_write(tmp_path: Path, what: str) -> None:
    """Each step is a transaction of its own; what is kept meanwhile is not meant."""

    async def work(store: EffectsInFile) -> tuple[bool, int, int]:
        await store.put_all([[record(one) for one in range(STEPS)]], MANY)
        return (*await beside(store, store.order(what, Filter(name="welcome"), START)), store.kept.number)

    left = STEPS + 1 if what == "retry" else 1
    assert in_file(tmp_path, work) == (True, STEPS, left)


def test_parking_many_lets_others_write(tmp_path: Path) -> None:
    """When their upstream is not known any more, and when it is known again."""

    async def work(store: EffectsInFile) -> tuple[Any, ...]:
        await store.put_all([[record(one) for one in range(STEPS)]], MANY)
        parked = await beside(store, store.park(frozenset({"push"}), START))
        counts = store.kept.counts["parked"], store.kept.counts["waiting"]
        known = frozenset({"push", "mail"})
        task = asyncio.ensure_future(store.park(known, START))
        await asyncio.sleep(0)
        await store.look()
        is_done = task.done()
        return parked, counts, is_done, await task, store.kept.counts["waiting"]

    assert in_file(tmp_path, work) == ((True, STEPS), (STEPS, 1), False, 0, STEPS + 1)


def test_all_else_is_delivered_while_many_park(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the server stops meanwhile: the next one parks what is left."""
    begun: list[frozenset[str]] = []

    async def park(_: EffectsInFile, known: frozenset[str], __: float) -> int:
        begun.append(known)
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(EffectsInFile, "park", park)
    with process(tmp_path, document()) as served:
        assert served.sign_up("a") == [201]
        served.settle(sent=1)
        assert begun == [frozenset({"mail"})]


def test_what_was_not_parked_is_parked_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store could not be written at first."""
    park, refused = EffectsInFile.park, [StoreError("The disk is full.")]

    async def parked(store: EffectsInFile, known: frozenset[str], now: float) -> int:
        if refused:
            raise refused.pop()
        return await park(store, known, now)

    with process(tmp_path, document(), down) as served:
        served.sign_up("a")
        monkeypatch.setattr(EffectsInFile, "park", parked)
        served.reload("state: ./state\nendpoints: {GET /x: {respond: {body: 1}}}")
        served.settle(parked=1)


def test_an_order_that_was_parked_in_steps_goes_on_from_its_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Whichever step lets which of them go, the smallest first."""
    monkeypatch.setattr("aggregator.stores.effects.table._AT_ONCE", 1)
    bodies = ["long" * 9, "longer" * 9, "x"]

    async def work(store: EffectsInFile) -> list[str]:
        await store.put_all([[record(at, order="welcome\na", name=one) for at, one in enumerate(bodies)]], MANY)
        await store.park(frozenset(), START)
        assert store.kept.counts["parked"] == 3
        await store.park(frozenset({"mail"}), START)
        found: list[str] = []
        ended: tuple[Outcome, ...] = ()
        for _ in bodies:
            (one,) = (await store.turn(Turn(START, ended, {"mail": 5}, 5))).claimed
            found.append(one.id)
            ended = (Outcome(one.id, "sent", {}),)
        return found

    assert in_file(tmp_path, work) == ["id-0", "id-1", "id-2"]
