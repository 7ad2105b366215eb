"""The administration of all workers: who asks them, who remembers what was ordered, and the server in front."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aggregator.server.admin.actions import Action, Outcome
from aggregator.server.admin.application import AdminApplication
from aggregator.server.admin.door import AdminDoor
from aggregator.server.admin.logs import log_action
from aggregator.server.admin.quotas import reset_action
from aggregator.server.admin.reloading import reload_action
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.opening import Listener
from aggregator.server.sharing.quotas import SharedQuotas
from aggregator.server.workers.administering.acting import Acting
from aggregator.server.workers.administering.journal import Journal
from aggregator.server.workers.administering.serving import AdminServer, serve_until
from aggregator.server.workers.administering.source import WorkersSource
from aggregator.server.workers.administering.switches import KeptSwitches
from aggregator.server.workers.messages import Counted, Go, Heard, Opened, Switched
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.member import Member
from aggregator.server.workers.supervising.reloading import Reloading
from aggregator.telemetry.control import LogControl


class Administration:
    """Of the workers of *crew*, which count *quotas* together.

    *control* is the log of this process, *on_reload* is told of reloads.
    """

    def __init__(
        self, crew: Crew, reloading: Reloading, quotas: SharedQuotas, control: LogControl,
        on_reload: Callable[[ReloadOutcome], None],
    ) -> None:  # fmt: skip
        self._crew = crew
        self._reloading = reloading
        self._journal = Journal()
        self._source = WorkersSource(crew, reloading, quotas)
        self.switches = KeptSwitches()
        self._acting = Acting(self._source.asking, self._journal, self.switches, self._spread)
        self._own = (reload_action(reloading.reload, on_reload), self._log(control), self._reset(quotas))

    def hear(self, member: Member, message: Opened | Heard | Counted | Switched) -> None:
        """Handle *message* of *member*; a worker that has just opened gets the orders that the others already had."""
        if isinstance(message, Switched):
            self.switches.merge(dict(message.changes))
            return
        if not isinstance(message, Opened):
            self._source.hear(member, message)
            return
        for action, given in self._journal:
            member.channel.send(self._source.asking.order(action, given))
        member.channel.send(self._switched())
        member.channel.send(Go())

    def _switched(self) -> Switched:
        return Switched(tuple(self.switches.changes().items()))

    def _spread(self) -> None:
        """Send all workers the table of switches: a worker may have started while the others were asked."""
        switched = self._switched()
        for member in self._crew:
            member.channel.send(switched)

    def _log(self, control: LogControl) -> Action:
        own = log_action(control)

        async def run(given: Mapping[str, Any]) -> Outcome:
            outcome = await own.run(given)  # it refuses what makes no sense
            return await self._acting.all(own.name, given) if outcome.was_asked_for else outcome

        return Action(own.name, own.summary, run)

    def _reset(self, quotas: SharedQuotas) -> Action:
        """Return what lets a caller begin anew: here, or by all workers where they count in a store elsewhere."""
        own = reset_action(lambda: self._reloading.plan, quotas.used, quotas.forget)

        async def run(given: Mapping[str, Any]) -> Outcome:
            is_elsewhere = self._reloading.plan.store.is_remote
            return await (self._acting.all(own.name, given) if is_elsewhere else own.run(given))

        return Action(own.name, own.summary, run)

    async def serve(self, listener: Listener, stopped: asyncio.Event) -> None:
        """Serve the admin address at *listener* until *stopped* is set. At least one worker must be serving."""
        known = self._crew.serving[0].ready.result().actions
        door = AdminDoor(listener.address, "https" if listener.is_tls else "http")
        application = AdminApplication(self._source, self._acting.actions(known, self._own), door)
        await serve_until(AdminServer(application, listener, lambda: self._reloading.plan.server), stopped)
