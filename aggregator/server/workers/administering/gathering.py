"""The answers of several workers merged into one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aggregator.server.admin.effects.acting import PATH as EFFECTS
from aggregator.server.admin.reading.history import PATH as HISTORY
from aggregator.server.admin.reading.views import BACKGROUND, CONFIG, ENDPOINTS, SWITCHES
from aggregator.server.admin.requests import PATH as REQUESTS
from aggregator.server.live.history import histories_together
from aggregator.server.workers.supervising.member import Member

Said = Sequence[tuple[Member, Any]]
"""What each of some workers has told; never empty."""


def added(values: Sequence[Any]) -> Any:
    """Return *values* as one: numbers added up, objects by their members, lists of one length by their places.

    Of everything else it is the first, and of what only some have, what those have.
    """
    first = values[0]
    if isinstance(first, Mapping):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: added([value[name] for value in values if name in value]) for name in names}
    if isinstance(first, list) and all(len(value) == len(first) for value in values):
        return [added(column) for column in zip(*values, strict=True)]
    if isinstance(first, int | float) and not isinstance(first, bool):
        return sum(values)
    return first


def whole_config(said: Said) -> dict[str, Any]:
    """Return what ``/-/config`` tells of all: what counts is added up, everything else is that of the first."""
    of_first = dict(said[0][1])
    for name in ("in_flight", "lost_log_lines", "limits", "background"):
        if found := [told[name] for _, told in said if name in told]:
            of_first[name] = added(found)
    if stores := [told["store"] for _, told in said if "store" in told]:
        of_first["store"] = _store(stores)
    return of_first


def _store(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the shared store as all see it: away where it is for one of them, with what all count added up."""
    worst = next((one for one in told if one["state"] != "there"), told[0])
    return {**worst, **{name: sum(one[name] for one in told) for name in ("losses", "decided_alone")}}


def worker_shown(member: Member) -> dict[str, Any]:
    """Return what is known of *member* by its last heartbeat, at most seconds ago unless it stands still."""
    beat = member.beat
    return {
        "pid": member.pid,
        "state": "serving" if member.is_serving else "stopping",
        "generation": beat.generation or None,
        "config": beat.config or None,
        "in_flight": beat.in_flight,
        "connections": beat.connections,
        "memory": beat.memory,
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(member.started_at)),
    }


def _requests(said: Said) -> Any:
    """Return the recorded requests of all workers, the newest first, each with its worker; sizes are summed."""
    found = [{**one, "worker": member.pid} for member, told in said for one in told["requests"]]
    found.sort(key=lambda one: -float(one["at"]))
    counts = added([{name: told[name] for name in ("keep", "bytes", "left_out")} for _, told in said])
    return {**counts, "requests": found}


def _background(said: Said) -> Any:
    """Return the counts of all workers summed, and their last failures, the newest first, each with its worker."""
    counts = added([{name: value for name, value in told.items() if name != "recent"} for _, told in said])
    recent = [{**one, "worker": member.pid} for member, told in said for one in told["recent"]]
    return {**counts, "recent": sorted(recent, key=lambda one: -float(one["at"]))}


def _switches(said: Said) -> Any:
    """Return each switch once: all workers have the same table, but for the moment that a change needs."""
    found: dict[tuple[Any, ...], Any] = {}
    for _, told in said:
        for one in told:
            found.setdefault((one["kind"], one["name"], one["part"]), one)
    return list(found.values())


def lately_together(said: Said, own: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what workers and the supervisor itself, whose are the *own* ones, tell of, the newest first."""
    found = [*own, *side_by_side(said)] if said else list(own)
    return sorted(found, key=lambda one: -float(one["at"]))


def side_by_side(said: Said) -> Any:
    """Return what each worker told: lists as one whose items name their ``worker``, objects added up."""
    if all(isinstance(told, list) for _, told in said):
        return [{"worker": member.pid, **one} for member, told in said for one in told]
    return added([told for _, told in said])


_TOGETHER: Mapping[str, Callable[[Said], Any]] = {
    BACKGROUND: _background,
    CONFIG: whole_config,
    ENDPOINTS: lambda said: said[0][1],
    EFFECTS: lambda said: said[0][1],
    HISTORY: lambda said: histories_together(told for _, told in said),
    REQUESTS: _requests,
    SWITCHES: _switches,
}


def together(path: str, said: Said) -> Any:
    """Return what *said* of *path* comes to."""
    if path.startswith(f"{REQUESTS}/"):
        return said[0][1]
    return _TOGETHER.get(path, side_by_side)(said)


def outcome_together(action: str, said: Said) -> Any:
    """Return what *action* has come to, by what those tell who have done it."""
    return _switches(said) if action == "switch" else said[0][1] if action == "log" else side_by_side(said)


def workers_shown(members: Iterable[Member]) -> list[dict[str, Any]]:
    """Return all that have served, by their processes."""
    return [worker_shown(one) for one in sorted(members, key=lambda one: one.pid) if one.ready.done()]
