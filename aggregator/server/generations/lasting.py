"""What outlives the process, in the folder of `state`: who is given it, and when it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, TypeAlias

from aggregator.plan.types import Plan
from aggregator.policies.credentials.oauth.refreshing import Rotated
from aggregator.policies.rate_limit.ledger import Ledger
from aggregator.policies.registry import Registry
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.idempotent.answers import IdempotentAnswers
from aggregator.server.generations.switching import Switching
from aggregator.server.sharing.effects import effects_of
from aggregator.stores.folder import StateFolder

Keeps: TypeAlias = Literal["all", "shared", "nothing"]


class Lasting:
    """The folder of `state`, while the application runs.

    What it *keeps* of it is all, nothing, or the files that several processes share while another one holds the folder.
    """

    def __init__(
        self, switching: Switching, states: Registry, clock: Callable[[], float], outbox: Outbox, *, keeps: Keeps
    ) -> None:
        self._switching = switching
        self._rotated = Rotated(states)
        self._followers = (Ledger(states, clock), self._rotated)
        self._outbox = outbox
        self._clock = clock
        self.answers = IdempotentAnswers(clock)
        """What idempotent endpoints have answered; it is here where there is no folder, too."""
        self._keeps = keeps
        self._folder: Path | None = None
        self._stack: AsyncExitStack | None = None

    async def open(self, plan: Plan, stack: AsyncExitStack) -> None:
        """Take up what a process before has left, until *stack* is closed; raises ``StartupError``."""
        stack.push_async_callback(self.answers.aclose)
        if self._keeps == "nothing":
            self.answers.configure(plan.server.idempotency)
            return
        if plan.state is None:
            await self._begin(None, plan, stack)
            return
        if self._keeps == "shared":
            stack.push_async_callback(self._rotated.aclose)
            self._rotated.share(Path(plan.state))
            await self._begin(Path(plan.state), plan, stack)
            return
        folder = await asyncio.to_thread(StateFolder, Path(plan.state))
        stack.callback(folder.close)
        self._switching.remember(folder)
        for follower in self._followers:
            stack.push_async_callback(follower.aclose)
            follower.remember(folder)
        await self._begin(folder.path, plan, stack)

    async def _begin(self, folder: Path | None, plan: Plan, stack: AsyncExitStack) -> None:
        self._folder, self._stack = folder, stack
        stack.callback(self._leave)
        await self.follow(plan)

    def _leave(self) -> None:
        self._folder = self._stack = None

    def serving(self) -> None:
        """Take up the states of a generation that begins to serve."""
        for follower in self._followers:
            follower.follow()

    async def follow(self, plan: Plan) -> None:
        """Open the durable effects, where *plan* has any or some were left, and answers by key, where it keeps any.

        Raises ``StartupError``.
        """
        self.answers.configure(plan.server.idempotency)
        stack = self._stack
        if stack is None:
            return
        place = plan.store if plan.server.idempotency.is_shared else self._folder
        if place is not None and plan.has_idempotency:
            await self.answers.open(place)
        kept = None if self._outbox.is_open else await effects_of(plan, self._folder, self._clock)
        if kept is not None:
            self._outbox.open(kept, plan.background)
            stack.push_async_callback(self._outbox.close, 0.0)
