"""The action ``reload``: what SIGHUP does, with an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.generations.reload import ReloadOutcome, Verdict


def reload_action(load: Callable[[], Awaitable[ReloadOutcome]], on_reload: Callable[[ReloadOutcome], None]) -> Action:
    """Return the action that loads the files again by *load*; *on_reload* is told of what changed something."""

    async def reload(given: Mapping[str, Any]) -> Outcome:
        if given:
            raise ActionError(400, f"A reload takes nothing but `reason`, and no `{next(iter(given))}`.")
        outcome = await load()
        if outcome.verdict is not Verdict.UNCHANGED:
            on_reload(outcome)
        data: dict[str, Any] = {"verdict": outcome.verdict, "generation": outcome.generation}
        if outcome.verdict is Verdict.REFUSED:
            data["refusal"] = outcome.as_dict()
        return Outcome(data, f"{outcome.verdict}", 422 if outcome.verdict is Verdict.REFUSED else 200)

    return Action("reload", "Load the file again; a bad one changes nothing.", reload)
