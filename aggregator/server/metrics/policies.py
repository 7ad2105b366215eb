"""What policies of upstreams and endpoints know, read at the time of a scrape; nothing where none is declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.policies.breaker.table import BREAKERS
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.purging import ANSWERS, FLIGHTS, REPLIES
from aggregator.policies.concurrency.places import PLACES, Places
from aggregator.policies.hosts.table import HOSTS, HostTable
from aggregator.policies.registry import Registry
from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import Sample, labels_text
from aggregator.telemetry.metrics.families import Family

_OF_ANSWERS = labels_text(("upstream", ""))


def sample_policies(states: Registry, labels: Mapping[str, str]) -> Iterator[tuple[Family, list[Sample]]]:
    """Yield what the policies in *states* know; *labels* are the labels of upstreams by their names."""
    breakers = _named(states.each(BREAKERS.name), labels)
    now = asyncio.get_running_loop().time()
    yield families.BREAKERS, [(at, int(found.is_open(now))) for at, found in breakers.items()]
    tables: dict[str, HostTable] = _named(states.each(HOSTS.name), labels)
    yield families.HOSTS, [sample for at, found in tables.items() for sample in _hosts(at, found)]
    yield families.EJECTIONS, [(at, found.ejections) for at, found in tables.items()]
    places: dict[str, Places] = _named(states.each(PLACES.name), labels)
    yield families.PLACES, [(at, found.limit) for at, found in places.items()]
    yield families.PLACES_TAKEN, [(at, found.inside) for at, found in places.items()]
    yield families.PLACES_WAITING, [(at, found.waiting) for at, found in places.items()]
    kept = _named(states.each(REPLIES), labels)
    kept.update((_OF_ANSWERS, found) for found in states.each(ANSWERS).values())
    yield families.LOOKUPS, [sample for at, found in kept.items() for sample in _lookups(at, found)]
    yield families.KEPT_BYTES, [(at, found.size) for at, found in kept.items()]
    flights = _named(states.each(FLIGHTS), labels)
    yield families.SAVED, [(at, found.saved) for at, found in flights.items()]


def _named(states: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    return {labels_text(("upstream", labels[name])): state for name, state in states.items() if name in labels}


def _hosts(at: str, table: HostTable) -> Iterator[Sample]:
    for state, count in table.counts(asyncio.get_running_loop().time()).items():
        yield f'{at},state="{state}"', count


def _lookups(at: str, kept: Kept[Any]) -> Iterator[Sample]:
    for result, count in (
        ("hit", kept.hits),
        ("shared", kept.fetched_elsewhere),
        ("stale", kept.olds),
        ("miss", kept.misses),
    ):
        yield f'{at},result="{result}"', count
