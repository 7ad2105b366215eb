"""How a call is made and judged, whatever its URL: what thousands of calls share."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from aggregator.parts.frame import Frame, Written
from aggregator.runtime.calls.judging import Judge
from aggregator.runtime.calls.writing.rendering import Body, Headers, Target
from aggregator.runtime.observing.tracing import Tracing
from aggregator.templates import Splice
from aggregator.transport import Door
from aggregator.transport.door import Carrier

Bind = Callable[[Frame, Written | None], Carrier]
"""Returns the way of one request of a call, which sends what is written."""


class TimeLeft(Struct, frozen=True):
    """The header *name* of a request, which says how long it is waited for. It is written when the request is sent."""

    name: bytes

    def line(self, seconds: float) -> bytes:
        """Return the line of the header block, in whole milliseconds."""
        return b"%b: %d\r\n" % (self.name, max(0, int(seconds * 1000)))


class CallRoutine(Struct, frozen=True):
    """The way a call is made and judged, apart from its URL: thousands of calls share few routines.

    *splice* writes the target between a head and a tail, or *target* does; the header block is *block* unless
    *headers* writes one. When ``is_plain``, the target is all that a request has to write. *bind* returns the door of
    one call, where that is another one for each caller or host.
    """

    name: str
    pool: Door
    bind: Bind | None
    method: bytes
    splice: Splice | None
    target: Target | None
    block: bytes
    headers: Headers | None
    body: Body | None
    timeout: float
    judge: Judge
    redirects: int
    steps: int
    is_plain: bool
    left: TimeLeft | None = None
    tracing: Tracing | None = None
