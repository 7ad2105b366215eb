"""The action ``cache_purge``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.policies.cache.shared.purge import Purge, What
from aggregator.policies.cache.shared.purges import Purges
from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.admin.reading.names import unknown_endpoint, unknown_upstream
from aggregator.server.generations.running import Running

_WHAT: tuple[What, ...] = ("tag", "key", "prefix", "upstream", "endpoint", "all")


def purge_action(running: Running) -> Action:
    """Return the action that forgets what *running* keeps."""

    async def run(given: Mapping[str, Any]) -> Outcome:
        named = [name for name in _WHAT if given.get(name)]
        if len(named) != 1:
            raise ActionError(
                400, "Name what is purged: one of `tag`, `key`, `prefix`, `upstream`, `endpoint` and `all`."
            )
        what, value = named[0], str(given[named[0]])
        upstreams = {upstream.name for upstream in running.plan.upstreams}
        if what == "upstream" and value not in upstreams:
            raise unknown_upstream(value, upstreams)
        if what == "endpoint" and value not in {endpoint.key for endpoint in running.plan.endpoints}:
            raise unknown_endpoint(value, running.plan)
        count = _purges(running).do(Purge(what, () if what == "all" else (value,)))
        return Outcome({"purged": count}, f"purged {count} by {what if what == 'all' else f'{what} {value}'}")

    return Action("cache_purge", "Forget what is kept: by tag, key, prefix, upstream, endpoint, or all of it.", run)


def _purges(running: Running) -> Purges:
    """Return what purges here, and on other machines; the other workers of this one get an order of their own."""
    plan = running.plan.store
    return Purges(running.states, running.stores.found(plan) if plan.is_remote else None)
