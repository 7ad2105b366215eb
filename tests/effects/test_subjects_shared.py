"""What a shared store keeps of one subject, or of one request: found and erased a step after the other."""

from __future__ import annotations

import asyncio
import re
from hashlib import sha1

import pytest

from aggregator.stores.effects.contract import Bounds, Filter
from aggregator.stores.effects.records import EffectRecord
from aggregator.stores.redis.effects import store as stores
from aggregator.stores.redis.effects.store import EffectsInRedis
from tests.effects.conftest import record
from tests.policies.conftest import START
from tests.valkey import Valkey

BASE = "t:e:{effects}:"


async def put(store: EffectsInRedis, *records: EffectRecord) -> None:
    """Keep *records*."""
    assert await store.put_all([[*records]], Bounds(1000, 10**9)) == [True]


async def ids(store: EffectsInRedis, wanted: Filter, most: int = 1000) -> list[str]:
    """Return the ids of those that are *wanted*."""
    return [one["id"] for one in await store.find(wanted, 0, most)]


@pytest.mark.parametrize("wanted", [Filter(key="alice"), Filter(request="r")])
def test_a_page_of_a_subject_looks_at_no_more_than_a_step(
    store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, wanted: Filter
) -> None:
    """However many there are: a server that looked at all of them would answer nobody else meanwhile."""
    monkeypatch.setattr(stores, "_STEP", 10)
    many = [record(number, order="welcome\nalice", request_id="r") for number in range(50)]
    runner.run(put(store, *many))
    valkey.ask("CONFIG", "RESETSTAT")
    assert runner.run(ids(store, wanted, 5)) == [f"id-{number}" for number in range(5)]
    looked_at = re.search(rb"cmdstat_hmget:calls=(\d+)", valkey.whole("INFO", "commandstats"))
    assert looked_at is not None
    assert int(looked_at[1]) <= 10
    assert runner.run(ids(store, wanted)) == [one.id for one in many]


def test_what_an_earlier_program_has_kept_is_found_and_erased(
    store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey
) -> None:
    """It had sets without an order; what of them is asked for is moved, the rest goes with its effects."""
    runner.run(put(store, *(record(number, order="welcome\nalice", request_id="r") for number in range(3))))
    old = f"{BASE}k:{sha1(b'alice', usedforsecurity=False).hexdigest()}"
    for name, index in (("k", old), ("q", f"{BASE}q:r")):
        valkey.ask("DEL", index.replace(f"{BASE}{name}:", f"{BASE}by:{name}:"))
        valkey.ask("SADD", index, "id-2", "id-0", "id-1", "gone")
    assert runner.run(ids(store, Filter(key="alice"))) == ["id-0", "id-1", "id-2"]
    assert valkey.ask("EXISTS", old) == b":0"
    assert runner.run(store.order("forget", Filter(key="alice"), START)) == 3
    assert valkey.ask("SMEMBERS", f"{BASE}q:r") == b"*1"


def test_a_subject_keeps_no_more_than_its_keys_that_are_known(
    store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey
) -> None:
    """Those whose time is over go as new ones come, and all by ``forget``, after which they are new."""
    one = record(0, dedupe=("POST /x welcome\nalice", START + 0.001))
    runner.run(put(store, one))
    of = f"{BASE}of:{sha1(b'alice', usedforsecurity=False).hexdigest()}"
    valkey.ask("ZADD", of, "1", "long-gone")
    runner.run(put(store, record(1, dedupe=("POST /x other\nalice", START + 100))))
    assert b"long-gone" not in valkey.ask_all("ZRANGE", of, "0", "-1")
    assert runner.run(store.order("forget", Filter(key="alice"), START)) == 0
    assert valkey.ask("EXISTS", of) == b":0"
    runner.run(put(store, record(2, dedupe=("POST /x other\nalice", START + 100))))
    assert "id-2" in runner.run(ids(store, Filter()))
