"""The action ``breaker``, and what is shown of all breakers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.policies.breaker.breaker import Phase
from aggregator.policies.breaker.table import BREAKERS, Breakers
from aggregator.server.admin.actions import Action, ActionError, Outcome, seconds_in
from aggregator.server.admin.reading.names import unknown_upstream
from aggregator.server.generations.running import Running

_ORDERS = {"open": Phase.FORCED_OPEN, "close": Phase.FORCED_CLOSED, "auto": Phase.CLOSED}
_KEYS = frozenset({"upstream", "order", "for", "by", "why"})
_NAMES = "`upstream`, `order`, `for`, `by` and `why`"


def breakers_of(running: Running) -> Iterator[Breakers]:
    """Yield the breakers of each upstream that has some."""
    for upstream in running.plan.upstreams:
        found = running.states.of(BREAKERS, upstream.name)
        if found is not None:
            yield found


def breakers_shown(running: Running) -> list[dict[str, Any]]:
    """Return what there is to know of each breaker."""
    return [one for breakers in breakers_of(running) for one in breakers.as_list()]


def breaker_action(running: Running) -> Action:
    """Return the action that opens, closes and releases the breakers of an upstream of *running*."""

    async def run(given: Mapping[str, Any]) -> Outcome:
        breakers, phase, seconds = _read(given, {one.upstream: one for one in breakers_of(running)})
        order, by, why = given["order"], str(given.get("by", ""))[:100], str(given.get("why", ""))[:200]
        breakers.order(phase, seconds, f"ordered{f' by {by}' if by else ''}{f': {why}' if why else ''}")
        until = f" for {given['for']}" if seconds is not None else ""
        return Outcome(breakers.as_list(), f"{order} {breakers.upstream}{until}")

    return Action("breaker", "Call an upstream no more, always, or as is declared.", run)


def _read(given: Mapping[str, Any], known: Mapping[str, Breakers]) -> tuple[Breakers, Phase, float | None]:
    """Return what *given* asks for. Raises ``ActionError``."""
    if unknown := [key for key in given if key not in _KEYS]:
        raise ActionError(400, f"An order to a breaker has {_NAMES}, and no `{unknown[0]}`.")
    phase = _ORDERS.get(str(given.get("order")))
    if phase is None:
        raise ActionError(400, f"`order` is one of {', '.join(_ORDERS)}.")
    breakers = known.get(str(given.get("upstream")))
    if breakers is None:
        raise unknown_upstream(str(given.get("upstream", "")), known, "There is no upstream with a breaker")
    seconds = seconds_in(given)
    return breakers, phase, None if phase is Phase.CLOSED else seconds
