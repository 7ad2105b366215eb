"""What policies of upstreams and endpoints know, read at the time of a scrape; nothing where none is declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aggregator.policies.breaker.table import BREAKERS, Breakers
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.purging import ANSWERS, FLIGHTS, REPLIES
from aggregator.policies.concurrency.places import PLACES, Places
from aggregator.policies.hosts.host import STATES
from aggregator.policies.hosts.table import HOSTS, HostTable
from aggregator.policies.registry import Registry
from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import Sample, labels_text
from aggregator.telemetry.metrics.families import Family

_OF_ANSWERS = labels_text(("upstream", ""))


def sample_policies(states: Registry, labels: Mapping[str, str]) -> Iterator[tuple[Family, list[Sample]]]:
    """Yield what the policies in *states* know; *labels* are the labels of upstreams by their names."""
    yield families.BREAKERS, list(_breakers(states, labels))
    tables: dict[str, list[HostTable]] = _named(states.each(HOSTS.name), labels)
    yield families.HOSTS, [sample for at, found in tables.items() for sample in _hosts(at, found)]
    yield families.EJECTIONS, [(at, sum(one.ejections for one in found)) for at, found in tables.items()]
    places: dict[str, list[Places]] = _named(states.each(PLACES.name), labels)
    yield families.PLACES, [(at, sum(one.limit for one in found)) for at, found in places.items()]
    yield families.PLACES_TAKEN, [(at, sum(one.inside for one in found)) for at, found in places.items()]
    yield families.PLACES_WAITING, [(at, sum(one.waiting for one in found)) for at, found in places.items()]
    kept: dict[str, list[Kept[Any]]] = _named(states.each(REPLIES), labels)
    if answers := [*states.each(ANSWERS).values()]:
        kept[_OF_ANSWERS] = answers
    yield families.LOOKUPS, [sample for at, found in kept.items() for sample in _lookups(at, found)]
    yield families.KEPT_BYTES, [(at, sum(one.size for one in found)) for at, found in kept.items()]
    flights = _named(states.each(FLIGHTS), labels)
    yield families.SAVED, [(at, sum(one.saved for one in found)) for at, found in flights.items()]


def _breakers(states: Registry, labels: Mapping[str, str]) -> Iterator[Sample]:
    now = asyncio.get_running_loop().time()
    tables: Mapping[str, HostTable] = states.each(HOSTS.name)
    hosts = {name: [host.name for host in table.hosts] for name, table in tables.items()}
    breakers: Mapping[str, Breakers] = states.each(BREAKERS.name)
    are_open = {name: one.is_open(now, hosts.get(name, ())) for name, one in breakers.items()}
    for at, found in _named(are_open, labels).items():
        yield at, int(any(found))


def _named(states: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return *states*, which have the names of upstreams, by the label that several upstreams may share."""
    found: dict[str, list[Any]] = {}
    for name, state in states.items():
        if name in labels:
            found.setdefault(labels_text(("upstream", labels[name])), []).append(state)
    return found


def _hosts(at: str, tables: Iterable[HostTable]) -> Iterator[Sample]:
    now = asyncio.get_running_loop().time()
    counts = [table.counts(now) for table in tables]
    for state in STATES:
        yield f'{at},state="{state}"', sum(one[state] for one in counts)


def _lookups(at: str, kept: Sequence[Kept[Any]]) -> Iterator[Sample]:
    for result, counts in (
        ("hit", [one.hits for one in kept]),
        ("shared", [one.fetched_elsewhere for one in kept]),
        ("stale", [one.olds for one in kept]),
        ("miss", [one.misses for one in kept]),
    ):
        yield f'{at},result="{result}"', sum(counts)
