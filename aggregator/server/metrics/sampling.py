"""All samples of the running server: what was counted, and what is read at the time of a scrape."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import TypeAlias

from aggregator.plan.analysis.walking import upstreams_in
from aggregator.server.generations.running import Running
from aggregator.server.metrics import process
from aggregator.server.metrics.counting import Counts
from aggregator.server.metrics.policies import sample_policies
from aggregator.server.metrics.series import CLASSES
from aggregator.telemetry.logging import lost_lines
from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import Sample, Summary, labels_text
from aggregator.telemetry.metrics.families import Family
from aggregator.transport import Door

Sampled: TypeAlias = "tuple[Family, Iterable[Sample]]"

_BACKGROUND = ("done", "failed", "skipped", "dropped", "lost")


def sample_all(running: Running, counts: Counts) -> Iterator[Sampled]:
    """Yield every family with its samples, in the order of the table of families."""
    yield from _of_endpoints(counts)
    yield from _of_upstreams(running, counts)
    labels = {one.name: one.label for one in upstreams_in(running.plan)}
    yield from sample_policies(running.states, labels)
    yield from _of_background(running)
    yield from _of_configuration(running)
    yield from _of_process(counts)


def _of_endpoints(counts: Counts) -> Iterator[Sampled]:
    endpoints = counts.endpoints.values()
    yield families.REQUESTS, _requests(counts)
    yield families.DURATIONS, (sample for one in endpoints for sample in one.by_class())
    yield families.SIZES, ((one.labels, one.sizes) for one in endpoints)
    yield families.PARTIAL, ((one.labels, one.partial) for one in endpoints)
    yield families.PARTS, ((part.labels, part.table) for one in endpoints for part in one.parts.values())


def _requests(counts: Counts) -> Iterator[Sample]:
    for one in counts.endpoints.values():
        for labels, durations in one.by_class():
            yield labels, sum(durations.counts)
    for name, count in zip(CLASSES[2:], counts.unmatched[2:], strict=True):
        yield labels_text(("endpoint", ""), ("status", name)), count


def _of_upstreams(running: Running, counts: Counts) -> Iterator[Sampled]:
    upstreams = counts.upstreams.values()
    yield families.ATTEMPTS, (sample for one in upstreams for sample in one.samples())
    yield families.ATTEMPT_DURATIONS, ((one.labels, one.durations) for one in upstreams)
    doors = _doors(running)
    yield families.CONNECTIONS, _connections(doors)
    yield families.DIALS, ((labels, Summary(*door.dialled)) for labels, door in doors)
    yield families.WAITING, ((labels, door.waiting) for labels, door in doors)


def _doors(running: Running) -> list[tuple[str, Door]]:
    """Return the ways to the upstreams of the served plan, with their labels."""
    named = running.named_pools
    upstreams = upstreams_in(running.plan)
    return [(labels_text(("upstream", one.label)), named[one.name]) for one in upstreams if one.name in named]


def _connections(doors: Iterable[tuple[str, Door]]) -> Iterator[Sample]:
    for labels, door in doors:
        yield f'{labels},state="active"', door.active
        yield f'{labels},state="idle"', door.idle


def _of_background(running: Running) -> Iterator[Sampled]:
    counts = running.queue.counts.as_dict()
    yield families.BACKGROUND, [(labels_text(("state", state)), counts[state]) for state in _BACKGROUND]
    yield families.BACKGROUND_WAITING, [("", running.queue.depth)]


def _of_configuration(running: Running) -> Iterator[Sampled]:
    yield families.IN_FLIGHT, [("", running.in_flight)]
    yield families.SHED, [("", running.load.shed)]
    applied, refused = running.reloads
    results = (("applied", applied), ("refused", refused))
    yield families.RELOADS, [(labels_text(("result", result)), count) for result, count in results]
    generation = running.generation
    if generation is not None:
        yield families.GENERATION, [("", generation.number)]
        yield families.LOADED, [("", generation.loaded_at)]
    yield families.REFUSED, [("", int(running.last_refusal is not None))]
    yield families.CONFIG, [(labels_text(("digest", running.plan.digest[:12])), 1)]


def _of_process(counts: Counts) -> Iterator[Sampled]:
    about = labels_text(("version", version("aggregator-server")), ("python", platform.python_version()))
    yield families.BUILD, [(about, 1)]
    yield families.LOST_LINES, [("", lost_lines())]
    yield families.LAG, [("", counts.lag.longest)]
    yield families.CPU, [("", process.cpu_seconds())]
    for family, value in process.gauges():
        yield family, [("", value)]
