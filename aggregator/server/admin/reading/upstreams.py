"""The view of upstreams: their connections, the calls that wait for one, and the limits of both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aggregator.durations import rate_text
from aggregator.plan.analysis.walking import upstreams_in
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.concurrency.places import PLACES
from aggregator.runtime.background.durable.delivering.pacing import Pace
from aggregator.server.generations.running import Running
from aggregator.transport import Door


def upstreams_shown(running: Running) -> list[dict[str, Any]]:
    """Return what there is to know of each upstream that is declared or called; of several hosts, all together."""
    pools = running.named_pools
    return [_member(running, one, pools.get(one.name, [])) for one in upstreams_in(running.plan)]


def _member(running: Running, upstream: UpstreamPlan, doors: list[Door]) -> dict[str, Any]:
    limits, places = upstream.pool.limits, running.states.of(PLACES, upstream.name)
    rate, count = upstream.rate_limit, max(len(upstream.each_host), len(doors))
    return {
        "upstream": upstream.name,
        "connections": {**_connections(doors), "most": limits.max_connections * count},
        "streams": {"most": limits.max_streams * count},
        "waiting": {"now": sum(door.waiting for door in doors), "most": limits.max_waiting * count},
        "concurrency": None if places is None else {
            "limit": places.limit, "now": places.inside, "waiting": places.waiting, "most_waiting": places.plan.queue,
        },
        "rate_limit": None if rate is None else rate_text(rate.rate.count, rate.rate.period),
        "deliveries": _deliveries(running.outbox.pace(upstream.name)),
    }  # fmt: skip


def _deliveries(pace: Pace | None) -> dict[str, Any] | None:
    """Return how slowly durable effects are sent to an upstream that fails, None where they are sent as they come."""
    return None if pace is None else {"failures": pace.failed, "pause": pace.pause, "next_at": round(pace.until, 3)}


def _connections(doors: Iterable[Door]) -> dict[str, Any]:
    """Return how many connections are in use and idle, how many were opened, and the mean milliseconds of that."""
    active = idle = opened = 0
    seconds = 0.0
    for door in doors:
        count, spent = door.dialled
        active, idle, opened, seconds = active + door.active, idle + door.idle, opened + count, seconds + spent
    opening = round(1000 * seconds / opened, 1) if opened else None
    return {"active": active, "idle": idle, "opened": opened, "opening_ms": opening}
