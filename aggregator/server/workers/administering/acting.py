"""Actions of operators on all workers: each worker gets one order, the operator gets one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.server.admin.actions import Action, ActionError, Actions, Outcome
from aggregator.server.admin.reading.views import CONFIG
from aggregator.server.admin.requests import PATH as REQUESTS
from aggregator.server.workers.administering.asking import TO_ANSWER, TO_TRY, Answers, Asking
from aggregator.server.workers.administering.gathering import outcome_together
from aggregator.server.workers.administering.journal import Journal
from aggregator.server.workers.administering.switches import KeptSwitches
from aggregator.server.workers.messages import Told
from aggregator.server.workers.supervising.member import Member

_SOME = 504
"""The status of what only some have done."""
Run = Callable[[Mapping[str, Any]], Awaitable[Outcome]]


class Acting:
    """Has those that *asking* asks do things.

    *journal* and *switches* remember what workers that come later have to do as well; *spread* tells all what the
    second know.
    """

    def __init__(
        self, asking: Asking, journal: Journal, switches: KeptSwitches, spread: Callable[[], None]
    ) -> None:  # fmt: skip
        self._asking = asking
        self._journal = journal
        self._switches = switches
        self._spread = spread

    def actions(self, known: Iterable[tuple[str, str]], own: Iterable[Action]) -> Actions:
        """Return the actions that workers *know*, by name and summary, and in place of some of them *own* ones."""
        ways: dict[str, Run] = {
            "try": self._try,
            "replay": self.replay,
            "effect": self._effect,
            "switch": self._switch,
        }
        actions, mine = Actions(), {one.name: one for one in own}
        for name, summary in known:
            actions.add(mine.get(name) or Action(name, summary, ways.get(name) or self.passing(name)))
        return actions

    def passing(self, name: str) -> Run:
        """Return what has all workers do the action *name*."""

        async def run(given: Mapping[str, Any]) -> Outcome:
            return await self.all(name, given)

        return run

    async def all(self, name: str, given: Mapping[str, Any]) -> Outcome:
        """Send the action *name* to all workers, and return their common outcome.

        Raises ``ActionError``: when all refuse, or when only some have done it.
        """
        self._journal.add(name, given)  # a worker that comes meanwhile does it as well
        answers = await self._asking.all(self._asking.order(name, given))
        if answers.told and not answers.missing and all(_is_refusal(one) for _, one in answers.told):
            self._journal.forget(name, given)
        said = answers.data()
        if why := _unfinished(answers):
            raise ActionError(
                _SOME, f"Done by {len(said)} of {len(answers.told) + len(answers.missing)} workers. {why}"
            )
        summaries = [told.summary for _, told in answers.told if told.status < 400]
        whole = outcome_together(name, said)
        if not isinstance(whole, Mapping) or whole == said[0][1]:  # else what each has counted is a part of the whole
            summaries = list(dict.fromkeys(summaries))
        return Outcome(whole, f"{'; '.join(summaries)} (workers: {len(said)})")

    async def _switch(self, given: Mapping[str, Any]) -> Outcome:
        """Send a switch to all workers, and remember it when at least one has obeyed."""
        given = self._switches.timed(given)
        try:
            outcome = await self.all("switch", given)
        except ActionError as error:
            if error.status == _SOME:
                await self._take(given)
            raise
        await self._take(given)
        return outcome

    async def _take(self, given: Mapping[str, Any]) -> None:
        try:
            await self._switches.take(given)
        finally:
            self._spread()

    async def _effect(self, given: Mapping[str, Any]) -> Outcome:
        """Send an action on durable effects to one worker: all share the store."""
        return await self._by_one("effect", given)

    async def _try(self, given: Mapping[str, Any]) -> Outcome:
        """Send a trial request to one worker."""
        return await self._by_one("try", given)

    async def _by_one(self, name: str, given: Mapping[str, Any]) -> Outcome:
        answers = await self._asking.all(self._asking.view(CONFIG, {}))
        if not answers.told:
            raise answers.refusal()
        return await self._by(name, given, answers.told[0][0])

    async def replay(self, given: Mapping[str, Any]) -> Outcome:
        """Return what came of a kept request that was sent again by the worker that has kept it."""
        kept = await self._asking.all(self._asking.view(f"{REQUESTS}/{given.get('id', '')}", {}))
        holders = [member for member, told in kept.told if told.status < 400]
        if not holders:
            raise kept.refusal()
        return await self._by("replay", given, holders[0])

    async def _by(self, name: str, given: Mapping[str, Any], member: Member) -> Outcome:
        answers = await self._asking.one(self._asking.order(name, given), member, TO_TRY)
        if not answers.told or answers.told[0][1].status >= 400:
            raise answers.refusal()
        told = answers.told[0][1]
        return Outcome(json_codec.decode(told.body), f"{told.summary} (worker {member.pid})", told.status)


def _is_refusal(told: Told) -> bool:
    return 400 <= told.status < 500


def _unfinished(answers: Answers) -> str:
    """Return the workers that failed, and those that did not answer; one that has nothing to change has succeeded."""
    failed = [
        f"Worker {member.pid}: {json_codec.decode(one.body)}" for member, one in answers.told if one.status >= 500
    ]
    silent = [
        f"Worker {pid} has not answered within {TO_ANSWER:g} s; it does it when it goes on." for pid in answers.missing
    ]
    return " ".join([*failed, *silent])
