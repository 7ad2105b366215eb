"""What a level forgets beyond its bounds, it does not give out."""

from __future__ import annotations

from aggregator.stores.level import memory
from aggregator.stores.level.contract import MOST_TAGS, tag_digest
from aggregator.stores.level.memory import Levels
from aggregator.stores.redis.store import RedisStore
from aggregator.stores.shared.address import store_address


def test_many_purges_end_what_began_before_the_first_of_them(valkey, now):
    """Of the oldest tags no more is known than that there were some; what began later is known still."""
    valkey.ask("FLUSHALL")
    store = RedisStore(store_address(valkey.url), "t:", 60.0, lambda _: None)
    now(store.connect())
    first = now(store.look(b"s", b"k")).number
    now(store.keep(b"s", b"k", b"v", [tag_digest("mine")], 100.0, first))
    for start in range(0, MOST_TAGS + 1, 2000):
        now(store.purge(b"s", [tag_digest(str(one)) for one in range(start, start + 2000)]))
    later = now(store.look(b"s", b"l")).number
    assert now(store.keep(b"s", b"l", b"w", [tag_digest("mine")], 100.0, later))
    assert now(store.look(b"s", b"k")).value is None
    assert now(store.look(b"s", b"l")).value == b"w"
    now(store.aclose())


def test_a_server_that_forgets_the_purges_gives_out_nothing_of_before(valkey, now):
    """As one does that has too little memory."""
    valkey.ask("FLUSHALL")
    store = RedisStore(store_address(valkey.url), "t:", 60.0, lambda _: None)
    now(store.connect())
    number = now(store.look(b"s", b"k")).number
    now(store.keep(b"s", b"k", b"v", [], 100.0, number))
    log = next(key for key in valkey.ask_all("KEYS", "t:k:*") if key.endswith(b":log"))
    valkey.ask("DEL", log)
    assert now(store.look(b"s", b"k")).value is None
    now(store.aclose())


def test_every_key_of_a_level_expires(valkey, now):
    """The log of purges, too."""
    valkey.ask("FLUSHALL")
    store = RedisStore(store_address(valkey.url), "t:", 60.0, lambda _: None)
    now(store.connect())
    number = now(store.look(b"s", b"k")).number
    now(store.keep(b"s", b"k", b"v", [], 100.0, number))
    now(store.purge(b"s", []))
    keys = valkey.ask_all("KEYS", "*")
    assert len(keys) == 2
    assert all(int(valkey.ask("PTTL", key)[1:]) > 0 for key in keys)
    now(store.aclose())


def test_spaces_are_bounded(clock, monkeypatch):
    """The one that was not asked for longest is forgotten with its values."""
    monkeypatch.setattr(memory, "_MOST_SPACES", 2)
    levels = Levels(clock, 100, 10_000)
    for space in (b"a", b"b", b"a", b"c"):
        levels.keep(space, b"k", b"v", [], 100.0, levels.look(space, b"k").number)
    assert [levels.look(space, b"k").value for space in (b"a", b"b")] == [b"v", None]
