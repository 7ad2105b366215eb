"""What processes keep for each other in a cluster: the tests of one server again, with the keys on three nodes.

Two processes of one file read and write caches, whole answers, last good values and elements of batches there.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from valkey import Valkey

from aggregator.stores.answers.table import Bounds, Held
from aggregator.stores.redis.answers.store import AnswersInRedis
from aggregator.stores.shared.address import store_address
from aggregator.stores.shared.plan import StorePlan
from tests.policies.levels.conftest import Process, started
from tests.policies.levels.test_batch_elements import (
    test_a_purge_of_one_element_leaves_the_others,
    test_an_element_that_is_purged_while_it_is_fetched_is_kept_by_nobody,
    test_only_elements_that_nobody_has_fetched_are_asked_for,
)
from tests.policies.levels.test_last_good_values import (
    test_a_value_of_one_process_stands_in_where_another_one_has_none,
)
from tests.policies.levels.test_one_flight import test_processes_that_lack_the_same_at_once_fetch_it_once
from tests.policies.levels.test_shared_replies import (
    test_a_purge_during_a_call_wins,
    test_a_purge_finds_what_calls_with_other_tags_have_fetched,
    test_a_purge_of_one_process_reaches_the_store,
    test_what_one_process_has_fetched_another_one_does_not_fetch,
)
from tests.policies.levels.test_shared_whole_answers import (
    test_a_purge_by_a_tag_that_a_reply_gave_reaches_the_store,
    test_an_answer_that_is_purged_while_it_is_made_is_kept_by_nobody,
    test_an_answer_that_one_process_has_made_another_one_does_not_make,
    test_background_calls_read_what_another_process_was_told,
)

__all__ = [
    "test_a_purge_by_a_tag_that_a_reply_gave_reaches_the_store",
    "test_a_purge_during_a_call_wins",
    "test_a_purge_finds_what_calls_with_other_tags_have_fetched",
    "test_a_purge_of_one_element_leaves_the_others",
    "test_a_purge_of_one_process_reaches_the_store",
    "test_a_value_of_one_process_stands_in_where_another_one_has_none",
    "test_an_answer_that_is_purged_while_it_is_made_is_kept_by_nobody",
    "test_an_answer_that_one_process_has_made_another_one_does_not_make",
    "test_an_element_that_is_purged_while_it_is_fetched_is_kept_by_nobody",
    "test_background_calls_read_what_another_process_was_told",
    "test_only_elements_that_nobody_has_fetched_are_asked_for",
    "test_processes_that_lack_the_same_at_once_fetch_it_once",
    "test_what_one_process_has_fetched_another_one_does_not_fetch",
]


@pytest.fixture
def place(cluster: tuple[str, list[Valkey]]) -> str:
    """Return the URL of a cluster that holds nothing."""
    url, nodes = cluster
    for node in nodes:
        node.ask("FLUSHALL")
    return url


@pytest.fixture
def processes(request: Any, tmp_path: Path, place: str) -> Iterator[list[Process]]:
    """Return two processes of the file that the module of the test has."""
    yield from started(sys.modules[request.function.__module__].KIND, tmp_path, place)


def test_spaces_lie_on_several_nodes(place: str, cluster: tuple[str, list[Valkey]], tmp_path: Path) -> None:
    """The spaces of a cache have a slot each, with all that is kept in them."""
    module = sys.modules[test_what_one_process_has_fetched_another_one_does_not_fetch.__module__]
    _, nodes = cluster
    for one, _other in started(module.KIND, tmp_path, place):
        for upstream in ("users", "items"):
            one.ask_for(f"/{upstream}/a")
    assert sum(int(node.ask("DBSIZE")[1:]) > 0 for node in nodes) >= 2


def test_answers_by_key_in_a_cluster(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """They are claimed, kept and forgotten on whichever node they lie, and a node that may lose them is told of once."""
    caplog.set_level(logging.WARNING)

    async def main() -> None:
        one, other = (AnswersInRedis(StorePlan(store_address(place), timeout=10.0, prefix="t:")) for _ in range(2))
        for number in range(12):
            key = b"%d" % number
            token = await one.claim(key, b"r", 30, b"s")
            assert isinstance(token, int)
            await one.keep(key, token, b"value", 60, Bounds(100, 1_000_000), b"s")
            held = await other.claim(key, b"r", 30, b"s")
            assert isinstance(held, Held)
            assert held.value == b"value"
        assert await other.forget(b"s") == 12
        await one.aclose()
        await other.aclose()

    asyncio.run(main())
    assert [record.message for record in caplog.records] == [
        "Answers by idempotency key are lost when the shared store stops: it keeps no append-only file."
    ] * 2
