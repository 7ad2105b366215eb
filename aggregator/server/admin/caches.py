"""The action ``cache_purge``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.policies.cache.purging import (
    purge_all,
    purge_endpoint,
    purge_key,
    purge_prefix,
    purge_tags,
    purge_upstream,
)
from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.generations.running import Running

_WHAT = ("tag", "key", "prefix", "upstream", "endpoint", "all")


def purge_action(running: Running) -> Action:
    """Return the action that forgets what *running* keeps."""

    async def run(given: Mapping[str, Any]) -> Outcome:
        named = [name for name in _WHAT if given.get(name)]
        if len(named) != 1:
            raise ActionError(
                400, "Name what is purged: one of `tag`, `key`, `prefix`, `upstream`, `endpoint` and `all`."
            )
        what, value = named[0], str(given[named[0]])
        if what == "upstream" and value not in {upstream.name for upstream in running.plan.upstreams}:
            raise ActionError(404, f"There is no upstream `{value}`.")
        if what == "endpoint" and value not in {endpoint.key for endpoint in running.plan.endpoints}:
            raise ActionError(404, f"There is no endpoint `{value}`.")
        count = _purge(running, what, value)
        return Outcome({"purged": count}, f"purged {count} by {what} {value}")

    return Action("cache_purge", "Forget what is kept: by tag, key, prefix, upstream, endpoint, or all of it.", run)


def _purge(running: Running, what: str, value: str) -> int:
    if what == "tag":
        return purge_tags(running.states, [value])
    if what == "key":
        return purge_key(running.states, value)
    if what == "prefix":
        return purge_prefix(running.states, value)
    if what == "endpoint":
        return purge_endpoint(running.states, value)
    return purge_upstream(running.states, value) if what == "upstream" else purge_all(running.states)
