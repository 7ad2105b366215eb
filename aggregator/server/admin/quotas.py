"""The action ``quota_reset``, and what is shown of quotas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from aggregator.errors import StoreError
from aggregator.plan.types import Plan
from aggregator.policies.rate_limit.building import QUOTAS
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.quotas import Use, uses
from aggregator.policies.rate_limit.sharing import ask_of
from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.admin.reading.names import unknown_endpoint
from aggregator.server.generations.running import Running
from aggregator.stores.quota import Quota
from aggregator.stores.used import Used

_KEYS = frozenset({"key", "endpoint", "by"})


class _Found(NamedTuple):
    """A quota that the file declares, with what is used of it; *endpoints* are counted by it."""

    plan: WindowPlan
    quota: Quota
    used: Used
    endpoints: list[str]


Find: TypeAlias = Callable[[WindowPlan], Used]
Forget: TypeAlias = Callable[[WindowPlan, bytes], Awaitable[None]]


def quotas_shown(running: Running, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each quota of *running*, as ``shown_of`` has it. Raises ``ActionError``."""
    return shown_of(running.plan, _finding(running), asked)


def shown_of(plan: Plan, find: Find, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each quota of *plan*, with what the ``key`` that is *asked* for has used of it; one ``endpoint`` narrows.

    Raises ``ActionError``.
    """
    return [_shown(found, asked.get("key")) for found in _quotas(plan, find, asked.get("endpoint"))]


def _finding(running: Running) -> Find:
    def find(plan: WindowPlan) -> Used:
        used: Used = running.states.find(QUOTAS, plan.state)
        return used

    return find


def quota_action(running: Running) -> Action:
    """Return the action that lets a caller of *running* begin anew."""
    find = _finding(running)

    async def forget(plan: WindowPlan, key: bytes) -> None:
        await _forget(running, plan, key)
        find(plan).forget(key)

    return reset_action(lambda: running.plan, find, forget)


def reset_action(plan: Callable[[], Plan], find: Find, forget: Forget) -> Action:
    """Return the action that lets a caller begin anew with the quotas of *plan*, by *forget*."""

    async def run(given: Mapping[str, Any]) -> Outcome:
        if unknown := [key for key in given if key not in _KEYS]:
            raise ActionError(400, f"A reset has `key`, `endpoint` and `by`, and no `{unknown[0]}`.")
        key = given.get("key")
        if not isinstance(key, str):
            raise ActionError(400, "Name whose quota begins anew: `key`, a text, is the value that is counted by.")
        count, endpoint = 0, given.get("endpoint")
        for found in _quotas(plan(), find, endpoint):
            if found.plan.by is None and endpoint is None:
                continue  # what all callers use together is no caller's: it begins anew where its endpoint is named
            for use in _uses(found, key):
                await forget(found.plan, use.key)
                count += 1
        if not count:
            raise ActionError(404, "Nothing is used under this key.")
        return Outcome({"reset": count}, f"reset {count}")

    return Action("quota_reset", "Let a caller begin anew with a quota.", run)


async def _forget(running: Running, plan: WindowPlan, key: bytes) -> None:
    """Reset *key* in the shared store. Raises ``ActionError`` while the store is away."""
    store = running.stores.found(running.plan.store)
    if store is not None:
        try:
            await store.forget(ask_of(plan, key))
        except StoreError as error:
            raise ActionError(503, str(error)) from None


def _quotas(plan: Plan, find: Find, endpoint: object) -> Iterator[_Found]:
    found: dict[str, _Found] = {}
    for one in plan.endpoints:
        for window in one.admission.limits.windows:
            if not isinstance(window.limit, Quota) or (endpoint is not None and endpoint != one.key):
                continue
            if window.state not in found:
                found[window.state] = _Found(window, window.limit, find(window), [])
            found[window.state].endpoints.append(one.key)
    if endpoint is not None and endpoint not in {one.key for one in plan.endpoints}:
        raise unknown_endpoint(str(endpoint), plan)
    yield from found.values()


def _uses(found: _Found, key: str | None) -> list[Use]:
    return uses(found.used, None if found.plan.by is None else key)


def _shown(found: _Found, key: str | None) -> dict[str, Any]:
    all_uses = uses(found.used, None)
    begun, end = (datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in found.used.period)
    shown = {
        "quota": f"{found.quota.count}/{found.quota.unit}",
        "zone": found.quota.zone,
        "by": None if found.plan.by is None else found.plan.by.source,
        "endpoints": found.endpoints,
        "begun": begun,
        "ends": end,
        "callers": len(all_uses),
        "used_up": sum(use.left == 0 for use in all_uses),
    }
    if key is None and found.plan.by is not None:
        return shown
    return shown | {"uses": [{"used": use.used, "left": use.left} for use in _uses(found, key)]}
