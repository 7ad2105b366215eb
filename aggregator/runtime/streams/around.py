"""What is around each attempt at a stream, from outside in: the breaker of its upstream, its turn, its places."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from functools import partial

from msgspec import Struct

from aggregator.parts.frame import Frame
from aggregator.policies.breaker.breaking import Sent, breaker_for, let_through
from aggregator.policies.breaker.table import Breakers
from aggregator.policies.concurrency.holding import held
from aggregator.policies.concurrency.places import Places
from aggregator.policies.mock.choosing import is_mocked
from aggregator.policies.rate_limit.pacing import Pace
from aggregator.policies.switches.plan import OffPlan
from aggregator.policies.switches.switched import switched_off
from aggregator.runtime.streams.repeating import Ask, Retrying
from aggregator.templates import Expression
from aggregator.transport import Door, StreamReply
from aggregator.transport.door import Carrier


class AroundStream(Struct, frozen=True, eq=False):
    """The policies of the upstream *label*, None for those that it has not.

    It is not asked at all when it is *off*; *retrying* is around all attempts.
    """

    label: str
    off: OffPlan | None = None
    retrying: Retrying | None = None
    breakers: Breakers | None = None
    pace: Pace | None = None
    streams: Places | None = None
    places: Places | None = None
    mock: tuple[Expression, Door] | None = None

    def door(self, frame: Frame, usual: Carrier) -> Carrier:
        """Return the way that a request takes: the *usual* one, or the mock where its condition holds."""
        return self.mock[1] if self.mock is not None and is_mocked(self.mock[0], frame.names) else usual

    async def reply(self, frame: Frame, ask: Ask, seconds: float) -> StreamReply:
        """Return the reply to one attempt, whose head has to come within *seconds*. Raises CallError."""
        if self.off is not None:
            raise switched_off(self.off, self.label, time.time)
        attempt = partial(self._in_turn, frame, ask, frame.loop.time() + seconds)
        if self.breakers is None:
            return await attempt(Sent(0.0))
        return await let_through(
            breaker_for(self.breakers, frame.names, frame.loop.time()), self.label, frame.loop.time, attempt
        )

    async def _in_turn(self, frame: Frame, ask: Ask, due: float, sent: Sent) -> StreamReply:
        clock = frame.loop.time

        def begin() -> Awaitable[StreamReply]:
            sent.at = clock()
            return ask(due - sent.at)

        if self.pace is not None:
            await self.pace.turn(min(due, frame.deadline) - clock())
        reply = begin
        for places in (self.places, self.streams):
            if places is not None:
                reply = partial(held, places, reply, min(due, frame.deadline))
        return await reply()
