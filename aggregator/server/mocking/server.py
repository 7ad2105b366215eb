"""A mock on a port: its answers, its delays, and its faults as a client meets them on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from aggregator.demo.listening import Listening
from aggregator.demo.messages import Request, Response
from aggregator.errors import CallError
from aggregator.http import FRAMING
from aggregator.policies.mock.plan import MockPlan
from aggregator.policies.mock.script import Script
from aggregator.transport import Reply


class MockServer:
    """Answers as *plan* says, until another one is put in its place by `use`."""

    def __init__(self, plan: MockPlan) -> None:
        self._script = Script(plan)
        self._listening = Listening(self._answer, "aggregator-mock")

    def use(self, plan: MockPlan) -> None:
        """Answer as *plan* says from now on."""
        self._script = Script(plan)

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which is a free one where *port* is 0. Raises OSError when it cannot."""
        return await self._listening.start(host, port)

    async def aclose(self) -> None:
        """Stop listening and end every connection; no task of the server is left when this returns."""
        await self._listening.aclose()

    async def _answer(self, request: Request) -> Response:
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items()).encode("latin-1")
        act = self._script.act(
            request.method.encode("ascii"), request.target.encode("latin-1"), headers, request.body or None
        )
        await asyncio.sleep(act.delay)
        if not act.end:
            await asyncio.Event().wait()  # until the client has gone
        if not isinstance(act.outcome, Reply):
            raise ConnectionResetError from act.outcome if isinstance(act.outcome, CallError) else None
        return _response(act.outcome, act.cut)


def _response(reply: Reply, cut: int | None) -> Response:
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers)
    announced = next((int(value) for name, value in fields if name == "content-length" and value.isdigit()), None)
    fields = tuple(field for field in fields if field[0] not in FRAMING)
    if cut is None or cut >= len(reply.body):
        return Response(reply.status, reply.body, headers=fields, length=None if reply.body else announced)
    return Response(reply.status, _beginning(reply.body[:cut]), headers=fields, length=len(reply.body))


async def _beginning(piece: bytes) -> AsyncGenerator[bytes, None]:
    """Yield the beginning of a body that announces more; the connection ends there."""
    yield piece
