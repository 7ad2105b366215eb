"""What the scripts of a shared store are handed over, and what their replies mean: without a server."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from aggregator.stores.effects.records import Alternative, EffectRecord, FixedRequest, Outcome
from aggregator.stores.level.contract import LARGEST, LONGEST, NO_LEASE, Lease
from aggregator.stores.quota import Period, Quota
from aggregator.stores.rate import Rate
from aggregator.stores.redis.effects.packing import AT_ONCE, BYTES_AT_ONCE, ended, in_scripts, record_of, row_of
from aggregator.stores.redis.effects.packing import packed as packed_effect
from aggregator.stores.redis.level import RedisLevel
from aggregator.stores.redis.replies import count_key, packed, take_command, taken_of, unpacked
from aggregator.stores.shared.asks import Ask

RATE, QUOTA = Rate(10, 60.0, 5), Quota(100, "day")
DAY = Period(86_400.0, 172_800.0)
NOW = 100_000.0


def test_what_is_asked_of_limits() -> None:
    """The keys first; then a rate by its burst and interval (microseconds), a quota by its number and how long it is kept."""
    asks = [Ask(b"a", b"k", RATE, 2), Ask(b"b", b"k", QUOTA, 3, binding=False)]
    command = take_command(b"p:", asks, [None, DAY], NOW)
    assert command[2:5] == (2, count_key(b"p:", asks[0], None), count_key(b"p:", asks[1], DAY))
    assert command[5:] == (b"r", 5, 6_000_000.0, 2, b"1", b"q", 100, 72_800_000 + 60_000, 3, b"0")


def test_each_count_has_a_key_of_its_own() -> None:
    """By name and key, wherever one ends and the other begins, and by period; no key of a caller stands in it."""
    pairs = [(b"a", b"bc"), (b"ab", b"c"), (b"a", b"b"), (b"a", b"")]
    keys = [count_key(b"p:", Ask(name, key, RATE), None) for name, key in pairs]
    keys += [count_key(b"p:", Ask(b"a", b"bc", QUOTA), period) for period in (DAY, Period(0.0, 86_400.0))]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith((b"pr:", b"pq:", b"p:r:", b"p:q:")) and b"bc" not in key for key in keys)


@pytest.mark.parametrize(
    ("reply", "period", "now", "taken"),
    [
        (b"0 4 6000000", None, NOW, (0.0, 4, 6.0)),
        (b"1500000 0 30000000", None, NOW, (1.5, 0, 30.0)),
        (b"-1 0 0", None, NOW, (math.inf, 0, 0.0)),
        (b"0 97 0", DAY, NOW, (0.0, 97, 72_800.0)),
        (b"1 0 0", DAY, NOW, (72_800.0, 0, 72_800.0)),
        (b"-1 0 0", DAY, NOW, (math.inf, 0, 72_800.0)),
        (b"1 0 0", DAY, DAY.end, (0.001, 0, 0.001)),
        (b"1 0 0", DAY, DAY.end + 5.0, (0.001, 0, 0.001)),
    ],
)
def test_what_a_reply_says(reply: bytes, period: Period | None, now: float, taken: tuple[float, int, float]) -> None:
    """Waits and resets of a rate in microseconds; those of a quota are the rest of its period, never less than nothing."""
    [found] = taken_of(reply, [period], now)
    assert (found.wait, found.remaining, found.reset) == taken


def test_what_a_reply_says_of_several() -> None:
    """Three numbers each, in their order."""
    found = taken_of(b"0 1 2000000 3000000 0 5000000", [None, None], NOW)
    assert [(one.wait, one.remaining, one.reset) for one in found] == [(0.0, 1, 2.0), (3.0, 0, 5.0)]


@pytest.mark.parametrize("tags", [(), (b"a",), (b"a", b"", b"long" * 100)])
@pytest.mark.parametrize("value", [b"", b"x", b"\x00" * 300])
def test_a_value_comes_back_without_its_tags(value: bytes, tags: tuple[bytes, ...]) -> None:
    """Whatever both hold."""
    assert unpacked(packed(value, tags)) == value


class Scripts:
    """What runs scripts: notes keys and values of each, and gives *reply*."""

    def __init__(self, reply: Any = None) -> None:
        self.reply = reply
        self.asked: list[tuple[int, tuple[Any, ...]]] = []

    async def run(self, _script: bytes, keys: list[bytes], *values: Any) -> Any:
        """Note what is asked."""
        self.asked.append((len(keys), values))
        return self.reply


def kept(lifetime: float, value: bytes = b"v", token: bytes = b"") -> list[tuple[int, tuple[Any, ...]]]:
    """Return what is run to keep *value*."""
    scripts = Scripts(1)
    asyncio.run(RedisLevel(b"p:", scripts.run).keep(b"s", b"k", value, (b"t", b"u"), lifetime, 7, token))
    return scripts.asked


@pytest.mark.parametrize(
    ("lifetime", "milliseconds"), [(0.0001, 1), (1.5, 1500), (LONGEST, 604_800_000), (1e9, 604_800_000)]
)
def test_how_long_a_value_is_kept(lifetime: float, milliseconds: int) -> None:
    """In milliseconds: one at least, a week at most."""
    assert kept(lifetime) == [(2, (604_800_000, 7, b"tu", milliseconds, b"v", b""))]


@pytest.mark.parametrize(("lifetime", "token", "scripts"), [(0.0, b"", [1]), (-1.0, b"", [1]), (0.0, b"t", [1, 1])])
def test_a_value_without_a_lifetime_is_forgotten(lifetime: float, token: bytes, scripts: list[int]) -> None:
    """And the lease of who had it ends."""
    assert [keys for keys, _ in kept(lifetime, token=token)] == scripts


@pytest.mark.parametrize(("size", "count"), [(LARGEST, 1), (LARGEST + 1, 0)])
def test_a_value_that_is_too_large_is_not_sent(size: int, count: int) -> None:
    """The largest is."""
    assert len(kept(1.0, b"x" * size)) == count


@pytest.mark.parametrize(
    ("reply", "lifetime", "value", "is_kept"),
    [(1, 1.0, b"v", True), (0, 1.0, b"v", False), (1, 0.0, b"v", False), (1, 1.0, b"x" * (LARGEST + 1), False)],
    ids=["kept", "purged", "forgotten", "large"],
)
def test_whether_a_value_is_kept(reply: int, lifetime: float, value: bytes, is_kept: bool) -> None:
    """A purge may have come before; what is not sent is not kept."""
    level = RedisLevel(b"p:", Scripts(reply).run)
    assert asyncio.run(level.keep(b"s", b"k", value, (), lifetime, 7)) is is_kept


def test_which_keys_a_script_is_for() -> None:
    """A purge is for the log of its space, the end of a lease for the lease; without a token there is none to end."""
    scripts = Scripts()
    level = RedisLevel(b"p:", scripts.run)
    asyncio.run(level.purge(b"s", (b"t",)))
    asyncio.run(level.end_lease(b"s", b"k", b"me", 1.5))
    asyncio.run(level.end_lease(b"s", b"k", b"", 1.5))
    assert scripts.asked == [(1, (604_800_000, 10_000, b"t")), (1, (b"me", 1500))]


@pytest.mark.parametrize(
    ("reply", "lease", "looked"),
    [
        ([b"3", b""], NO_LEASE, (3, None, 0.0, b"")),
        ([b"3", b"me"], Lease(b"me", 1.5), (3, None, 0.0, b"me")),
        ([b"3", b"", b"value", b"2500"], NO_LEASE, (3, b"value", 2.5, b"")),
        ([b"3", b"", b"value", b"-5"], NO_LEASE, (3, b"value", 0.0, b"")),
    ],
)
def test_what_there_is_of_a_key(reply: list[bytes], lease: Lease, looked: tuple[Any, ...]) -> None:
    """The number of purges, the value with its age in seconds, and who holds the lease."""
    scripts = Scripts(reply)
    found = asyncio.run(RedisLevel(b"p:", scripts.run).look(b"s", b"k", lease))
    assert (found.number, found.value, found.age, found.holder) == looked
    assert scripts.asked == [(3 if lease.token else 2, (604_800_000, lease.token, round(lease.life * 1000), 0))]


def record(size: int = 0, **more: Any) -> EffectRecord:
    """Return an effect whose request has so many bytes."""
    said = {"id": "1", "name": "n", "endpoint": "e", "upstream": "u", "request_id": "r", "created": 100.0, "due": 100.0}
    return EffectRecord(**{**said, "request": FixedRequest(b"POST", b"", b"", b"x" * size), **more})


def test_how_large_an_effect_is() -> None:
    """What it sends, with all that is tried in its place and where; and what is kept beside it."""
    others = (
        Alternative("second", FixedRequest(b"POST", b"/b", b"x: 1", None)),
        Alternative("3", FixedRequest(b"GET", b"", b"", None)),
    )
    request = FixedRequest(b"POST", b"/a", b"a: 1", b"body", others)
    assert (replace(request, others=()).size, request.size) == (10, 10 + 12 + 1)
    assert record(request=request).size == 23 + record().size


def test_a_script_takes_so_many_effects() -> None:
    """As many as are meant; one more is for the next script, and nothing makes none."""
    groups = [[record()] for _ in range(AT_ONCE + 1)]
    assert [len(some) for some in in_scripts(groups)] == [AT_ONCE, 1]
    assert [len(some) for some in in_scripts(groups[:-1])] == [AT_ONCE]
    assert [len(some) for some in in_scripts(groups * 2)] == [AT_ONCE, AT_ONCE, 2]
    assert list(in_scripts([])) == []


@pytest.mark.parametrize(("missing", "scripts"), [(0, [1, 1]), (1, [2])])
def test_a_script_takes_so_many_bytes(missing: int, scripts: list[int]) -> None:
    """What reaches them ends it."""
    overhead = record().size
    groups = [[record(BYTES_AT_ONCE - overhead - missing)], [record()]]
    assert [len(some) for some in in_scripts(groups)] == scripts
    assert [len(some) for some in in_scripts([groups[0]] * 3)] == ([1, 1, 1] if missing == 0 else [2, 1])


@pytest.mark.parametrize(
    ("more", "tail"),
    [
        ({}, (False, 0.0, False, 1)),
        ({"order": "o"}, ("o", 0.0, False, 1)),
        ({"order": ""}, ("", 0.0, False, 1)),
        ({"due": 102.5}, (False, 2.5, False, 1)),
        ({"due": 99.0}, (False, 0.0, False, 1)),
        ({"dedupe": ("k", 160.0)}, (False, 0.0, "k", 60_000)),
        ({"dedupe": ("k", 100.0)}, (False, 0.0, "k", 1)),
    ],
)
def test_an_effect_as_it_is_put(more: dict[str, Any], tail: tuple[Any, ...]) -> None:
    """Its order, when it is due from its beginning on, its key, and for how many milliseconds that keeps others out."""
    assert packed_effect(record(5, **more)) == ("1", "n", "e", "u", "r", 1005, *tail)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome("1", "sent"), ("1", "sent", False, 0.0, True)),
        (Outcome("1", "sent", {"status": 200}), ("1", "sent", 3, 0.0, True)),
        (Outcome("1", "waiting", None, 105.0, counts=False), ("1", "waiting", False, 5.0, False)),
    ],
)
def test_an_outcome_as_it_is_told(outcome: Outcome, told: tuple[Any, ...]) -> None:
    """Where its last answer stands, and in how many seconds it is due."""
    assert ended(outcome, 100.0, 3) == told


def test_a_claimed_effect() -> None:
    """It is what was put."""
    one = record(3, order="o", attempts=2)
    fields = [b"n", b"e", b"u", b"r", msgspec.msgpack.encode(one.request), b"100", b"100", b"o", b"2"]
    assert record_of(b"1", fields) == one
    assert record_of(b"1", [*fields[:7], None, b"2"]) == record(3, attempts=2)


def test_an_effect_as_operators_see_it() -> None:
    """Texts, times and numbers; its key is what the file says of it."""
    last = msgspec.msgpack.encode({"status": 503})
    fields = [b"n", b"e", b"u", b"r", b"n\nkey", b"dead", b"100.5", b"101", b"102", b"2", b"7", last]
    row = row_of(4, b"1", b"103.5", fields)
    assert row == {
        "place": 4, "id": "1", "name": "n", "endpoint": "e", "upstream": "u", "request_id": "r", "key": "key",
        "state": "dead", "created": 100.5, "not_before": 101.0, "due": 103.5, "ended": 102.0, "attempts": 2, "size": 7,
        "last": {"status": 503},
    }  # fmt: skip
    row = row_of(4, b"1", None, [*fields[:4], None, *fields[5:8], None, *fields[9:11], None])
    assert (row["key"], row["due"], row["ended"], row["last"]) == (None, None, None, None)
