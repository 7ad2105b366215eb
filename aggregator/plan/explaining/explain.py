"""One endpoint, explained without calling anybody: order, requests, deadlines, and what every failure becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.plan.analysis.failing import part_failings
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import CallPlan, PartPlan
from aggregator.plan.explaining.admitted import admission_member
from aggregator.plan.explaining.carried import carried_member
from aggregator.plan.explaining.drawing.graph import Line, draw_tree, mermaid, tree_of
from aggregator.plan.explaining.repeated import repeat_member
from aggregator.plan.explaining.sending.preview import RequestPreview, Veil, preview, shown
from aggregator.plan.explaining.summary import (
    call_words,
    deadline_of,
    effect_calls,
    named_calls,
    part_text,
    shadow_text,
)
from aggregator.plan.explaining.timing import attempts_member, attempts_text
from aggregator.plan.explaining.truth import Case, answer_cases, cases_of, rule_text
from aggregator.plan.order.request import request_words
from aggregator.plan.types import EndpointPlan, ResponsePlan
from aggregator.policies.degrade.plan import DegradePlan
from aggregator.policies.switches.plan import MaintenancePlan
from aggregator.templates import json_text


class ExplainedCall(Struct, frozen=True):
    """One request as it would be written, and its deadline; *part* is its place: ``page.cart``.

    *seconds* is its limit, of a stream that of its first byte, cut to the endpoint's deadline when *is_cut*. *role* is
    ``call``, ``fallback``, ``race``, ``group`` or ``background``. *attempts* are those of a call that is sent more than
    once, in words and as data. *places* is how many streams its upstream has at once, None of what is no stream.
    """

    part: str
    role: str
    request: RequestPreview
    seconds: float
    is_cut: bool
    attempts: str | None = None
    attempts_member: dict[str, object] | None = None
    places: int | None = None


class ExplainedPart(Struct, frozen=True):
    """One part of the answer: the truth table of its failures, and the rows of status maps that make it.

    *stand_in* is what takes its place (as JSON) when it is optional and fails, *skipped* when it is skipped, *lost*
    what an item becomes that fails alone.
    """

    name: str
    cases: tuple[Case, ...]
    rules: tuple[str, ...]
    stand_in: str | None
    skipped: str | None
    lost: str | None = None


class Explanation(Struct, frozen=True):
    """Everything that can be said of *plan* before a request comes.

    *stacks* are the steps of a request, under that name, and those of each call, by its place, from outside in.
    *lines* returns the request of a call in one line. *making* is the table of the answer itself, None when it cannot
    fail once its parts are there. *degrade* is from where on the server is under pressure, *sharing* what processes
    share, *maintenance* when the endpoint is out of service.
    """

    plan: EndpointPlan
    calls: tuple[ExplainedCall, ...]
    parts: tuple[ExplainedPart, ...]
    tree: tuple[str, ...]
    diagram: str
    answer: str
    veil: Veil
    lines: Line
    making: ExplainedPart | None = None
    stacks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    degrade: str | None = None
    sharing: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as data for machines; times in seconds."""
        member: dict[str, Any] = self.veil.value(
            {
                "endpoint": self.plan.key,
                "method": self.plan.method,
                "kind": self.plan.kind,
                "deadline": deadline_of(self.plan),
                "idle_timeout": self.plan.idle_timeout,
                "answer": self.answer,
                **({"admission": asked} if (asked := admission_member(self.plan.admission)) else {}),
                **({} if self.plan.idempotency is None else {"idempotency": repeat_member(self.plan.idempotency)}),
                "calls": [_call_member(call) for call in self.calls],
                "stack": {
                    "request": list(self.stacks[0][1]),
                    "calls": [{"part": name, "steps": list(words)} for name, words in self.stacks[1:]],
                },
                "order": {part.name: [self._name(wait) for wait in part.waits] for part in self._parts},
                "failures": {part.name: _part_member(part) for part in (*self.parts, self.making) if part},
                "carries": carried_member(self.plan.edge),
                **({} if self.degrade is None else {"degrade": self.degrade}),
                **({"sharing": list(self.sharing)} if self.sharing else {}),
                **({"maintenance": list(self.maintenance)} if self.maintenance else {}),
            }
        )
        return member

    @property
    def _parts(self) -> tuple[PartPlan, ...]:
        return self.plan.fan.parts if self.plan.fan else ()

    def _name(self, number: int) -> str:
        return self._parts[number].name


def explain(
    plan: EndpointPlan, secrets: frozenset[str], params: Mapping[str, str] | None = None,
    degrade: DegradePlan | None = None, sharing: tuple[str, ...] = (), maintenance: tuple[MaintenancePlan, ...] = (),
) -> Explanation:  # fmt: skip
    """Explain *plan*; *params* stand in for path parameters. Raises ``AggregatorError`` for wrong ones.

    *degrade* is that of the server, *sharing* is what it has in common with other processes, and *maintenance* is that
    of all endpoints.
    """
    given = _typed(plan, params or {})
    veil = Veil(secrets)

    def line(call: CallPlan) -> str:
        return preview(call, given, veil).line

    parts = plan.fan.parts if plan.fan else ()
    return Explanation(
        plan,
        tuple(_calls(plan, given, veil)),
        tuple(_part(part, plan, veil) for part in parts),
        tuple(map(veil.text, draw_tree(tree_of(plan.fan, line)))) if plan.fan else (),
        veil.text(mermaid(plan, line)),
        veil.text(_answer(plan)),
        veil,
        line,
        _making(plan, veil),
        (("request", request_words(plan)), *((name, tuple(map(veil.text, words))) for name, words in call_words(plan))),
        None if degrade is None else degrade.words,
        sharing,
        tuple(one.words for one in maintenance if plan.key in one.keys),
    )


def _typed(plan: EndpointPlan, params: Mapping[str, str]) -> dict[str, Any]:
    """Return *params* as the endpoint would read them."""
    unknown = [name for name in params if name not in plan.pattern.params]
    if unknown:
        known = ", ".join(plan.pattern.params) or "none"
        raise AggregatorError(f"{plan.key} has no parameter {unknown[0]!r}; it has: {known}.")
    declared = {parameter.name: parameter for parameter in plan.inputs.params}
    return {name: declared[name].parse(text) if name in declared else text for name, text in params.items()}


def _answer(plan: EndpointPlan) -> str:
    """Return what the client gets when nothing fails."""
    verdicts = sorted({status for call in calls_in(plan.fan) for status, _ in call.success.verdicts})
    if not verdicts:
        return _whole_answer(plan)
    return f"{_whole_answer(plan)}; {', '.join(map(str, verdicts))} to a condition of the client"


def _whole_answer(plan: EndpointPlan) -> str:
    response = plan.response
    if plan.stream:
        status = _status(plan.response)
        return f"{status} the body of the call, as it comes" if status else "the body of the call, as it comes"
    if response.body is not None:
        body = json_text(shown(response.body))
    elif plan.kind == "call":
        return "status, body and content type of the call"
    elif response.merge != "object" or plan.fan is None:
        body = f"the parts, merged ({response.merge})" if plan.fan else "null"
    else:
        body = "{" + ", ".join(f'"{part.name}": …' for part in plan.fan.parts) + "}"
    return f"{_status(response) or 200} {body}"


def _status(response: ResponsePlan) -> str:
    """Return the status that the file says, if it says one."""
    if response.status_expression is not None:
        return f"{{{{ {response.status_expression.source} }}}}"
    return str(response.status or "")


def _calls(plan: EndpointPlan, params: Mapping[str, Any], veil: Veil) -> Iterator[ExplainedCall]:
    for part in plan.fan.parts if plan.fan else ():
        for name, role, call in named_calls(part):
            is_cut = call.timeout > plan.timeout
            seconds = min(call.timeout, plan.timeout)
            yield ExplainedCall(name, role, preview(call, params, veil), seconds, is_cut,
                                attempts_text(call, seconds), attempts_member(call),
                                call.upstream.pool.limits.max_streams if plan.stream else None)  # fmt: skip
    for shadow in plan.shadows:
        request = preview(shadow.call, params, veil)
        yield ExplainedCall(shadow_text(shadow), "shadow", request, shadow.call.timeout, is_cut=False)
    for effect in plan.effects:
        for moment, role, call in effect_calls(effect, alone=len(plan.effects) == 1):
            yield ExplainedCall(moment, role, preview(call, params, veil), call.timeout, is_cut=False,
                                attempts=attempts_text(call, call.timeout),
                                attempts_member=attempts_member(call))  # fmt: skip


def _part(part: PartPlan, plan: EndpointPlan, veil: Veil) -> ExplainedPart:
    rules = tuple(map(veil.text, _rules(part)))
    stand_in = json_text(None if part.default is None else veil.value(shown(part.default)))
    lost = None if part.each is None else {"null": "null", "skip": "left out"}.get(part.each.on_error)
    return ExplainedPart(part_text(part), cases_of(part, plan), rules, stand_in if part.optional else None,
                         stand_in if part.when else None, lost)  # fmt: skip


def _making(plan: EndpointPlan, veil: Veil) -> ExplainedPart | None:
    cases = answer_cases(plan)
    if not cases:
        return None
    spoken = {outcome.rule for case in cases for outcome in case.outcomes}
    rules = tuple(veil.text(rule) for rule in map(rule_text, plan.rows) if rule in spoken)
    return ExplainedPart("response", cases, rules, None, None)


def _rules(part: PartPlan) -> list[str]:
    """Return the rows that decide what *part* becomes; where its calls differ, each with the call that it is for."""
    maps = dict.fromkeys((one.name, one.rows) for one in part_failings(part, frozenset()) if one.rows)
    if len({rows for _, rows in maps}) == 1:
        return [rule_text(row) for row in next(iter(maps))[1]]
    return [f"{name}: {rule_text(row)}" for name, rows in maps for row in rows]


def _call_member(call: ExplainedCall) -> dict[str, Any]:
    request = call.request
    return {
        "part": call.part,
        "role": call.role,
        "method": request.method,
        "target": request.target,
        **({"address": dict(request.address)} if request.address else {}),
        "headers": dict(request.headers),
        "body": request.body,
        "timeout": call.seconds,
        "cut_to_the_endpoint": call.is_cut,
        **({"attempts": call.attempts_member} if call.attempts_member else {}),
        **({} if call.places is None else {"max_streams": call.places}),
    }


def _part_member(part: ExplainedPart) -> dict[str, Any]:
    return {
        "cases": {
            case.name: [
                {
                    "becomes": one.kind,
                    "status": one.status,
                    "cause": one.cause,
                    "when": one.when,
                    "detail": one.detail,
                    "rule": one.rule,
                }
                for one in case.outcomes
            ]
            for case in part.cases
        },
        "rules": list(part.rules),
        "skipped": part.skipped,
        "lost": part.lost,
    }
