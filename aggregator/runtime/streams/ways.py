"""To whom a stream can come: one upstream, or the one of several that its request chooses."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from aggregator.parts.frame import Frame
from aggregator.policies.routing.choosing import choice_of
from aggregator.policies.routing.routed import target_of
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.streams.around import AroundStream


class Way(Struct, frozen=True, eq=False):
    """The call of a stream with what is *around* it; *further* are the ways by key of a route or number of a choice.

    *chosen* is the label of the upstream where there was a choice.
    """

    sender: Sender
    around: AroundStream
    further: Mapping[str, Way] | None = None
    chosen: str = ""

    def of(self, frame: Frame) -> Way:
        """Return the way of one request; raise ``CallError`` when the key of a route is unknown."""
        plan = self.sender.plan
        if self.further is None:
            return self
        if plan.choice is not None:
            return self.further[str(choice_of(plan.choice.chance, frame.names))].of(frame)
        assert plan.upstream.route is not None
        return target_of(plan.upstream.route.by, self.further, self.around.label, frame.names).of(frame)
