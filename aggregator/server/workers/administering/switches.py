"""The switches of all workers: sent to workers that start later, and kept over restarts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from aggregator.durations import duration_of
from aggregator.errors import StoreError
from aggregator.policies.switches.table import Change, Changes, Kind, Switch, Switches, Target
from aggregator.server.admin.actions import ActionError
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")


class KeptSwitches:
    """The switches that workers have taken, by the Unix time of *clock*."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._table = Switches()
        self._kept: Kept[list[tuple[Target, Switch]]] | None = None

    def remember(self, folder: StateFolder) -> None:
        """Load the switches from *folder*, in the format of a single process, and save changes there."""
        self._kept = Kept(folder, "switches", list[tuple[Target, Switch]], self._table.kept)
        self._table.restore(self._kept.load() or [])
        if off := [str(target) for target in self._table.off(self._clock())]:
            log(_log, logging.WARNING, "Some things are switched off since before the start.", targets=off)

    def changes(self) -> Changes:
        """Return what a worker that comes now has to know: what is off, and what is in service again of late.

        Without the second it would believe a store that missed it, and comes back.
        """
        return self._table.changes(self._clock())

    def timed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the order *given* with its time, the same for all workers, behind what is known of its target.

        Raises ``ActionError`` where it has one: the times of operators would be those of their clocks.
        """
        if "since" in given:
            raise ActionError(400, "An order has the time at which it is taken, and no `since`.")
        target = Target(cast("Kind", str(given.get("kind"))), str(given.get("name", "")), str(given.get("part") or ""))
        return {**given, "since": self._table.after(target, self._clock())}

    def merge(self, changes: Changes) -> None:
        """Merge *changes* that a worker has received from other machines, and save them soon."""
        if self._table.merge(changes, self._clock()) and self._kept is not None:
            self._kept.changed()

    async def take(self, given: Mapping[str, Any]) -> None:
        """Merge the switch *given*, which the workers have carried out.

        Raises ``ActionError`` when it cannot be saved: it holds, but not over a restart.
        """
        target = Target(given["kind"], str(given.get("name", "")), str(given.get("part") or ""))
        self._table.merge({target: _change(given)}, self._clock())
        if self._kept is None:
            return
        try:
            await self._kept.save()
        except StoreError as error:
            log(_log, logging.ERROR, "A switch has changed, and is lost with the process.", reason=str(error))
            raise ActionError(507, f"It is done, but a restart will not know: {error}") from None


def _change(given: Mapping[str, Any]) -> Change:
    """Return what becomes of its target by the order *given*, which has its time."""
    at = float(given["since"])
    if given["turn"] == "on":
        return Change(at, None)
    seconds = None if given.get("for") is None else duration_of(str(given["for"]))
    until = None if seconds is None else at + seconds
    return Change(at, Switch(until, at, str(given.get("by", ""))[:100], str(given.get("why", ""))[:200]))
