"""A mock on a port: its answers, its delays, and its faults as a client meets them on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from msgspec.structs import replace

from aggregator.demo.listening import Listening
from aggregator.demo.messages import Request, Response
from aggregator.errors import CallError
from aggregator.http import FRAMING
from aggregator.policies.mock.matching import find_route, in_order
from aggregator.policies.mock.plan import MockPlan, MockRoutePlan
from aggregator.policies.mock.script import Script
from aggregator.server.mocking.recording.recorder import Recorder
from aggregator.transport import Reply


class MockServer:
    """Answers as *plan* says, until another one is put in its place by `use`.

    What *recorder* has no route for is passed on by it, and is a route from then on.
    """

    def __init__(self, plan: MockPlan, recorder: Recorder | None = None) -> None:
        self.plan = plan
        self._script = Script(plan)
        self._recorder = recorder
        if recorder is not None:
            recorder.add = self.add
        self._listening = Listening(self._answer, "aggregator-mock")

    def use(self, plan: MockPlan) -> None:
        """Answer as *plan* says from now on."""
        self.plan = plan
        self._script = Script(plan)

    def add(self, route: MockRoutePlan) -> None:
        """Answer by *route*, too, from now on."""
        self.use(replace(self.plan, routes=in_order((*self.plan.routes, route))))

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which is a free one where *port* is 0. Raises OSError when it cannot."""
        return await self._listening.start(host, port)

    async def aclose(self) -> None:
        """Stop listening and end every connection; no task of the server is left when this returns."""
        await self._listening.aclose()

    async def _answer(self, request: Request) -> Response:
        if self._recorder is not None and not _is_answered(self.plan, request.method, self._recorder.key(request)):
            return await self._recorder.answer(request)
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


def _is_answered(plan: MockPlan, method: str, key: str) -> bool:
    """Return whether *plan* has a route with the very query of *key*: another one may be another answer."""
    path, _, query = key.partition(" ")[2].encode("latin-1").partition(b"?")
    route, _ = find_route(plan.routes, method, path, query)
    return route is not None and route.query == frozenset(query.split(b"&") if query else ())


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
