"""What answers wait for at the same time is written together."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from aggregator.runtime.background.durable.intake import MOST_PENDING, Intake
from aggregator.stores.effects import keeping
from aggregator.stores.effects.contract import Bounds
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.records import EffectRecord, FixedRequest
from tests.effects.conftest import record

MANY = Bounds(1000, 10**9)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many groups were written by each step of the thread that writes."""
    steps: list[int] = []
    put_all = keeping.put_all

    def counted(table: object, groups: list[list[EffectRecord]], bounds: Bounds) -> list[bool]:
        steps.append(len(groups))
        return put_all(table, groups, bounds)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "put_all", counted)
    return steps


def test_what_is_stored_in_one_turn_is_one_piece_of_work(tmp_path: Path, written: list[int]) -> None:
    """Each of those who wait hears of its own; one that is gone is no trouble."""

    async def run() -> list[bool]:
        store = EffectsInFile(tmp_path, "normal")
        intake = Intake(store, lambda: Bounds(3, 10**9), lambda: None)
        gone, *stay = [intake.put([record(number)]) for number in range(5)]
        gone.cancel()
        found = await asyncio.gather(*stay)
        assert intake.pending == 0
        await store.aclose()
        return found

    assert asyncio.run(run()) == [True, True, False, False]
    assert written == [5]


def test_what_waits_for_the_thread_is_written_by_one_step(tmp_path: Path, written: list[int]) -> None:
    """Turns of the loop that passed meanwhile are not each a step of their own; other bounds are."""

    async def run() -> list[list[bool]]:
        store = EffectsInFile(tmp_path, "normal")
        goes_on = threading.Event()
        held = store.writer.submit(lambda _: goes_on.wait(30))
        puts = [store.put_all([[record(number)], [record(number + 10)]], MANY) for number in range(3)]
        puts.append(store.put_all([[record(30)]], Bounds(6, 10**9)))
        goes_on.set()
        found = await asyncio.gather(*puts)
        await held
        await store.aclose()
        return found

    assert asyncio.run(run()) == [[True, True], [True, True], [True, True], [False]]
    assert written == [6, 1]


@pytest.mark.long
def test_what_is_beyond_the_memory_is_refused(tmp_path: Path) -> None:
    """At once, and what waits already is written."""

    async def run() -> list[bool]:
        store = EffectsInFile(tmp_path, "normal")
        intake = Intake(store, lambda: Bounds(1000, 10**12), lambda: None)
        long = FixedRequest(b"POST", b"/", b"", b"x" * (MOST_PENDING // 2))
        found = [intake.put([record(number, request=long)]) for number in range(2)]
        assert found[1].done()
        kept = await asyncio.gather(*found)
        await store.aclose()
        return kept

    assert asyncio.run(run()) == [True, False]
