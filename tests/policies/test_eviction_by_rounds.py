"""What leaves a cache when it is full, one by one: the new that nobody asked for, then what was asked for least."""

from __future__ import annotations

import pytest

from aggregator.policies.cache.s3fifo import S3Fifo


class Table:
    """A table of so many bytes, and what has left it, in order."""

    def __init__(self, most: int) -> None:
        self.left: list[str] = []
        self.kept: S3Fifo[str] = S3Fifo(most, lambda key, _: self.left.append(key.decode()))

    def put(self, *keys: str, size: int = 1) -> None:
        """Put *keys*, each of that *size*."""
        for key in keys:
            self.kept.put(key.encode(), key, size)

    def ask(self, key: str, times: int = 1) -> None:
        """Ask for *key*."""
        for _ in range(times):
            self.kept.get(key.encode())

    @property
    def there(self) -> str:
        """What is kept."""
        return "".join(sorted(key.decode() for key in self.kept))


def test_what_nobody_asked_for_leaves_first() -> None:
    """In the order in which it came; looking at it is no asking."""
    table = Table(4)
    table.put(*"abcd")
    table.ask("b")
    table.kept.peek(b"a")
    table.put("e")
    assert (table.left, table.there, table.kept.size, len(table.kept)) == (["a"], "bcde", 4, 4)
    table.put("f")
    assert (table.left, table.there) == (["a", "c"], "bdef")
    assert [table.kept.peek(key) for key in (b"f", b"x")] == ["f", None]
    assert [table.kept.get(key) for key in (b"f", b"x")] == ["f", None]


def test_what_comes_back_soon_stays() -> None:
    """Its key is remembered as long as there are no more keys than entries, and one."""
    table = Table(2)
    table.put(*"abc")
    table.put("a")
    assert (table.left, table.there) == (["a", "b"], "ac")
    table.put("d")
    table.put("e")
    assert (table.left, table.there) == (["a", "b", "c", "d"], "ae")


def test_what_was_asked_for_goes_round_as_often() -> None:
    """Three times at most; each round costs it one."""
    table = Table(3)
    table.put(*"abc")
    for key, times in (("a", 9), ("b", 9), ("c", 9)):
        table.ask(key, times)
    table.put("d")  # all move on to the main queue, and begin anew
    assert (table.left, table.there) == (["d"], "abc")
    table.ask("a", 9)
    table.ask("b", 2)
    left = list[str]()
    for key in "dcdcdbcd":
        table.left.clear()
        while key not in table.there:  # once its key is remembered it takes the place of another
            table.put(key)
        left += [other for other in table.left if other != key]
    assert "".join(left) == "cdcdbcda"


def test_the_largest_entry_has_all_the_room() -> None:
    """One byte more is not kept, and what had its key before is gone."""
    table = Table(10)
    table.put("a")
    assert table.kept.put(b"b", "b", 10)
    assert (table.left, table.there, table.kept.size) == (["a"], "b", 10)
    assert table.kept.put(b"b", "b", 11) is False
    assert (table.left, table.there, table.kept.size) == (["a", "b"], "", 0)


def test_an_entry_that_grows_makes_room() -> None:
    """Others leave for it; what is another entry by now, is gone, or would be larger than all, does not grow."""
    table = Table(10)
    table.kept.put(b"a", (first := "a"), 4)
    table.kept.put(b"b", "b", 4)
    assert table.kept.grow(b"b", "b", 2)
    assert (table.there, table.kept.size) == ("ab", 10)
    assert table.kept.grow(b"b", "b", 1)
    assert (table.left, table.there, table.kept.size) == (["a"], "b", 7)
    assert table.kept.grow(b"b", "b", 3)
    grown = [table.kept.grow(b"b", "b", 1), table.kept.grow(b"a", first, 1), table.kept.grow(b"b", "another", 0)]
    assert grown == [False, False, False]
    assert (table.there, table.kept.size) == ("b", 10)


def test_what_is_deleted_is_told_once() -> None:
    """And frees its room."""
    table = Table(10)
    table.put("a", size=6)
    assert (table.kept.delete(b"a"), table.kept.delete(b"a")) == (True, False)
    assert (table.left, table.kept.size, table.there) == (["a"], 0, "")


@pytest.mark.parametrize(("key", "there"), [("a", "gh"), ("b", "bh"), ("c", "ch"), ("d", "dh")])
def test_so_many_keys_are_remembered(key: str, there: str) -> None:
    """One more than there are entries, and those that left last: what comes back with another stays."""
    table = Table(2)
    table.put(*"abcdef")
    assert table.left == [*"abcd"]
    table.put(key, *"gh")
    assert table.there == there


@pytest.mark.parametrize(
    ("new", "grows", "left", "is_kept"),
    [(9, "old", "old", False), (10, "old", "new", True), (9, "new", "new", False), (8, "new", "old", True)],
)
def test_the_new_have_a_tenth_of_the_room(new: int, grows: str, left: str, is_kept: bool) -> None:
    """Where they have that, one of them leaves; else one of the others, though it is the one that grows."""
    table = Table(100)
    table.put("old", size=95)
    table.put("x", size=6)
    table.kept.delete(b"x")
    table.put("old", size=100 - new)  # it came back, and is none of the new any more
    table.put("new", size=new)
    table.left.clear()
    entry = table.kept.peek(grows.encode())
    assert entry is not None
    assert table.kept.grow(grows.encode(), entry, 1) is is_kept
    assert table.left == [left]
