"""The action ``switch``, and what is shown of switches."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, get_args

from aggregator.errors import StoreError
from aggregator.plan.switching import unknown_target
from aggregator.policies.switches.table import Change, Kind, Switch, Switches, Target
from aggregator.server.admin.actions import Action, ActionError, Outcome, seconds_in
from aggregator.server.generations.running import Running
from aggregator.telemetry.lately import log_change
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.policies")
_KEYS = frozenset({"turn", "kind", "name", "part", "for", "by", "why"})
_KINDS: tuple[Kind, ...] = get_args(Kind)


def switches_shown(running: Running) -> list[dict[str, Any]]:
    """Return what is out of service, by operators and by the calendar; times in seconds since 1970."""
    offs = running.switching.offs(running.loaded)
    table = running.switching.table.off(running.now())
    found = []
    for target, off in offs.items():
        switch = table.get(target)
        said = {"by": switch.by, "why": switch.why, "since": round(switch.since)} if switch else {"by": "maintenance"}
        until = None if off.until is None else round(off.until)
        found.append({"kind": target.kind, "name": target.name, "part": target.part or None, "until": until, **said})
    return found


def switch_action(running: Running) -> Action:
    """Return the action that takes something out of service, or into it again."""

    async def run(given: Mapping[str, Any]) -> Outcome:
        return await _switch(running, given, None)

    async def ordered(given: Mapping[str, Any]) -> Outcome:
        said = {key: value for key, value in given.items() if key != "since"}
        return await _switch(running, said, float(given["since"]))

    return Action(
        "switch", "Take an endpoint, a part, an effect or an upstream out of service, or into it.", run, ordered
    )


async def _switch(running: Running, given: Mapping[str, Any], since: float | None) -> Outcome:
    """Carry out the switch *given*, dated *since* (Unix time, of a supervisor) or now. Raises ``ActionError``."""
    target, seconds = _read(given, running)
    turn, by, why = given["turn"], str(given.get("by", ""))[:100], str(given.get("why", ""))[:200]
    table, now = running.switching.table, running.now()
    if turn == "on" and target not in table.off(now):
        raise ActionError(404, f"No operator has switched off: {target}.{_others(table.off(now), target)}")
    at = table.after(target, now) if since is None else since
    until = None if seconds is None else at + seconds
    _take(table, target, Change(at, Switch(until, at, by, why) if turn == "off" else None), now)
    await running.switch()
    log_change(_log, logging.WARNING, "A switch has changed.", turn=turn, target=str(target), by=by, reason=why)
    limit = f" for {given['for']}" if seconds else ""
    await _keep(running)
    return Outcome(switches_shown(running), f"{turn} {target}{limit}{_told(running)}")


def _others(offs: Mapping[Target, Switch], target: Target) -> str:
    """Return a sentence with what is in *offs* of the name of *target*, an effect; none where nothing is."""
    others = [str(one) for one in offs if one.kind == target.kind == "effect" and one.part == target.part]
    return f" What is off: {', '.join(others)}." if others else ""


def _take(table: Switches, target: Target, change: Change, now: float) -> None:
    """Merge *change* into *table*, which may have it from other machines already. Raises ``ActionError``."""
    if table.merge({target: change}, now):
        return
    known = table.known(target)
    if known is None or known.at != change.at:
        raise ActionError(409, f"Nothing has changed, since there is a later order for: {target}.")


def _told(running: Running) -> str:
    """Publish the switches to other machines; return a note for the operator when the store is away."""
    plan = running.plan.store
    store = running.stores.found(plan) if plan.is_remote else None
    if store is None:
        return ""
    store.look()
    return "" if store.is_there else "; other machines hear of it when the store is there again"


async def _keep(running: Running) -> None:
    """Save the switches. Raises ``ActionError`` on failure: the change holds, but not over a restart."""
    try:
        await running.switching.save()
    except StoreError as error:
        log(_log, logging.ERROR, "A switch has changed, and is lost with the process.", reason=str(error))
        raise ActionError(507, f"It is done, but a restart will not know: {error}") from None


def _read(given: Mapping[str, Any], running: Running) -> tuple[Target, float | None]:
    """Return what *given* asks for. Raises ``ActionError``."""
    if unknown := [key for key in given if key not in _KEYS]:
        raise ActionError(
            400, f"A switch has `turn`, `kind`, `name`, `part`, `for`, `by` and `why`, and no `{unknown[0]}`."
        )
    if given.get("turn") not in ("off", "on"):
        raise ActionError(400, "`turn` is `off` or `on`.")
    kind = given.get("kind")
    if kind not in _KINDS:
        raise ActionError(400, f"`kind` is one of {', '.join(_KINDS)}.")
    has_part = kind in ("part", "effect")
    if has_part != bool(given.get("part")):
        raise ActionError(
            400,
            "`part` names a part beside the key of its endpoint, or an effect beside that of its own or without any.",
        )
    target = Target(kind, str(given.get("name", "")), str(given.get("part") or ""))
    wrong = unknown_target(running.loaded, target) if given["turn"] == "off" else None
    if wrong is not None:
        raise ActionError(404, wrong)
    return target, seconds_in(given)
