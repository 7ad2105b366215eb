"""The action ``revoke``: tokens are taken back while the process runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from aggregator.diagnostics import meant
from aggregator.identity.moments import moment_of
from aggregator.identity.revoked import MOST, Revocations
from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.generations.running import Running

_FORM = "It takes `scheme`, and `jti` or `sub`; with `sub` also `before`, which is now if left out."


def revoke_action(running: Running, clock: Callable[[], float] = time.time) -> Action:
    """Return the action that revokes tokens of a scheme of *running* until the process ends; *clock* is Unix time."""

    async def revoke(given: Mapping[str, Any]) -> Outcome:
        if not set(given) <= {"scheme", "jti", "sub", "before"} or ("jti" in given) == ("sub" in given):
            raise ActionError(400, _FORM)
        if not all(isinstance(given.get(name, ""), str) for name in ("scheme", "jti", "sub")):
            raise ActionError(400, _FORM)
        revocations = running.states.find("revoked", str(given.get("scheme")))
        if not isinstance(revocations, Revocations):
            names = [name for name, one in running.states.each("revoked").items() if isinstance(one, Revocations)]
            near = meant(str(given.get("scheme", "")), names)
            raise ActionError(404, f"There is no scheme of this name that takes signed tokens; {near}")
        added, summary = _added(revocations, given, clock)
        if not added:
            raise ActionError(409, f"There are {MOST} of them; write them into the file of `revoked`.")
        return Outcome({"scheme": given["scheme"], "revoked": summary}, f"{given['scheme']}: {summary}")

    return Action("revoke", "Take back tokens of a scheme, until the process ends.", revoke)


def _added(revocations: Revocations, given: Mapping[str, Any], clock: Callable[[], float]) -> tuple[bool, str]:
    if "jti" in given:
        if "before" in given:
            raise ActionError(400, _FORM)
        return revocations.add_id(given["jti"]), f"the token {given['jti'][:100]}"
    before = clock() if "before" not in given else moment_of(given["before"])
    if before is None:
        raise ActionError(400, "`before` is not a moment; write 2027-01-31T12:00:00Z.")
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before))
    return revocations.add_subject(given["sub"], before), f"tokens of {given['sub'][:100]} from before {shown}"
