"""Actions on a running process, by name: policies and the server add theirs, all are run in one place."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from aggregator.durations import duration_of
from aggregator.errors import AggregatorError
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.admin")
_LONGEST = 366
"""Days that an order may hold for: one without an end says so by having none."""


class ActionError(AggregatorError):
    """An action that cannot be done; *status*, 4xx or 5xx, says on which side the fault is."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


def seconds_in(given: Mapping[str, Any]) -> float | None:
    """Return the seconds that *given* orders ``for``, None where it names none. Raises ``ActionError``."""
    if given.get("for") is None:
        return None
    seconds = duration_of(str(given["for"]))
    if not seconds:
        raise ActionError(400, "`for` is a duration such as 10m.")
    if seconds > _LONGEST * 86400:
        raise ActionError(400, f"`for` is a duration of at most {_LONGEST}d; an order without `for` has no end.")
    return seconds


class Outcome(Struct, frozen=True):
    """The outcome of an action: *data* for the answer, and *summary* for the log.

    Nothing *was_asked_for* where an action without an order tells how things are.
    """

    data: Any
    summary: str
    status: int = 200
    was_asked_for: bool = True


class Action(Struct, frozen=True):
    """Something that changes the running process: ``POST /-/NAME``.

    *run* gets the object that the request carries and raises ``ActionError``. *ordered* is run instead where a
    supervisor orders it of a worker, with what only a supervisor may say.
    """

    name: str
    summary: str
    run: Callable[[Mapping[str, Any]], Awaitable[Outcome]]
    ordered: Callable[[Mapping[str, Any]], Awaitable[Outcome]] | None = None


class Asked(Struct, frozen=True):
    """Whence an action is asked for (an address), the reason given, and the name of *who* asks where one was given."""

    by: str
    reason: str
    who: str = ""


class Actions:
    """All actions of a process."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}

    def add(self, action: Action) -> None:
        """Add *action*; raises ``ValueError`` when there is one of its name."""
        if action.name in self._actions:
            raise ValueError(f"there is an action {action.name!r} already")
        self._actions[action.name] = action

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def get(self, name: str) -> Action | None:
        """Return the action *name*; None when there is none."""
        return self._actions.get(name)

    async def run(self, action: Action, asked: Asked, given: Mapping[str, Any]) -> Outcome:
        """Run *action*, and log its outcome or its refusal in one line, unless it only read. Raises ``ActionError``."""
        outcome, was_asked_for = "failed by a fault of the program", True
        try:
            done = await action.run(given)
            outcome, was_asked_for = done.summary, done.was_asked_for
        except ActionError as refusal:
            outcome = str(refusal)
            raise
        finally:
            if was_asked_for:
                who = {"who": asked.who} if asked.who else {}
                log(_log, logging.INFO, "An action was asked for.", action=action.name, by=asked.by or "unix",
                    **who, reason=asked.reason, outcome=outcome)  # fmt: skip
        return done
