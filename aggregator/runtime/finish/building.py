"""From the plan of what answers carry to one function, in the order that ``plan/order/request.py`` declares."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from aggregator.edge.caching import is_of_caches, is_targeted, private_field
from aggregator.edge.prefixes import is_below
from aggregator.exchange import Exchange
from aggregator.http import replaced
from aggregator.plan.edge import EdgePlan
from aggregator.plan.order.request import FINISH
from aggregator.plan.order.step import tied
from aggregator.runtime.answers.answer import PRIVATE, Answer, Tail
from aggregator.runtime.finish.errors import OwnErrors
from aggregator.runtime.finish.headers import AddedHeaders, Carried, CorsHeaders, FixedHeaders, MadeHeaders

_OF_THE_PROCESS = "/-"
Finish = Callable[[Exchange, Answer], None]
"""Changes an answer before it is sent."""


def compile_finish(plan: EdgePlan) -> Finish | None:
    """Return what is done to each answer of *plan*; None when nothing is."""
    steps = _joined([build(plan) for step, build in _STEPS if step.has(plan)])
    return _together(tuple(steps)) if len(steps) > 1 else steps[0] if steps else None


def _joined(steps: list[Finish]) -> list[Finish]:
    """Return *steps* with those that follow one another and read only an origin as one."""
    found: list[Finish] = []
    for step in steps:
        last = found[-1] if found else None
        if not isinstance(step, CorsHeaders | FixedHeaders | AddedHeaders):
            found.append(step)
        elif isinstance(last, Carried):
            found[-1] = Carried((*last.steps, step))
        else:
            found.append(Carried((step,)))
    return found


def _cors(plan: EdgePlan) -> Finish:
    assert plan.cors is not None
    return CorsHeaders(plan.cors)


def compile_finishes(outer: EdgePlan, prefixes: tuple[tuple[str, EdgePlan], ...]) -> Finish | None:
    """Return what is done to answers of no endpoint, by the first of *prefixes* that they are below, or *outer*.

    What the process tells of itself is for no page of another origin, whatever that may read else.
    """
    below = [(prefix, compile_finish(plan)) for prefix, plan in prefixes]
    if outer.cors is not None or any(plan.cors is not None for _, plan in prefixes):
        below.insert(0, (_OF_THE_PROCESS, compile_finish(replace(outer, cors=None))))
    rest = compile_finish(outer)
    if not below:
        return rest

    def finish(exchange: Exchange, answer: Answer) -> None:
        found = next((found for prefix, found in below if is_below(exchange.path, prefix)), rest)
        if found is not None:
            found(exchange, answer)

    return finish


def _together(steps: tuple[Finish, ...]) -> Finish:
    def finish(exchange: Exchange, answer: Answer) -> None:
        for step in steps:
            step(exchange, answer)

    return finish


_MOST = 256
"""Tails of others that are remembered with what is behind them."""


def private(finish: Finish | None, declared: frozenset[bytes]) -> Finish:
    """Return *finish*, and behind it what keeps shared caches off an answer.

    Fields of caching that the file has *declared* stay; what an upstream says was meant for others than a caller.
    """
    known: dict[int, tuple[Tail, Tail]] = {}

    def longer(tail: Tail) -> Tail | None:
        """Return *tail* with the field behind it, None where one of it says something of caching."""
        found = known.get(id(tail))
        if found is not None:
            return found[1]
        if any(name == b"cache-control" for name, _ in tail.fields):
            return None
        made = Tail.of([*tail.fields, *PRIVATE.fields])
        if len(known) >= _MOST:
            known.clear()
        known[id(tail)] = tail, made  # with the tail itself, so that no other one gets its number
        return made

    def finished(exchange: Exchange, answer: Answer) -> None:
        if finish is not None:
            finish(exchange, answer)
        if answer.tail is PRIVATE:
            return
        for name, _ in answer.leading:
            if is_of_caches(name):
                break
        else:
            tail = PRIVATE if answer.tail is None else longer(answer.tail)
            if tail is not None:  # as nearly always
                answer.tail = tail
                return
        headers = [field for field in answer.headers if field[0] in declared or not is_targeted(field[0])]
        if b"cache-control" not in declared:
            said = [value for name, value in headers if name == b"cache-control"]
            headers = replaced(headers, b"cache-control", private_field(b", ".join(said)))
        answer.headers = headers

    return finished


def remembering(finish: Finish | None) -> Finish:
    """Return *finish*, and behind it what ends a signed delivery: one that is answered with 2xx is remembered."""

    def finished(exchange: Exchange, answer: Answer) -> None:
        if finish is not None:
            finish(exchange, answer)
        if exchange.delivery is not None:
            exchange.delivery.end(well=200 <= answer.status < 300)

    return finished


_BUILDERS: dict[str, Callable[[EdgePlan], Finish]] = {
    "errors": lambda plan: OwnErrors(plan.errors),
    "made": lambda plan: MadeHeaders(plan.made),
    "fixed": lambda plan: FixedHeaders(plan.fixed),
    "lifecycle": lambda plan: AddedHeaders(plan.lifecycle),
    "cors": _cors,
}
_STEPS = tied(FINISH, _BUILDERS)
