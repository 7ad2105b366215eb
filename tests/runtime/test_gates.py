"""Gates: asked in order before anything of a request is read; what waits makes a task, what knows does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.exchange import Exchange
from aggregator.plan.serving import BackgroundPlan
from aggregator.plan.types import Plan
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.background.effects import EffectQueue
from aggregator.runtime.endpoint.handler import EndpointHandler
from aggregator.runtime.finish.leaving import Leaving
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.request.gates import InTask, Verdict
from aggregator.runtime.request.inputs import Refusal
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.parts import build_fan

FILE = "endpoints:\n  GET /x: {query: {n: {type: integer, required: true}}, respond: {body: ok}}\n"


class Scripted:
    """A gate that does what it is told, and notes that it was asked."""

    def __init__(self, name: str, asked: list[str], verdict: Callable[[], Verdict] = lambda: None) -> None:
        self._name, self._asked, self._verdict = name, asked, verdict

    def check(self, exchange: Exchange) -> Verdict:
        """Return what it was told to."""
        self._asked.append(self._name)
        return self._verdict()


def refused() -> Answer:
    """Return the answer of a gate that refuses."""
    return problem(403, "No.")


def later(answer: Answer | None) -> InTask:
    """Return a verdict that is *answer* in the next turn of the loop."""

    async def ask() -> Answer | None:
        await asyncio.sleep(0)
        return answer

    return InTask(ask)


def raises(error: Exception) -> Callable[[], Verdict]:
    """Return a verdict that is *error*."""

    def verdict() -> Verdict:
        raise error

    return verdict


@pytest.fixture
def served(plan_of: Callable[[str], Plan]) -> Callable[..., EndpointHandler]:
    """Makes the handler of one endpoint with these gates."""

    def make(*gates: Any, finish: Any = None) -> EndpointHandler:
        plan = plan_of(FILE)
        resources = Resources(lambda _: None, Plugins(), EffectQueue(BackgroundPlan()), plan.server)  # type: ignore[arg-type,return-value]
        endpoint = plan.endpoints[0]
        fan = build_fan(endpoint.fan, endpoint.key, resources, ())
        routine = resources.routine(endpoint, fan.order, ())
        return EndpointHandler(endpoint, replace(routine, gates=gates, leaving=Leaving(finish=finish)), fan.parts)

    return make


def directly(handler: EndpointHandler, query: str = "n=1", *, cancel: int | None = None) -> list[int]:
    """Return the statuses of the answers to one request on the direct way; given up after *cancel* turns."""
    answers: list[Answer] = []

    async def ask() -> None:
        exchange = handler.open("GET", "/x", query.encode(), [], (), asyncio.get_running_loop().time())
        ticket = handler.begin(exchange, asyncio.get_running_loop(), lambda answer, _: answers.append(answer))
        for turn in range(5):
            if turn == cancel:
                assert ticket is not None
                ticket.cancel()
            await asyncio.sleep(0)

    asyncio.run(ask())
    return [answer.status for answer in answers]


def by_asgi(handler: EndpointHandler, query: str = "n=1") -> list[int]:
    """Return the statuses of the answers to one request by ASGI."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.get_running_loop().create_future()

    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": query.encode(), "headers": []}
    asyncio.run(handler(scope, receive, send, ()))
    return [message["status"] for message in sent if "status" in message]


@pytest.mark.parametrize("way", [directly, by_asgi])
@pytest.mark.parametrize(
    ("verdicts", "status", "asked"),
    [
        ([lambda: None, lambda: None], 200, "ab"),
        ([refused, lambda: None], 403, "a"),
        ([lambda: None, refused], 403, "ab"),
        ([lambda: later(None), lambda: None], 200, "ab"),
        ([lambda: later(refused()), lambda: None], 403, "a"),
        ([lambda: later(None), lambda: later(refused())], 403, "ab"),
        ([lambda: later(None), refused], 403, "ab"),
        ([raises(Refusal(429, "Too many."))], 429, "a"),
    ],
)
def test_gates_are_asked_in_order(
    served: Callable[..., EndpointHandler], way: Callable[..., list[int]], verdicts: list[Any], status: int, asked: str
) -> None:
    """The first gate that refuses answers, and those behind it are not asked; on both ways alike."""
    seen: list[str] = []
    gates = [Scripted(name, seen, verdict) for name, verdict in zip("ab", verdicts, strict=False)]
    assert way(served(*gates)) == [status]
    assert "".join(seen) == asked


@pytest.mark.parametrize("way", [directly, by_asgi])
def test_a_stranger_learns_nothing_of_inputs(
    served: Callable[..., EndpointHandler], way: Callable[..., list[int]]
) -> None:
    """A request that is refused at a gate is not told that its query is wrong, too."""
    assert way(served(Scripted("a", [], refused)), query="n=x") == [403]
    assert way(served(Scripted("a", [])), query="n=x") == [422]


async def fails() -> Answer | None:
    """Fail as a gate with a mistake would."""
    raise ZeroDivisionError


def test_a_fault_in_a_gate_admits_nobody(served: Callable[..., EndpointHandler]) -> None:
    """A gate that fails by a mistake of ours is an answer of 500, and the endpoint does not run."""
    assert directly(served(Scripted("a", [], lambda: InTask(fails)))) == [500]


def test_a_refusal_that_comes_late(served: Callable[..., EndpointHandler]) -> None:
    """A gate that had to wait may raise its refusal."""

    async def verdict() -> Answer | None:
        raise Refusal(401, "Who?")

    assert directly(served(Scripted("a", [], lambda: InTask(verdict)))) == [401]


@pytest.mark.parametrize("turn", [0, 1])
def test_a_client_that_leaves_while_a_gate_waits(served: Callable[..., EndpointHandler], turn: int) -> None:
    """The gate is given up, whether it has begun or not, and nothing is answered or run."""
    ended: list[str] = []

    async def verdict() -> Answer | None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("given up")
        return None

    assert directly(served(Scripted("a", [], lambda: InTask(verdict))), cancel=turn) == []
    assert ended == ["given up"] * turn


def test_gates_without_a_wait_make_no_task(served: Callable[..., EndpointHandler]) -> None:
    """A request whose gates know at once is answered before ``begin`` returns."""

    def without_loop() -> list[int]:
        answers: list[Answer] = []
        handler = served(Scripted("a", []))
        exchange = handler.open("GET", "/x", b"n=1", [], (), 0.0)
        handler.begin(exchange, SimpleNamespace(time=lambda: 0.0), lambda answer, _: answers.append(answer))  # type: ignore[arg-type]
        return [answer.status for answer in answers]

    assert without_loop() == [200]


@pytest.mark.parametrize("way", [directly, by_asgi])
@pytest.mark.parametrize("gates", [[], [lambda: None], [refused], [lambda: later(refused())]])
def test_every_answer_is_finished(
    served: Callable[..., EndpointHandler], way: Callable[..., list[int]], gates: list[Callable[[], Verdict]]
) -> None:
    """What every answer of an endpoint carries is put on good ones, refused ones and those that came late."""
    finished: list[int] = []
    handler = served(
        *(Scripted("a", [], verdict) for verdict in gates), finish=lambda _, answer: finished.append(answer.status)
    )
    assert way(handler) == finished
