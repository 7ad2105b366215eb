"""All samples of the running server: what was counted, and what is read at the time of a scrape."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version

from aggregator.runtime.background.durable.outbox import ENDS, Outbox
from aggregator.runtime.idempotent.answers import ENDS as ANSWER_ENDS
from aggregator.server.generations.running import Running
from aggregator.server.metrics import process
from aggregator.server.metrics.counting import Counts
from aggregator.server.metrics.policies import sample_policies
from aggregator.server.metrics.pushing import MetricSender
from aggregator.server.metrics.series import CLASSES
from aggregator.server.traces.exporting import TraceSender
from aggregator.stores.effects.contract import ORDERS
from aggregator.telemetry.logging import lost_lines
from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import Sample, Sampled, Summary, labels_text
from aggregator.transport import Door

BACKGROUND_STATES = ("done", "failed", "skipped", "dropped", "lost")


def sample_all(running: Running, counts: Counts) -> Iterator[Sampled]:
    """Yield every family with its samples, in the order of the table of families."""
    yield from _of_endpoints(counts)
    yield from _of_upstreams(running, counts)
    labels = {one.name: one.label for one in counts.used}
    yield from sample_policies(running.states, labels)
    yield from _of_background(running)
    yield from sample_effects(running)
    yield families.EFFECTS_SLOW, _slow(running.outbox, labels)
    yield from _of_store(running)
    yield from _of_configuration(running)
    yield from _of_process(counts)
    traces = running.observers.traces
    yield families.TRACES, _sent(traces)
    yield families.PUSHES, _sent(running.observers.pushing)


def _sent(sender: TraceSender | MetricSender | None) -> list[Sample]:
    ends = () if sender is None else (("sent", sender.sent), ("lost", sender.lost))
    return [(labels_text(("result", result)), count) for result, count in ends]


def _of_endpoints(counts: Counts) -> Iterator[Sampled]:
    endpoints = counts.endpoints.values()
    yield families.REQUESTS, _requests(counts)
    yield families.DURATIONS, (sample for one in endpoints for sample in one.by_class())
    yield families.SIZES, ((one.labels, one.sizes) for one in endpoints)
    yield families.PARTIAL, ((one.labels, one.partial) for one in endpoints)
    yield families.SLO_PARTIAL, ((one.labels, one.spoilt) for one in endpoints if one.wants_whole)
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
    pools = _pools(running, counts)
    yield families.CONNECTIONS, _connections(pools)
    yield families.DIALS, ((labels, _dialled(doors)) for labels, doors in pools)
    yield families.WAITING, ((labels, sum(door.waiting for door in doors)) for labels, doors in pools)


def _pools(running: Running, counts: Counts) -> list[tuple[str, list[Door]]]:
    """Return the pools of the upstreams of the served plan, one a host, with the labels of the upstreams."""
    named = running.named_pools
    found: dict[str, list[Door]] = {}
    for one in counts.used:
        if one.name in named:
            found.setdefault(one.label, []).extend(named[one.name])
    return [(labels_text(("upstream", label)), doors) for label, doors in found.items()]


def _connections(pools: Iterable[tuple[str, list[Door]]]) -> Iterator[Sample]:
    for labels, doors in pools:
        yield f'{labels},state="active"', sum(door.active for door in doors)
        yield f'{labels},state="idle"', sum(door.idle for door in doors)


def _dialled(doors: Iterable[Door]) -> Summary:
    counts = [door.dialled for door in doors]
    return Summary(sum(count for count, _ in counts), sum(seconds for _, seconds in counts))


def _of_store(running: Running) -> Iterator[Sampled]:
    store = running.stores.found(running.plan.store)
    found = () if store is None else (store,)
    yield families.STORE, [("", int(not one.is_there)) for one in found]
    yield families.STORE_LOSSES, [("", one.losses) for one in found]
    yield families.STORE_ALONE, [("", one.alone) for one in found]


def _of_background(running: Running) -> Iterator[Sampled]:
    ends = running.queue.ends
    calls = sorted({effect.name for endpoint in running.plan.declared for effect in endpoint.effects})
    yield families.BACKGROUND, [
        (labels_text(("call", call), ("state", state)), ends.get((call, state), 0))
        for call in calls for state in BACKGROUND_STATES
    ]  # fmt: skip
    yield families.BACKGROUND_WAITING, [("", running.queue.depth)]
    counts = running.shadows.counts.as_dict()
    yield families.SHADOWS, [(labels_text(("state", state)), counts[state]) for state in ("done", "failed", "dropped")]


def sample_effects(running: Running) -> Iterator[Sampled]:
    """Yield the samples of durable effects."""
    outbox = running.outbox
    yield families.EFFECTS, [(labels_text(("state", state)), count) for state, count in outbox.kept.counts.items()]
    yield families.DELIVERIES, [(labels_text(("result", result)), outbox.ends[result]) for result in ENDS]
    yield families.EFFECT_ORDERS, [(labels_text(("order", order)), outbox.orders[order]) for order in ORDERS]
    answers = running.answers.ends
    yield families.IDEMPOTENT, [(labels_text(("result", result)), answers[result]) for result in ANSWER_ENDS]
    yield families.EFFECTS_BROKEN, [("", int(outbox.trouble is not None))]


def _slow(outbox: Outbox, labels: Mapping[str, str]) -> list[Sample]:
    """Return for each label of upstreams to which something waits whether one is tried slowly; *labels* are by name."""
    slow: dict[str, bool] = {}
    for name in outbox.upstreams & labels.keys():
        slow[labels[name]] = slow.get(labels[name], False) or outbox.pace(name) is not None
    return [(labels_text(("upstream", label)), int(is_slow)) for label, is_slow in sorted(slow.items())]


def _of_configuration(running: Running) -> Iterator[Sampled]:
    yield families.IN_FLIGHT, [("", running.in_flight)]
    yield families.PRESSURE, [("", running.pressure.level)]
    yield families.SHED, [("", running.load.shed)]
    outcomes = running.outcomes
    results = (("applied", outcomes.applied), ("refused", outcomes.refused))
    yield families.RELOADS, [(labels_text(("result", result)), count) for result, count in results]
    generation = running.generation
    if generation is not None:
        yield families.GENERATION, [("", generation.number)]
        yield families.LOADED, [("", generation.loaded_at)]
    yield families.REFUSED, [("", int(outcomes.last_refusal is not None))]
    yield families.CONFIG, [(labels_text(("digest", running.plan.digest[:12])), 1)]


def _of_process(counts: Counts) -> Iterator[Sampled]:
    about = labels_text(("version", version("aggregator-server")), ("python", platform.python_version()))
    yield families.BUILD, [(about, 1)]
    yield families.LOST_LINES, [("", lost_lines())]
    yield families.LAG, [("", counts.lag.longest)]
    yield families.CPU, [("", process.cpu_seconds())]
    for family, value in process.gauges():
        yield family, [("", value)]
