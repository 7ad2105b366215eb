"""A request of the direct way that waits for gates: it goes on by a callback, once, whatever comes of the gates."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.request.gates import Admission, InTask, Told, admitted

REFUSED = Answer(403, [], b"")


class Asked:
    """A gate that has to wait, or says *verdict* as soon as it is asked; its own ``Waiting``."""

    def __init__(self, *verdict: Answer | BaseException | None) -> None:
        self.verdict = verdict
        self.told: Told | None = None
        self.is_given_up = False

    def check(self, _: Exchange) -> Asked:
        """Return itself."""
        return self

    def start(self, told: Told) -> Asked:
        """Wait, or tell at once."""
        self.told = told
        if self.verdict:
            told(*self.verdict)
        return self

    def cancel(self) -> None:
        """Take note."""
        self.is_given_up = True


class Request:
    """A request that meets *gates*, of which the first waits; *ends* is what became of it, *run* what it began."""

    def __init__(self, *gates: Any, fault: Exception | None = None) -> None:
        self.ends: list[Any] = []
        self.run = Asked()
        self._fault = fault
        self.admission = Admission(gates[1:], Exchange("GET", "/", b"", []), self.ends.append, self._begin)
        self.admission.wait(gates[0])

    def _begin(self) -> Asked:
        if self._fault is not None:
            raise self._fault
        self.ends.append("begun")
        return self.run


@pytest.mark.parametrize("first", [Asked(), Asked(None)])
def test_it_meets_the_gates_in_their_turn(first):
    """The second is asked when the first has admitted, at once or later; then it begins."""
    second = Asked()
    request = Request(first, second)
    if not first.verdict:
        assert second.told is None
        first.told(None)
    assert request.ends == []
    second.told(None)
    assert request.ends == ["begun"]


@pytest.mark.parametrize("verdict", [REFUSED, ValueError("a fault")])
def test_a_gate_that_refuses_or_fails_ends_it(verdict):
    """The gates behind are not asked, and nothing begins."""
    first, second = Asked(), Asked()
    request = Request(first, second)
    first.told(verdict)
    assert (request.ends, second.told) == ([verdict], None)


def test_what_cannot_begin_is_told_once():
    """A fault of what follows the gates ends the request; nobody waits for an answer that never comes."""
    fault = RuntimeError("a fault")
    first = Asked()
    request = Request(first, fault=fault)
    first.told(None)
    assert request.ends == [fault]


def test_a_client_that_leaves_is_not_let_in():
    """What is asked is given up, and a verdict that comes all the same begins nothing."""
    first = Asked()
    request = Request(first)
    request.admission.cancel()
    first.told(None)
    assert (first.is_given_up, request.ends) == (True, [])


def test_a_client_that_leaves_later_ends_what_has_begun():
    """Once it is through, what it began is given up, also when the gate told its verdict at once."""
    for first in (Asked(), Asked(None)):
        request = Request(first)
        if not first.verdict:
            first.told(None)
        request.admission.cancel()
        assert (request.run.is_given_up, first.is_given_up) == (True, False)


def test_the_asgi_way_waits_for_the_same_gates():
    """It comes to the first refusal, raises what a gate raises, and gives up what is asked when it is cancelled."""

    async def refuse() -> Answer | None:
        await asyncio.sleep(0)
        return REFUSED

    class Slow:
        def check(self, _: Exchange) -> InTask:
            return InTask(refuse)

    async def main() -> None:
        exchange = Exchange("GET", "/", b"", [])
        assert await admitted((Asked(None), Slow()), exchange) is REFUSED
        assert await admitted((Asked(None),), exchange) is None
        with pytest.raises(ValueError, match="a fault"):
            await admitted((Asked(ValueError("a fault")),), exchange)
        gate = Asked()
        waiting = asyncio.create_task(admitted((gate,), exchange))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        gate.told(None)
        assert (gate.is_given_up, waiting.cancelled()) == (True, True)

    asyncio.run(main())
