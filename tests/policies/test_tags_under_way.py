"""What a purge ends that is under way: by the tags that it will have, or may have."""

from __future__ import annotations

import pytest

from aggregator.policies.cache.purged.naming import NamingPlan
from aggregator.stores.level.log import PurgeLog
from aggregator.templates import compile_value

KNOWN = compile_value("user-{{ id }}")
BROKEN = compile_value("user-{{ id + 1 }}")


def log(*purged: str) -> PurgeLog:
    """Return a log of purges of one tag each; one with a `*` at its end is of all that begin so."""
    made = PurgeLog()
    for one in purged:
        if one.endswith("*"):
            made.add_prefix(one[:-1])
        else:
            made.add([one])
    return made


@pytest.mark.parametrize(
    ("plan", "purged", "since", "is_hit"),
    [
        (NamingPlan(fixed=("a",)), ["a"], 0, True),
        (NamingPlan(fixed=("a",)), ["a"], 1, False),
        (NamingPlan(fixed=("a",)), ["a", "b"], 1, False),
        (NamingPlan(fixed=("a",)), ["b", "a"], 1, True),
        (NamingPlan(known=(KNOWN,)), ["user-7"], 0, True),
        (NamingPlan(known=(KNOWN,)), ["user-8"], 0, False),
        (NamingPlan(known=(KNOWN,)), ["user-*"], 0, True),
        (NamingPlan(known=(BROKEN,)), ["other"], 0, True),
        (NamingPlan(known=(BROKEN,)), ["other"], 1, False),
        (NamingPlan(starts=("order-",)), ["order-1"], 0, True),
        (NamingPlan(starts=("order-",)), ["ord*"], 0, True),
        (NamingPlan(starts=("order-",)), ["order-1*"], 0, True),
        (NamingPlan(starts=("order-",)), ["user-1"], 0, False),
        (NamingPlan(starts=("order-",)), ["order-1", "user-1"], 1, False),
    ],
)
def test_what_a_purge_hits(plan: NamingPlan, purged: list[str], since: int, is_hit: bool) -> None:
    """Only what came since; where a tag cannot be told, it may be any."""
    assert plan.may_be_hit(log(*purged), since, {"id": "7"}) is is_hit


@pytest.mark.parametrize(("since", "is_hit"), [(0, True), (1, False)])
def test_a_purge_of_everything(since: int, is_hit: bool) -> None:
    """It hits what has no tag as well."""
    made = PurgeLog()
    made.add_all()
    assert (made.hit((), since), made.may_hit(("a",), since)) == (is_hit, is_hit)


def test_what_leaves_the_log_counts_as_purged() -> None:
    """By its number: whoever began before it, and nobody else."""
    made = PurgeLog()
    while made.count == 0 or made.size < 250_000:
        made.add([f"{made.count}" * 40])
    count = made.count
    assert not made.hit(("other",), 0)
    for _ in range(60):
        made.add([f"{made.count}" * 40])
    assert made.size <= 256 * 1024
    assert (made.hit(("other",), 0), made.hit(("other",), count)) == (True, False)
