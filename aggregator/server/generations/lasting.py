"""State that outlives the process, in the folder of `state`: opened, handed to its users, moved on reload, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from msgspec import Struct

from aggregator.plan.serving import BackgroundPlan
from aggregator.plan.types import Plan
from aggregator.policies.credentials.oauth.refreshing import Rotated
from aggregator.policies.idempotency.plan import AnswerBounds
from aggregator.policies.rate_limit.ledger import Ledger
from aggregator.policies.registry import Registry
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.runtime.idempotent.answers import IdempotentAnswers, Place
from aggregator.server.generations.switching import Switching
from aggregator.server.sharing.effects import effects_of
from aggregator.stores.answers.contract import Answers
from aggregator.stores.effects.contract import EffectStore
from aggregator.stores.folder import StateFolder

Keeps: TypeAlias = Literal["all", "shared", "nothing"]
_T = TypeVar("_T")


class Moving(Struct, frozen=True, eq=False):
    """A prepared change of what outlives the process: what was opened for it is moved to, or closed.

    Answers by key keep to *bounds* from then on, in *place*; *effects* are given to *deliver*.
    """

    answers: IdempotentAnswers
    bounds: AnswerBounds
    place: Place = None
    opened: Answers | None = None
    effects: EffectStore | None = None
    deliver: Callable[[EffectStore], None] | None = None

    def commit(self) -> None:
        """Keep claims and effects in the new place from now on."""
        self.answers.configure(self.bounds)
        if self.opened is not None:
            self.answers.move(self.place, self.opened)
        if self.effects is not None and self.deliver is not None:
            self.deliver(self.effects)

    async def beside(self, built: Awaitable[_T]) -> _T:
        """Return what is *built* for the same plan; drop the change where that fails."""
        try:
            return await built
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Keep the old place, and close the new one."""
        for opened in (self.opened, self.effects):
            if opened is not None:
                self.answers.close_soon(opened)


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
        """Open the state that an earlier process left, until *stack* is closed. Raises ``StartupError``."""
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
        self.answers.folder = folder
        stack.callback(self._leave)
        (await self.prepare(plan)).commit()

    def _leave(self) -> None:
        self._folder = self._stack = self.answers.folder = None

    def serving(self) -> None:
        """Follow the registered states of the generation that now serves."""
        for follower in self._followers:
            follower.follow()

    async def prepare(self, plan: Plan) -> Moving:
        """Open the store of durable effects, if *plan* has any or some were left, and the store of answers by key.

        Raises ``StartupError``.
        """
        if self._stack is None:
            return Moving(self.answers, plan.server.idempotency)
        await self.answers.closed()  # what a reload before has opened in vain
        effects = None if self._outbox.is_open else await effects_of(plan, self._folder, self._clock)
        place = plan.store if plan.server.idempotency.is_shared else self._folder
        try:
            opened = await self.answers.opened(place) if plan.has_idempotency else None
        except BaseException:
            if effects is not None:
                await effects.aclose()
            raise
        deliver = partial(self._deliver, self._stack, plan.background)
        return Moving(self.answers, plan.server.idempotency, place, opened, effects, deliver)

    def _deliver(self, stack: AsyncExitStack, plan: BackgroundPlan, effects: EffectStore) -> None:
        self._outbox.open(effects, plan)
        stack.push_async_callback(self._outbox.close, 0.0)
