"""What the span of a call learns on its way: the host that it takes, and how an answer that is streamed begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aggregator.causes import Cause, State
from aggregator.errors import CallError
from aggregator.parts.frame import Frame, Written
from aggregator.policies.hosts.door import HostsDoor
from aggregator.policies.hosts.plan import HostPlan
from aggregator.telemetry.traces.trace import CallSpan, Server
from aggregator.transport import Door, Origin, StreamReply
from aggregator.transport.door import Carrier


def server_at(origin: Origin) -> Server:
    """Return the server at *origin*."""
    return Server(origin.scheme, origin.host, origin.port, origin.address)


def followed(call: CallSpan, door: Door, frame: Frame, written: Written | None = None) -> Carrier | None:
    """Return a way behind *door* that tells *call* which of several hosts it takes; None where there is but one.

    It sends what is *written*, where *frame* does not know that.
    """

    def chosen(host: HostPlan) -> None:
        call.server = server_at(host.pool.origin)

    return door.followed(frame, chosen, written) if isinstance(door, HostsDoor) else None


async def begun(
    call: CallSpan, asked: Awaitable[StreamReply], is_failure: Callable[[StreamReply], bool], clock: Callable[[], float]
) -> StreamReply:
    """Return the reply of *asked*, and tell *call* how that began; it ends where the reply *is_failure*."""
    try:
        reply = await asked
    except CallError as error:
        call.ended, call.state, call.cause = clock(), State.FAILED.value, error.cause.value
        raise
    call.status, call.state = reply.status, State.OK.value
    if is_failure(reply):
        call.ended, call.state, call.cause = clock(), State.FAILED.value, Cause.STATUS.value
    return reply
