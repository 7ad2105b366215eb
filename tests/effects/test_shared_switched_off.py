"""What is switched off and waits in a shared store is no work for anybody, however much it is."""

from __future__ import annotations

import asyncio
import re

import pytest

from aggregator.stores.effects.contract import Bounds, Filter, Turn
from aggregator.stores.redis.effects.store import EffectsInRedis
from tests.effects.conftest import record
from tests.policies.conftest import START
from tests.valkey import Valkey

BASE = "t:e:{effects}:"
DUE = f"{BASE}due:mail\nPOST /x\nwelcome"
MANY = Bounds(10_000, 10**9)
OFF = frozenset({("POST /x", "welcome")})


def claim(store: EffectsInRedis, runner: asyncio.Runner, **said: frozenset[tuple[str, str]]) -> list[str]:
    """Return the ids of what a turn of *store* claims."""
    turned = runner.run(store.turn(Turn(START, room={"mail": 9}, most=9, **said)))
    return [one.id for one in turned.claimed]


def put(store: EffectsInRedis, runner: asyncio.Runner, number: int) -> None:
    """Keep so many, and behind them one of another name."""

    async def keep() -> None:
        many = [[record(one)] for one in range(number)]
        assert all(await store.put_all([*many, [record(number, name="told")]], MANY))

    runner.run(keep())


def test_a_turn_looks_at_none_of_what_is_off(store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey) -> None:
    """What waits behind a thousand of them goes at once."""
    put(store, runner, 1000)
    valkey.ask("CONFIG", "RESETSTAT")
    assert claim(store, runner, off=OFF) == ["id-1000"]
    looked_at = re.search(rb"cmdstat_hmget:calls=(\d+)", valkey.whole("INFO", "commandstats"))
    assert looked_at is not None
    assert int(looked_at[1]) <= 3


@pytest.mark.parametrize("old", ["due:mail", "aside:POST /x\nwelcome"])
def test_what_an_earlier_program_has_kept_is_delivered(
    store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey, old: str
) -> None:
    """It had one set for each upstream, and others for what is off; turns move them, and what is gone is left out."""
    put(store, runner, 2)
    valkey.ask("RENAME", DUE, f"{BASE}{old}")
    valkey.ask("SREM", f"{BASE}labels:mail", "POST /x\nwelcome")
    valkey.ask("SADD", f"{BASE}asides", "POST /x\nwelcome")
    valkey.ask("ZADD", f"{BASE}{old}", "1", "gone")
    assert claim(store, runner, off=OFF) == ["id-2"]
    assert claim(store, runner) == ["id-0", "id-1"]
    assert valkey.ask("EXISTS", f"{BASE}{old}", f"{BASE}asides") == b":0"


@pytest.mark.parametrize("what", ["retry", "discard"])
def test_what_an_earlier_program_has_kept_can_be_ordered(
    store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey, what: str
) -> None:
    """An operator that comes before the first turn has each of them once, or none."""
    put(store, runner, 2)
    valkey.ask("RENAME", DUE, f"{BASE}due:mail")
    assert runner.run(store.order(what, Filter(name="welcome"), START)) == 2
    assert sorted(claim(store, runner)) == (["id-0", "id-1", "id-2"] if what == "retry" else ["id-2"])
    assert valkey.ask("EXISTS", f"{BASE}due:mail") == b":0"


def test_a_label_of_which_nothing_waits_is_forgotten(
    store: EffectsInRedis, runner: asyncio.Runner, valkey: Valkey
) -> None:
    """A turn looks at those of which something may be due."""
    put(store, runner, 1)
    assert sorted(claim(store, runner)) == ["id-0", "id-1"]
    assert valkey.ask("SCARD", f"{BASE}labels:mail") == b":2"
    assert claim(store, runner) == []
    assert valkey.ask("EXISTS", f"{BASE}labels:mail") == b":0"
