"""Kill switches of a running application: it serves a plan without what is off, so no other code asks for switches.

``changed`` builds and serves that plan whenever what is off has changed: by an operator, because the time of a switch
is over, or because the calendar of `maintenance` says so. The last two are looked for once a minute, on the minute, so
that a clock which is set does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from math import floor

from aggregator.errors import StoreError
from aggregator.plan.types import Plan
from aggregator.policies.switches.offs import Offs, offs_at
from aggregator.policies.switches.table import Changes, Switch, Switches, Target
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept
from aggregator.telemetry.logging import log

_LOOK, _AT_ONCE = 60.0, 0.001
_log = logging.getLogger("aggregator.server")


class Switching:
    """The switches of one process, by the time of *clock*; *changed* is told when another plan has to be served."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[], Awaitable[object]]) -> None:
        self.table = Switches()
        self._kept: Kept[list[tuple[Target, Switch]]] | None = None
        self._clock = clock
        self._changed = changed
        self._served: Offs = {}
        self._plan: Plan | None = None
        self.told: Callable[[], None] = lambda: None
        """Is told when other processes have changed what is off."""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None

    def remember(self, folder: StateFolder) -> None:
        """Load the switches from *folder*, and save changes there from now on."""
        self._kept = Kept(folder, "switches", list[tuple[Target, Switch]], self.table.kept)
        self.table.restore(self._kept.load() or [])
        if off := self.off():
            log(_log, logging.WARNING, "Some things are switched off since before the start.", targets=off)

    def changes(self) -> Changes:
        """Return what is known of switches."""
        return self.table.changes(self._clock())

    def off(self) -> list[str]:
        """Return the names of what operators have switched off."""
        return [str(target) for target in self.table.off(self._clock())]

    def merge(self, changes: Changes) -> bool:
        """Merge *changes* of other processes; return whether any was new."""
        return self.table.merge(changes, self._clock())

    async def learn(self, changes: Changes) -> None:
        """Merge *changes* of the supervisor, and return when they are served."""
        if not self.merge(changes):
            return
        if off := self.off():
            log(_log, logging.WARNING, "Some things are switched off since before the start.", targets=off)
        if self._plan is not None:
            await self._change(self._plan)

    async def save(self) -> None:
        """Save the switches, if there is a folder for them. Raises ``StoreError``."""
        if self._kept is not None:
            await self._kept.save()

    def offs(self, plan: Plan) -> Offs:
        """Return what of *plan* is out of service now."""
        now = self._clock()
        return offs_at(now, plan.maintenance, self.table.off(now))

    def is_served(self, plan: Plan) -> bool:
        """Return whether *plan* is served with what is out of service now."""
        return self.offs(plan) == self._served

    def serving(self, plan: Plan, offs: Offs) -> None:
        """Note that *plan* is served without *offs*, and schedule the next look at times and calendar."""
        self._served, self._plan = offs, plan
        self.stop()
        if not self.is_served(plan):  # something has ended while the generation was made
            self._timer = asyncio.get_running_loop().call_later(_AT_ONCE, self._look, plan)
        elif plan.maintenance or self.table.has_ends:
            self._timer = asyncio.get_running_loop().call_later(self._wait(), self._look, plan)

    def taken(self) -> None:
        """Save and serve the changes of other processes; before the first plan is served they are only merged."""
        self.told()
        if self._plan is not None:
            self._task = asyncio.get_running_loop().create_task(self._take(self._plan))

    def catch_up(self) -> None:
        """Serve the switches again if they have changed while a generation was built."""
        plan = self._plan
        if plan is not None and not self.is_served(plan) and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._change(plan))

    async def _take(self, plan: Plan) -> None:
        try:
            await self.save()
        except StoreError as error:
            log(_log, logging.ERROR, "A switch has changed, and is lost with the process.", reason=str(error))
        await self._change(plan)

    def _wait(self) -> float:
        """Return the seconds until the next look: a whole minute, or the end of a switch."""
        now = self._clock()
        ends = [switch.until - now for switch in self.table.off(now).values() if switch.until is not None]
        minute = (floor(now / _LOOK) + 1) * _LOOK - now
        return max(_AT_ONCE, min([minute, *ends]))

    def _look(self, plan: Plan) -> None:
        self._timer = None
        if self.is_served(plan):
            self.serving(plan, self._served)
        else:
            self._task = asyncio.get_running_loop().create_task(self._change(plan))

    async def _change(self, plan: Plan) -> None:
        try:
            await self._changed()
        except Exception as error:  # the time comes again
            _log.error("What is switched off could not be changed: %r", error, exc_info=error)
            self.stop()
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look, plan)

    def stop(self) -> None:
        """Cancel the scheduled look."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
