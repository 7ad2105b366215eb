"""What is kept stays within its bytes, keeps what is asked for, and is gone when it is purged."""

from __future__ import annotations

import random
import tracemalloc
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aggregator.policies.cache.kept import Kept, count_read, put_reply, room_of
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.s3fifo import S3Fifo
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.transport import Reply
from aggregator.transport.replies import ReadBody

STEPS = some.lists(some.tuples(some.sampled_from("gpd"), some.integers(0, 30), some.integers(1, 60)), max_size=300)


@pytest.mark.long
@given(STEPS)
def test_bytes_stay_within_the_bound(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is put, asked for and deleted, in random sizes; what is forgotten is told, once."""
    sizes: dict[bytes, int] = {}
    table: S3Fifo[int] = S3Fifo(100, lambda key, _: sizes.pop(key) and None)
    for what, number, size in steps:
        key = b"%d" % number
        if what == "g":
            assert (table.get(key) is not None) == (key in sizes)
        elif what == "d":
            was_there = key in sizes
            assert table.delete(key) is was_there
        else:
            table.delete(key)
            sizes[key] = size
            table.put(key, number, size)
        assert table.size == sum(sizes.values()) <= 100
        assert set(table) == set(sizes)


def test_it_keeps_what_is_asked_for() -> None:
    """On a trace by Zipf's law, with many keys that come once, more is found than by forgetting the longest unused."""
    numbers = random.Random(7)
    weights = [1 / rank for rank in range(1, 5001)]
    trace = numbers.choices(range(5000), weights, k=40_000)
    table: S3Fifo[int] = S3Fifo(500, lambda *_: None)
    used: OrderedDict[int, None] = OrderedDict()
    hits = by_use = 0
    for number in trace:
        key = b"%d" % number
        if table.get(key) is None:
            table.put(key, number, 1)
        else:
            hits += 1
        if number in used:
            by_use += 1
            used.move_to_end(number)
        else:
            used[number] = None
            if len(used) > 500:
                used.popitem(last=False)
    assert hits / len(trace) > by_use / len(trace) + 0.03


def test_an_entry_that_is_too_large_is_not_kept() -> None:
    """One that would need all the room there is, and more, pushes nothing out."""
    kept: Kept[bytes] = Kept(10_000, lambda: 0.0)
    kept.put(b"a", b"1", 100, (), kept.begin())
    kept.put(b"b", b"2", 20_000, (), kept.begin())
    assert (kept.get(b"b"), len(kept)) == (None, 1)


def test_tags_leave_with_their_entries() -> None:
    """A purge counts what it forgot; nothing is left of a tag whose entries are gone."""
    kept: Kept[bytes] = Kept(10_000, lambda: 0.0)
    for number in range(100):
        kept.put(b"%d" % number, b"x", 100, ("all", f"tag {number}"), kept.begin())
    assert kept.size <= 10_000
    there = len(kept)
    assert there > 5
    assert kept.purge(["all"]) == there
    assert (len(kept), kept.size, [*kept.tags]) == (0, 0, [])


@pytest.mark.long
def test_tags_count_with_what_finds_by_them() -> None:
    """An entry with a thousand tags of its own takes its places in the index, too; no more is used than there is."""
    most = 2 * 2**20
    tracemalloc.start()
    kept: Kept[bytes] = Kept(most, lambda: 0.0)
    for number in range(30):
        kept.put(b"%d" % number, b"x", 1, [f"{number}:{tag}" for tag in range(500)], kept.begin())
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 5 < len(kept) < 30
    assert most / 2 < used < most


def test_who_shares_an_entry_adds_tags_within_bounds() -> None:
    """What they take counts; an entry that would have too many, or was purged by one of them before, is forgotten."""
    kept: Kept[bytes] = Kept(2**20, lambda: 0.0)
    kept.put(b"a", b"x", 1, ["a"], kept.begin())
    entry, before = kept.get(b"a"), kept.size
    assert entry is not None
    for number in range(999):
        assert kept.shared(b"a", entry, ["a", f"tag {number}"]) is entry
    assert kept.size > before + 999 * 300
    assert kept.shared(b"a", entry, ["tag 998"]) is entry
    assert kept.shared(b"a", entry, ["one more"]) is None
    kept.put(b"a", b"x", 1, ["a"], kept.begin())
    kept.purge(["b"])
    entry = kept.get(b"a")
    assert entry is not None
    assert kept.shared(b"a", entry, ["b"]) is None
    assert (len(kept), kept.size, [*kept.tags]) == (0, 0, [])


def test_a_purge_is_of_what_has_its_tags_while_it_is_fetched_too() -> None:
    """Writes that go on and on keep nothing else from being kept."""
    kept: Kept[bytes] = Kept(100_000, lambda: 0.0)
    began = kept.begin()
    kept.purge(["a"])
    kept.purge_prefix("https://up.test/b")
    tags = {b"1": "a", b"2": "https://up.test/b/2", b"3": "c"}
    for key, tag in tags.items():
        kept.put(key, b"x", 1, (tag,), began)
    assert [key for key in tags if kept.get(key)] == [b"3"]
    kept.purge_all()
    kept.put(b"3", b"x", 1, ("c",), began)
    assert kept.get(b"3") is None
    began = kept.begin()
    for number in range(1000):
        kept.purge([f"a {number}"])
    kept.put(b"3", b"x", 1, ("c",), began)
    kept.put(b"4", b"x", 1, ("a 7",), began)
    assert (kept.get(b"3") is None, kept.get(b"4")) == (False, None)


def test_a_storm_of_purges_takes_no_more_than_its_room() -> None:
    """The log of purges is bounded by bytes; what began before those that left it counts as purged."""
    kept: Kept[bytes] = Kept(100_000, lambda: 0.0)
    began = kept.begin()
    for number in range(5000):
        kept.purge([f"{number} {'x' * (number % 500)}"])
        kept.purge_prefix(str(number))
    late = kept.begin()
    kept.purge(["a"])
    assert kept.purges.size <= 256 * 2**10
    kept.put(b"1", b"x", 1, ("c",), began)
    kept.put(b"2", b"x", 1, ("c",), late)
    assert (kept.get(b"1"), kept.get(b"2") is None) == (None, False)


def test_a_clock_that_jumps_back_keeps_nothing_longer() -> None:
    """Time goes on where it was."""
    now = [1000.0]
    kept: Kept[bytes] = Kept(10_000, lambda: now[0])
    kept.put(b"a", b"1", 1, (), kept.begin())
    now[0] = 10.0
    entry = kept.get(b"a")
    assert entry is not None
    assert kept.now() - entry.at == 0
    now[0] = 15.0
    assert kept.now() - entry.at == 5


@given(some.lists(some.binary(max_size=6), max_size=5), some.lists(some.binary(max_size=6), max_size=5))
def test_different_pieces_have_different_keys(one: list[bytes], other: list[bytes]) -> None:
    """Cut or ordered otherwise, pieces are another key."""
    assert (key_of(one) == key_of(other)) == (one == other)


@pytest.mark.long
def test_a_hundred_thousand_callers_take_less_than_twenty_megabytes() -> None:
    """Names and numbers included; it shows in a quarter of them."""
    limiter = Limiter(Rate(10, 1.0, 20), lambda: 0.0, 50_000)
    tracemalloc.start()
    for number in range(25_000):
        limiter.take(f"8:partners28:https://id.example.com'user-{number}'")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(limiter) == 25_000
    assert used < 20 * 2**20 / 4


def test_an_entry_may_grow_within_the_bytes() -> None:
    """What grows counts with what it has become; others leave for it, and what has left or is too large does not grow."""
    forgotten: list[bytes] = []
    queue: S3Fifo[object] = S3Fifo(100, lambda key, _: forgotten.append(key))
    entries = [object(), object()]
    for key, entry in zip((b"a", b"b"), entries, strict=True):
        queue.put(key, entry, 40)
    queue.get(b"b")
    assert queue.grow(b"b", entries[1], 30)
    assert (queue.size, forgotten) == (70, [b"a"])
    assert not queue.grow(b"a", entries[0], 1)
    assert not queue.grow(b"b", object(), 1)
    assert not queue.grow(b"b", entries[1], 31)
    assert queue.size == 70


def test_what_a_reply_was_read_to_counts_with_it() -> None:
    """Also when somebody reads it after it is kept, and then once; it is not kept beside it where there is no room."""
    kept: Kept[Reply] = Kept(5_000, lambda: 0.0)
    kept.put(b"k", reply := Reply(200, [], b"<a/>"), room_of(reply), (), kept.begin())
    before, entry = kept.size, kept.get(b"k")
    assert entry is not None
    reply.read = ReadBody("xml", b"1" * 1_000)
    for _ in range(2):
        count_read(kept, b"k", entry)
        assert kept.size == before + 1_000
    put_reply(kept, b"k", reply, (), kept.begin())
    assert kept.size == before + 1_000
    reply.read = ReadBody("xml", b"1" * 10_000)
    count_read(kept, b"k", kept.get(b"k") or entry)
    assert (kept.size, reply.read) == (before + 1_000, None)
    reply.read = ReadBody("xml", b"1" * 10_000)
    put_reply(kept, b"k", reply, (), kept.begin())
    assert (kept.size, reply.read, len(kept)) == (before, None, 1)


@pytest.mark.parametrize(("size", "is_kept"), [(0, True), (9, True), (10, True), (11, False)])
def test_an_entry_may_be_as_large_as_the_whole(size: int, is_kept: bool) -> None:
    """One that is larger is not kept, and what was there of its key has gone."""
    cache: S3Fifo[str] = S3Fifo(10, lambda *_: None)
    cache.put(b"k", "old", 3)
    assert cache.put(b"k", "new", size) is is_kept
    assert cache.peek(b"k") == ("new" if is_kept else None)
    assert cache.size == (size if is_kept else 0)


@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (6, True), (7, True), (8, False)])
def test_an_entry_may_grow_to_the_whole(more: int, is_kept: bool) -> None:
    """Beyond that it is as it was, and whoever asked is told; so is who means an entry that has been replaced."""
    cache: S3Fifo[str] = S3Fifo(10, lambda *_: None)
    cache.put(b"k", "one", 3)
    assert cache.grow(b"k", "one", more) is is_kept
    assert cache.size == (3 + more if is_kept else 3)
    assert not cache.grow(b"k", "another", 1)
    assert not cache.grow(b"nobody", "one", 1)
