"""A reload in two steps: everybody prepares what the supervisor has checked, and all serve it on one word, or nobody.

    checking     the supervisor loads the files; what is wrong with them is told, and nobody else hears of it
    preparing    every worker, and the fork server, loads the same files by their digest, and makes a generation
    committed    all have it: one word each, and the next worker is made of it
    dropped      one could not, or found other texts; all give it up

A worker that ends in between is no hindrance: the one in its place is made of what the fork server holds. So is one
whose plug-ins hold other code now than it has imported: it serves what it did until another one has taken its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from aggregator.errors import AggregatorError, ConfigError, place_of
from aggregator.plan.types import Plan
from aggregator.server.changes.change import Change, Changes
from aggregator.server.generations.outcomes import Outcomes
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.preparing import NO_ENDPOINTS
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.workers.fitting import obstacle
from aggregator.server.workers.messages import Commit, Drop, Made
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.member import Member
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
_TRIES = 3
_LONGEST = 120.0
"""Seconds that all together may take to prepare."""
_CHANGING = "The files change while they are loaded."


class _ChangingError(AggregatorError):
    """Somebody has read other texts."""


class Reloading:
    """Reloads of *files* for *crew*; *plan* is what is served. *replace* has others take the places of workers."""

    def __init__(self, files: PlanFiles, plan: Plan, crew: Crew, replace: Callable[[Sequence[Member]], None]) -> None:
        self._files = files
        self.plan = plan
        self.changes = Changes(files.texts)
        self._crew = crew
        self._replace = replace
        self.outcomes = Outcomes(plan)

    async def reload(self, *, asked: bool = True) -> ReloadOutcome:
        """Reload the files, or change nothing.

        Unless an operator *asked*, problems already reported are not reported again.
        """
        async with self._crew.turns.reloading():
            started = asyncio.get_running_loop().time()
            try:
                return await self._reload(started, asked=asked)
            except ConfigError as error:
                report = self._files.describe(error)
                return self.outcomes.refuse_problems(self._crew.generation, error, report, asked=asked)
            except AggregatorError as error:
                return self._refuse_in_words(str(error))
            except Exception as error:  # a fault of ours must not end reloading
                _log.debug("The fault.", exc_info=error)
                return self._refuse_in_words(f"It failed by a fault of the program: {place_of(error)}")

    async def _reload(self, started: float, *, asked: bool) -> ReloadOutcome:
        for _ in range(_TRIES):
            plan = await asyncio.to_thread(self._files.load)
            if plan.digest == self.plan.digest:
                return await self._stay(asked=asked)
            if self.plan.endpoints and not plan.endpoints:
                return self._refuse_in_words(NO_ENDPOINTS)
            if (why := obstacle(plan)) is not None:
                return self._refuse_in_words(why)
            try:
                await self._prepare(plan)
            except _ChangingError:
                await self._drop()
                continue
            except BaseException:
                await self._drop()
                raise
            return await self._commit(plan, started)
        return self._refuse_in_words(_CHANGING)

    async def _prepare(self, plan: Plan) -> None:
        """Make all workers prepare *plan*.

        Raises ``AggregatorError`` with the workers that could not, and the reasons.
        """
        maker = self._crew.maker
        assert maker is not None
        members = self._crew.serving
        try:
            async with asyncio.timeout(_LONGEST):
                found = await asyncio.gather(
                    maker.prepare(plan.digest), *(member.prepare(plan.digest) for member in members)
                )
        except TimeoutError:
            raise AggregatorError(f"The workers were not ready within {_LONGEST:g} s.") from None
        except ConnectionError as error:
            raise AggregatorError(f"No worker could be made of it: {error}.") from None
        who = ["the fork server", *(f"worker {member.pid}" for member in members)]
        knows = [True, *(not member.imported.stale for member in members)]
        for name, made, is_fresh in zip(who, found, knows, strict=True):
            if made is not None and is_fresh:
                _check(made, plan.digest, name)

    async def _commit(self, plan: Plan, started: float) -> ReloadOutcome:
        assert self._crew.maker is not None
        number, texts = self._crew.generation + 1, self._files.texts
        change = await asyncio.to_thread(Change.between, self.plan, plan, self.changes.texts, texts)
        await self._crew.maker.commit(number)
        members = self._crew.serving
        for member in members:
            member.channel.send(Drop() if member.imported.stale else Commit(number))
        self.changes.served(change, self._crew.generation, number)
        self.plan = plan
        self._crew.generation = number
        seconds = asyncio.get_running_loop().time() - started
        said = "All workers serve the new configuration."
        outcome = self.outcomes.swapped(number, plan, seconds, said=said, workers=len(members))
        self._replace_stale()
        return outcome

    async def _drop(self) -> None:
        for member in self._crew.serving:
            member.channel.send(Drop())
        if self._crew.maker is not None:
            await self._crew.maker.drop()

    async def _stay(self, *, asked: bool) -> ReloadOutcome:
        outcome = self.outcomes.unchanged(self._crew.generation, asked=asked)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                await asyncio.gather(*(member.look() for member in self._crew.serving))
        self._replace_stale()
        return outcome

    def _replace_stale(self) -> None:
        """Replace the workers whose imported plug-ins differ from the files on disk."""
        stale = [one for one in self._crew.serving if one.imported.stale and not one.relieved.is_set()]
        if stale:
            names = sorted({name for one in stale for name in one.imported.stale})
            log(_log, logging.INFO, "Plug-ins have changed; who has imported them is replaced, one after another.",
                plugins=names, workers=len(stale))  # fmt: skip
            self._replace(stale)

    def _refuse_in_words(self, why: str) -> ReloadOutcome:
        return self.outcomes.refuse(self._crew.generation, why)


def _check(made: Made, digest: str, who: str) -> None:
    """Raise what keeps *who*, who has *made* something of the files, from serving those of *digest*."""
    if made.problem:
        raise AggregatorError(f"Nobody serves it, since {who} cannot: {made.problem}")
    if made.digest != digest:
        raise _ChangingError
