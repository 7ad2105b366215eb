"""Questions and orders to workers: who does not answer in time is named, and never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aggregator.codecs import json as json_codec
from aggregator.server.admin.actions import ActionError
from aggregator.server.workers.messages import Ask, Told
from aggregator.server.workers.supervising.member import Member

TO_ANSWER, TO_TRY = 1.0, 65.0
"""Seconds that a worker has to answer, and to send a request to its end."""


class Answers(NamedTuple):
    """The answers of workers (*told*), and the processes of those that did not answer within *seconds* (*missing*).

    One that has ended before it answered is in neither.
    """

    told: list[tuple[Member, Told]]
    missing: tuple[int, ...]
    seconds: float

    def data(self) -> list[tuple[Member, Any]]:
        """Return what they told, decoded. Raises ``ActionError`` when all refuse, or nobody has answered."""
        done = [(member, json_codec.decode(one.body)) for member, one in self.told if one.status < 400]
        if not done:
            raise self.refusal()
        return done

    def refusal(self) -> ActionError:
        """Return why nobody has done what was asked for: a worker that failed says more than one that has nothing."""
        if self.told:
            said = next((one for _, one in self.told if one.status >= 500), self.told[0][1])
            return ActionError(said.status, str(json_codec.decode(said.body)))
        if not self.missing:
            return ActionError(503, "No worker has answered: each that was asked has ended.")
        return ActionError(503, f"No worker has answered within {self.seconds:g} s.")


class Asking:
    """Asks those that *members* returns, which are ready to answer."""

    def __init__(self, members: Callable[[], Iterable[Member]]) -> None:
        self._members = members
        self._numbers = count(1)

    def view(self, path: str, asked: Mapping[str, str]) -> Ask:
        """Return the question for *path*."""
        return Ask(next(self._numbers), path, urlencode(asked))

    def order(self, action: str, given: Mapping[str, Any]) -> Ask:
        """Return the order to do *action* with *given*."""
        return Ask(next(self._numbers), action, given=json_codec.encode(dict(given)), is_action=True)

    async def all(self, ask: Ask, seconds: float = TO_ANSWER) -> Answers:
        """Return what each of them answers within *seconds*."""
        return await self._by(list(self._members()), ask, seconds)

    async def one(self, ask: Ask, member: Member, seconds: float) -> Answers:
        """Return what *member* answers within *seconds*."""
        return await self._by([member], ask, seconds)

    async def _by(self, members: Sequence[Member], ask: Ask, seconds: float) -> Answers:
        found = await asyncio.gather(*(self._of(member, ask, seconds) for member in members))
        told = [(member, one) for member, one in zip(members, found, strict=True) if one is not None]
        missing = [
            member.pid for member, one in zip(members, found, strict=True) if one is None and not member.ended.done()
        ]
        return Answers(told, tuple(missing), seconds)

    async def _of(self, member: Member, ask: Ask, seconds: float) -> Told | None:
        if member.channel.is_full:  # it reads nothing: what is sent on would only wait
            return None
        try:
            async with asyncio.timeout(seconds):
                return await member.ask(ask)
        except TimeoutError:
            return None
