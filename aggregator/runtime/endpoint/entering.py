"""How a request enters an endpoint without a task: through its gates, at once or when the last of them has told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.answers.replying import fault_answer
from aggregator.runtime.finish.leaving import Answered, Leaving, leave
from aggregator.runtime.request.gates import Admission, Gate, Verdict, Waiting
from aggregator.runtime.request.inputs import Refusal
from aggregator.transport.door import Cancelable

Beginning = Callable[[Exchange, asyncio.AbstractEventLoop, Answered], Cancelable | None]
"""Begins what follows when a request was let through."""


def admit(
    gates: tuple[Gate, ...], go_on: Beginning, exchange: Exchange, loop: asyncio.AbstractEventLoop,
    answered: Answered, key: str, leaving: Leaving | None,
) -> Cancelable | None:  # fmt: skip
    """Ask *gates* of the endpoint *key*, and let the request *go_on*: at once when none of them has to wait."""
    verdict: Verdict = None
    try:
        for gate in gates:
            if (verdict := gate.check(exchange)) is not None:
                break
    except Refusal as refusal:
        verdict = refused(refusal, exchange)
    if verdict is None:
        return go_on(exchange, loop, answered)
    return hold(verdict, gates[gates.index(gate) + 1 :], go_on, exchange, loop, answered, key, leaving)


def hold(
    verdict: Answer | Waiting, rest: tuple[Gate, ...], go_on: Beginning, exchange: Exchange,
    loop: asyncio.AbstractEventLoop, answered: Answered, key: str, leaving: Leaving | None,
) -> Cancelable | None:  # fmt: skip
    """Answer a request by the *verdict* that refuses it; or let it *go_on* when what it waits for, and the *rest*, do.

    An answer that refuses it meets the steps of *leaving*.
    """
    if isinstance(verdict, Answer):
        leave(leaving, exchange, answered)(verdict, None)
        return None

    def refuse(verdict: Answer | BaseException) -> None:
        refusing = verdict if isinstance(verdict, Answer) else unadmitted(verdict, exchange, key)
        leave(leaving, exchange, answered)(refusing, None)

    admission = Admission(rest, exchange, refuse, lambda: go_on(exchange, loop, answered))
    admission.wait(verdict)
    return admission


def unadmitted(error: BaseException, exchange: Exchange, key: str) -> Answer:
    """Return the answer to a request whose gate raised *error*: it is refused, whatever the fault was."""
    if isinstance(error, Refusal):
        return refused(error, exchange)
    return fault_answer(key, error if isinstance(error, Exception) else Exception(error), exchange.id)


def refused(refusal: Refusal, exchange: Exchange) -> Answer:
    """Return *refusal* as the answer to the request of *exchange*."""
    return problem(
        refusal.status, refusal.detail, request_id=exchange.id, headers=refusal.headers, errors=refusal.errors
    )
