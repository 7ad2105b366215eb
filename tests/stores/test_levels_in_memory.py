"""The level that one process keeps for others: who holds a lease, what was purged since, and what both forget."""

from __future__ import annotations

import pytest

from aggregator.stores.level.contract import LARGEST, LONGEST, Lease, Looked
from aggregator.stores.level.holders import Holders
from aggregator.stores.level.log import PurgeLog
from aggregator.stores.level.memory import Levels


class Clock:
    """A time that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def test_what_is_looked_at_in_whole() -> None:
    """The number of the last purge, the value and its age, and who holds the lease."""
    clock = Clock()
    levels = Levels(clock, 10, 10_000)
    assert levels.look(b"s", b"k") == Looked(0)
    levels.purge(b"s", [b"t", b"u"])
    assert levels.keep(b"s", b"k", b"v", [b"t"], 60.0, 1)
    clock.now += 5
    assert levels.look(b"s", b"k", Lease(b"me", 9.0)) == Looked(1, b"v", 5.0, b"")
    assert levels.look(b"s", b"l", Lease(b"me", 9.0)) == Looked(1, None, 0.0, b"me")
    assert levels.look(b"s", b"l", Lease(b"you", 9.0)) == Looked(1, None, 0.0, b"me")
    assert levels.look(b"t", b"k") == Looked(0)
    clock.now -= 9
    assert levels.look(b"s", b"k") == Looked(1, b"v", 0.0)


@pytest.mark.parametrize(("number", "is_kept"), [(1, False), (2, True), (3, False)])
def test_a_value_is_of_the_number_at_which_it_began(number: int, is_kept: bool) -> None:
    """One from before a purge of its tag, and one of a purge that never was, are not kept."""
    levels = Levels(Clock(), 10, 10_000)
    levels.purge(b"s", [b"x"])
    levels.purge(b"s", [b"t"])
    assert levels.keep(b"s", b"k", b"v", [b"t"], 60.0, number) is is_kept
    assert levels.look(b"s", b"k").value == (b"v" if is_kept else None)


def test_of_two_values_the_one_that_began_later_stays() -> None:
    """Of two that began at once the last."""
    levels = Levels(Clock(), 10, 10_000)
    levels.purge(b"s", [b"x"])
    kept = [levels.keep(b"s", b"k", value, [], 60.0, number) for value, number in ((b"a", 1), (b"b", 0), (b"c", 1))]
    assert (kept, levels.look(b"s", b"k").value) == ([True, False, True], b"c")


def test_a_lifetime_has_an_end() -> None:
    """A week at most; of no seconds it forgets what there is."""
    clock = Clock()
    levels = Levels(clock, 10, 10_000)
    levels.keep(b"s", b"k", b"v", [], LONGEST * 2, 0)
    clock.now += LONGEST - 1
    assert levels.look(b"s", b"k") == Looked(0, b"v", LONGEST - 1)
    clock.now += 1
    assert levels.look(b"s", b"k") == Looked(0)
    levels.keep(b"s", b"k", b"v", [], 1.0, 0)
    assert levels.keep(b"s", b"k", b"v", [], 0.0, 0) is False
    assert levels.look(b"s", b"k") == Looked(0)


def test_the_largest_value_of_a_level() -> None:
    """128 KiB; a larger one is not kept, and ends its lease all the same."""
    levels = Levels(Clock(), 10, 10**7)
    assert levels.keep(b"s", b"k", b"x" * LARGEST, [], 60.0, 0)
    levels.look(b"s", b"l", Lease(b"me", 9.0))
    assert not levels.keep(b"s", b"l", b"x" * (LARGEST + 1), [], 60.0, 0, b"me")
    assert levels.look(b"s", b"l", Lease(b"you", 9.0)).holder == b"you"


def test_spaces_of_which_one_begins_as_the_other() -> None:
    """No key of the one is a key of the other."""
    levels = Levels(Clock(), 10, 10_000)
    levels.keep(b"s", b"1k", b"v", [], 60.0, 0)
    assert levels.look(b"s1", b"k").value is None
    levels.purge(b"s1", [])
    assert levels.look(b"s", b"1k").value == b"v"
    levels.purge(b"s", [])
    assert levels.look(b"s", b"1k") == Looked(1)


ME, YOU = Lease(b"me", 9.0), Lease(b"you", 9.0)


def test_a_lease_is_over_at_its_end() -> None:
    """Whoever asks then has it."""
    clock = Clock()
    holders = Holders(clock, 10)
    assert [holders.ask(b"k", one, is_lacked=True) for one in (ME, YOU)] == [b"me", b"me"]
    clock.now += 8.9
    assert holders.ask(b"k", YOU, is_lacked=True) == b"me"
    clock.now += 0.1
    assert holders.ask(b"k", YOU, is_lacked=True) == b"you"


@pytest.mark.parametrize(
    ("lease", "is_lacked", "holder"),
    [
        (Lease(b"me", 9.0), True, b"me"),
        (Lease(b"me", 9.0), False, b""),
        (Lease(b"me", 9.0, anyway=True), False, b"me"),
        (Lease(b"me", 0.0, anyway=True), True, b""),
    ],
)
def test_who_gets_a_lease(lease: Lease, is_lacked: bool, holder: bytes) -> None:
    """Who asks for one that has a life, of what is not there or is wanted anyway."""
    assert Holders(Clock(), 10).ask(b"k", lease, is_lacked=is_lacked) == holder


def test_who_holds_a_lease_ends_it() -> None:
    """Nobody else does, and none that is none; for the time of a pause nobody gets it."""
    clock = Clock()
    holders = Holders(clock, 10)
    holders.ask(b"k", ME, is_lacked=True)
    for token in (b"you", b""):
        holders.end(b"k", token)
    assert holders.ask(b"k", YOU, is_lacked=True) == b"me"
    holders.end(b"k", b"me", 2.0)
    assert holders.ask(b"k", YOU, is_lacked=True) == b""
    holders.end(b"k", b"")
    assert holders.ask(b"k", YOU, is_lacked=True) == b""
    clock.now += 2
    assert holders.ask(b"k", YOU, is_lacked=True) == b"you"
    holders.end(b"k", b"you")
    assert holders.ask(b"k", ME, is_lacked=True) == b"me"


def test_leases_are_bounded() -> None:
    """Those that are over make room first, then the oldest; one that is asked for anew needs none."""
    clock = Clock()
    holders = Holders(clock, 2)
    holders.ask(b"long", Lease(b"a", 60.0), is_lacked=True)
    holders.ask(b"short", Lease(b"b", 1.0), is_lacked=True)
    clock.now += 1
    holders.ask(b"short", Lease(b"c", 60.0), is_lacked=True)
    assert holders.ask(b"long", Lease(b"x", 0.0), is_lacked=True) == b"a"
    holders.end(b"short", b"c", 1.0)
    clock.now += 1
    holders.ask(b"new", Lease(b"d", 60.0), is_lacked=True)
    assert holders.ask(b"long", Lease(b"x", 0.0), is_lacked=True) == b"a"
    holders.ask(b"newer", Lease(b"e", 60.0), is_lacked=True)
    asked = [holders.ask(key, Lease(b"x", 0.0), is_lacked=True) for key in (b"long", b"short", b"new", b"newer")]
    assert asked == [b"", b"", b"d", b"e"]


def test_what_was_purged_since_a_number() -> None:
    """By tag, by the beginning of one, or all of it; what was purged at that number counts no more."""
    log = PurgeLog()
    log.add(["a", "b"])
    log.add_prefix("p/")
    log.add(["a"])
    assert log.count == 3
    hits = {tag: [log.hit([tag], since) for since in range(4)] for tag in ("a", "b", "p/x", "p", "c")}
    assert hits == {
        "a": [True, True, True, False], "b": [True, False, False, False], "p/x": [True, True, False, False],
        "p": [False] * 4, "c": [False] * 4,
    }  # fmt: skip
    log.add_all()
    assert [log.hit(["c"], since) for since in range(5)] == [True, True, True, True, False]
    assert (log.size, log.hit([], 3), log.hit([], 4)) == (0, True, False)


@pytest.mark.parametrize(
    ("starts", "hits"),
    [
        (("ta",), [True, True, False]),
        (("tag 1",), [True, False, False]),
        (("tag 12",), [False, False, False]),
        (("https://up.test/",), [True, True, False]),
        (("https://up.test/b/c",), [True, True, False]),
        (("https://up.test/c",), [False, False, False]),
        (("x", "ta"), [True, True, False]),
        (("",), [True, True, False]),
        ((), [False, False, False]),
    ],
)
def test_what_may_have_been_purged(starts: tuple[str, ...], hits: list[bool]) -> None:
    """Of what no more is known than how its tags begin: as long as the one may begin as the other."""
    log = PurgeLog()
    log.add(["tag 1"])
    log.add(["ta"])
    log.add_prefix("https://up.test/b")
    found = [log.may_hit(starts, since) for since in (0, 1, 3)]
    assert found == hits
    log.add_all()
    assert [log.may_hit(starts, since) for since in (3, 4)] == [bool(starts), False]


def test_the_log_of_purges_forgets_the_first() -> None:
    """Beyond 256 KiB, of which an entry takes 200 bytes beside its text; what began before it counts as purged."""
    log = PurgeLog()
    text = "x" * (2**17 - 200)
    log.add([text])
    log.add_prefix(text)
    assert (log.size, log.hit(["a"], 0)) == (2**18, False)
    log.add([text])
    assert (log.size, log.hit(["a"], 0)) == (2**18, False)
    log.add(["b"])
    assert (log.size, [log.hit(["a"], since) for since in range(4)]) == (2**17 + 201, [True, True, False, False])
    assert (log.hit([text], 2), log.hit([text], 3)) == (True, False)
