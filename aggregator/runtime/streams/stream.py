"""A streaming endpoint: all that does not depend on the request."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from aggregator.parts.frame import Frame
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.compressing import Compressing
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.finish.building import Finish
from aggregator.runtime.streams.around import AroundStream
from aggregator.runtime.streams.heads import Head
from aggregator.runtime.streams.ways import Way


class Stream(Struct, frozen=True, eq=False):
    """A streaming endpoint: all that does not depend on the request."""

    plan: EndpointPlan
    head: Head
    way: Way
    discloses: Discloses
    finish: Finish | None = None
    compressing: Compressing | None = None

    @property
    def sender(self) -> Sender:
        """The sender of the call."""
        return self.way.sender

    @property
    def around(self) -> AroundStream:
        """The policies around each attempt."""
        return self.way.around

    def chosen(self, frame: Frame) -> Stream:
        """Return the stream of one request; raise ``CallError`` when it leads nowhere."""
        return self if self.way.further is None else replace(self, way=self.way.of(frame))
