"""What a client gets of a kept answer that it asks for on a condition, or in part, and which failures are kept."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.s3fifo import S3Fifo
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.conditions import apply_conditions

TYPE, TAG, SIZE = (b"content-type", b"text/plain"), (b"etag", b'"a"'), (b"content-length", b"10")
BODY = b"0123456789"
WHOLE = (200, [TYPE, TAG, SIZE], BODY)
NOTHING_NEW = (304, [TAG], b"")
NOT_THERE = (416, [TAG, SIZE, (b"content-range", b"bytes */10")], b"")


def asked(method: str = "GET", status: int = 200, headers: Any = (TYPE, TAG, SIZE), **sent: str) -> tuple[Any, ...]:
    """Return what of the whole answer goes to a client that has *sent* these fields."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    answer = Answer(status, list(headers), BODY)
    apply_conditions(answer, Exchange(method, "/", b"", fields))
    return answer.status, answer.headers, answer.body


def part(first: int, last: int) -> tuple[Any, ...]:
    """Return the answer that has the bytes from *first* to *last*."""
    return 206, [TYPE, TAG, SIZE, (b"content-range", b"bytes %d-%d/10" % (first, last))], BODY[first : last + 1]


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("bytes=0-0", part(0, 0)), ("bytes=2-4", part(2, 4)), ("bytes=9-9", part(9, 9)), ("bytes=9-", part(9, 9)),
        ("bytes=0-", part(0, 9)), ("bytes=0-9", part(0, 9)), ("bytes=5-99", part(5, 9)), ("bytes=-1", part(9, 9)),
        ("bytes=-10", part(0, 9)), ("bytes=-99", part(0, 9)), (" bytes=3-3 ", part(3, 3)), ("bytes=10-", NOT_THERE),
        ("bytes=10-12", NOT_THERE), ("bytes=-0", NOT_THERE), ("bytes=4-3", WHOLE), ("bytes=-", WHOLE), ("bytes=0-1,3-4", WHOLE),
        ("lines=0-1", WHOLE), ("bytes=a-b", WHOLE), ("bytes=0-1x", WHOLE), ("", WHOLE),
    ],
)  # fmt: skip
def test_one_range_is_cut_out(sent: str, found: tuple[Any, ...]) -> None:
    """Several, and what is none, are ignored; one behind the end says how long the whole is."""
    assert asked(range=sent) == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"if_range": '"a"'}, part(0, 0)), ({"if_range": '"b"'}, WHOLE), ({"if_range": 'W/"a"'}, WHOLE), ({}, part(0, 0)),
        ({"if_none_match": '"a"'}, NOTHING_NEW), ({"if_none_match": '"b"'}, part(0, 0)), ({"if_none_match": "*"}, NOTHING_NEW),
    ],
)  # fmt: skip
def test_a_range_is_of_the_body_that_the_client_knows(fields: dict[str, str], found: tuple[Any, ...]) -> None:
    """By its tag; who has all of it gets nothing."""
    assert asked(range="bytes=0-0", **fields) == found


def test_a_weak_tag_names_no_bytes() -> None:
    """Nor does an answer without a tag have what a client names."""
    weak = (b"etag", b'W/"a"')
    assert asked(headers=[weak], range="bytes=0-0", if_range='W/"a"') == (200, [weak], BODY)
    assert asked(headers=[TYPE], range="bytes=0-0", if_range='"a"') == (200, [TYPE], BODY)
    assert asked(headers=[TYPE], if_none_match='"a"') == (200, [TYPE], BODY)
    assert asked(headers=[TYPE], if_none_match="*") == (200, [TYPE], BODY)


@pytest.mark.parametrize(
    ("method", "status", "sent", "found"),
    [
        ("HEAD", 200, {"range": "bytes=0-0"}, WHOLE), ("HEAD", 200, {"if_none_match": '"a"'}, NOTHING_NEW),
        ("POST", 200, {"if_none_match": '"a"'}, WHOLE), ("GET", 404, {"if_none_match": '"a"'}, (404, *WHOLE[1:])),
        ("GET", 404, {"range": "bytes=0-0"}, (404, *WHOLE[1:])), ("GET", 200, {"accept": "x"}, WHOLE),
        ("GET", 200, {"if_match": '"b"'}, WHOLE),
    ],
)  # fmt: skip
def test_conditions_are_those_of_fetching_a_good_answer(
    method: str, status: int, sent: dict[str, str], found: tuple[Any, ...]
) -> None:
    """And a range is one of a body, which HEAD has none of."""
    assert asked(method, status, **sent) == found


def fifo(most: int, *puts: tuple[str, int]) -> tuple[S3Fifo[str], list[str]]:
    """Return a cache of *most* bytes with these entries, and what it forgets."""
    gone: list[str] = []
    cache: S3Fifo[str] = S3Fifo(most, lambda _, entry: gone.append(entry))
    for name, size in puts:
        cache.put(name.encode(), name, size)
    return cache, gone


def test_what_nobody_asks_for_leaves_first() -> None:
    """In the order in which it came; what was asked for while it was new stays."""
    cache, gone = fifo(30, ("a", 10), ("b", 10), ("c", 10))
    assert cache.get(b"a") == "a"
    assert cache.put(b"d", "d", 10)
    assert (gone, cache.size, len(cache)) == (["b"], 30, 3)
    assert cache.put(b"e", "e", 10)
    assert gone == ["b", "c"]
    assert [cache.peek(key) for key in (b"a", b"b", b"c", b"d", b"e")] == ["a", None, None, "d", "e"]


def test_to_look_without_asking_keeps_nothing() -> None:
    """`peek` is as if nobody had asked."""
    cache, gone = fifo(30, ("a", 10), ("b", 10), ("c", 10))
    assert (cache.peek(b"a"), cache.peek(b"x"), cache.get(b"x")) == ("a", None, None)
    cache.put(b"d", "d", 10)
    assert gone == ["a"]


def test_who_comes_back_soon_has_its_place_among_the_lasting() -> None:
    """It is remembered that it was there; then those leave that are new."""
    cache, gone = fifo(30, ("a", 10), ("b", 10), ("c", 10), ("d", 10))
    assert gone == ["a"]
    cache.put(b"a", "a again", 10)
    assert gone == ["a", "b"]
    for name in "efg":
        cache.put(name.encode(), name, 10)
    assert (gone, cache.peek(b"a")) == (["a", "b", "c", "d", "e"], "a again")


@pytest.mark.parametrize(("size", "kept"), [(30, True), (31, False)])
def test_what_is_larger_than_all_is_not_kept(size: int, kept: bool) -> None:
    """One that takes the place of another is gone with it."""
    cache, gone = fifo(30, ("a", 10))
    assert (cache.put(b"a", "b", size), cache.peek(b"a")) == (kept, "b" if kept else None)
    assert (gone, cache.size) == (["a"], size if kept else 0)


def test_what_is_deleted_makes_room() -> None:
    """Once; its bytes are those of what it was."""
    cache, gone = fifo(30, ("a", 10), ("b", 15))
    assert [cache.delete(b"a"), cache.delete(b"a"), cache.delete(b"x")] == [True, False, False]
    assert (cache.size, len(cache), list(cache), gone) == (15, 1, [b"b"], ["a"])
    assert [cache.grow(b"b", "b", 15), cache.grow(b"b", "b", 1), cache.grow(b"b", "other", 1), cache.grow(b"a", "a", 1)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert (cache.size, cache.peek(b"b")) == (30, "b")


def test_entries_of_a_cache_that_becomes_smaller_leave() -> None:
    """Until the others fit; a clock of the cache never goes back."""
    moment = [100.0]
    kept: Kept[str] = Kept(10_000, lambda: moment[0])
    assert [kept.put(name, "x", 400, (), 0) for name in (b"a", b"b", b"c")] == [True] * 3
    assert (kept.size, len(kept)) == (3000, 3)
    kept.resize(2000)
    assert (kept.size, kept.peek(b"a"), kept.peek(b"c") is None) == (2000, None, False)
    moment[0] = 50.0
    assert [kept.now(), kept.now()] == [100.0, 100.0]
    moment[0] = 51.5
    assert kept.now() == 101.5
    assert kept.put(b"d", "y", 400, (), 0, age=10.0)
    entry = kept.get(b"d")
    assert entry is not None
    assert (entry.at, entry.began, entry.terms, entry.tags) == (91.5, -1, None, frozenset())
