"""In which ways the parts of an endpoint can fail the answer, as sets: statuses of upstreams, and causes.

The truth table of ``explain`` and the answers in the OpenAPI document are both read from here; the runtime meets one
of these ways at a time, with the same rows (``runtime/answers/failure.py``). Only ways that exist are named, since
a row of a status map that matches none of them never speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from aggregator.causes import CAUSES, causes_called
from aggregator.errors import Cause
from aggregator.plan.analysis.making import CALLING_A_FUNCTION, COMPUTING, answer_causes, may_fail
from aggregator.plan.analysis.mistakes import Names, call_can_be_wrong, can_be_wrong, sent_within
from aggregator.plan.analysis.walking import calls_in_part
from aggregator.plan.calls import CallPlan, CallsPlan, GroupPlan, PartPlan, RacePlan
from aggregator.plan.types import EndpointPlan, RowPlan
from aggregator.policies.credentials.plan import can_fail

STATUSES = frozenset(range(200, 600))
"""Final statuses that an upstream may answer with."""

_ALWAYS = frozenset(CAUSES) - {
    Cause.STATUS, Cause.UNSUCCESSFUL, Cause.EXPRESSION, Cause.INPUT, Cause.FAULT, Cause.CREDENTIALS,
    Cause.UNKNOWN_KEY, Cause.DEGRADED, Cause.OVER_BUDGET,
}  # fmt: skip
_SPOKEN_OF: dict[str, frozenset[Cause]] = {
    on: causes_called(on) for on in {name for cause in CAUSES for name in cause.names}
}
OVERLOAD = _SPOKEN_OF["overloaded"]
_OF_A_BODY = frozenset({Cause.MALFORMED, Cause.CODING, Cause.CONTENT_TYPE, Cause.UNSUCCESSFUL, Cause.EXPRESSION})


class Failures(Struct, frozen=True):
    """*statuses* that are failures, *causes* of failures without one, and the statuses that *answered* those had."""

    statuses: frozenset[int] = frozenset()
    causes: frozenset[Cause] = frozenset()
    answered: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.statuses or self.causes)

    def __or__(self, other: Failures) -> Failures:
        return Failures(self.statuses | other.statuses, self.causes | other.causes, self.answered | other.answered)

    def __sub__(self, other: Failures) -> Failures:
        return Failures(self.statuses - other.statuses, self.causes - other.causes, self.answered)

    def matching(self, on: str) -> Failures:
        """Return those that the row of a status map with this ``on`` speaks of."""
        if on == "any":
            return self
        if on == "status":
            return Failures(self.statuses)
        if on[0].isdigit():
            return Failures(self.statuses & _class_of(on))
        causes = self.causes & _SPOKEN_OF[on]
        return Failures(frozenset(), causes, self.answered if causes & _OF_A_BODY else frozenset())


class Failing(Struct, frozen=True):
    """Ways in which the call or part *name* fails, and the *rows* that speak of them, the nearest first."""

    name: str
    failures: Failures
    rows: tuple[RowPlan, ...]


NONE = Failures()
_OVER_BUDGET = Failures(causes=frozenset({Cause.OVER_BUDGET}))
_IN_EXPRESSION = Failures(causes=COMPUTING)
_OF_INPUT = Failures(causes=frozenset({Cause.INPUT}))
_IN_FUNCTION = Failures(causes=CALLING_A_FUNCTION)
_IN_LIST = Failures(causes=frozenset({Cause.EXPRESSION, Cause.TOO_LARGE, Cause.MALFORMED}))


@lru_cache(maxsize=64)
def _class_of(on: str) -> frozenset[int]:
    """Return the statuses that ``404`` or ``5xx`` stands for."""
    return frozenset(range(int(on[0]) * 100, int(on[0]) * 100 + 100)) if on.endswith("xx") else frozenset([int(on)])


@lru_cache(maxsize=256)
def _of_answers(success: frozenset[int], extra: frozenset[Cause]) -> Failures:
    return Failures(STATUSES - success, _ALWAYS | extra, success)


def call_failures(call: CallPlan, sent: Names) -> Failures:
    """Return the ways in which *call* can fail; *sent* are the names that stand for what the client sent."""
    extra: set[Cause] = set()
    if call.success.when is not None or call.graphql != "no":
        extra.add(Cause.UNSUCCESSFUL)
    if can_fail(call.upstream.credentials):
        extra.add(Cause.CREDENTIALS)
    if call.routes:
        extra.add(Cause.UNKNOWN_KEY)
    if call.budget is not None:
        extra.add(Cause.OVER_BUDGET)
    if _computes(call):
        extra.add(Cause.EXPRESSION)
    if call_can_be_wrong(call, sent):
        extra.add(Cause.INPUT)
    return _of_answers(call.success.statuses, frozenset(extra))


def _computes(call: CallPlan) -> bool:
    """Return whether something in *call* depends on data that may not fit."""
    request = call.request
    constant = request.url.is_constant and not request.query and not request.headers
    if not constant or (request.body is not None and not request.body.is_constant):
        return True
    return call.shape is not None or may_fail(call.success.when)


def inner_failures(part: PartPlan, sent: Names) -> Failures:
    """Return the ways in which *part*, or something inside it, can fail, whether that fails the answer or not."""
    within = sent_within(part.each, sent)
    found = NONE
    for call in calls_in_part(part):
        found |= call_failures(call, within)
        found |= _IN_FUNCTION if call.transform is not None else NONE
    for failing in part_failings(replace(part, optional=False), sent):
        found |= failing.failures
    return found


def part_failings(part: PartPlan, sent: Names) -> Iterator[Failing]:
    """Yield the ways in which *part* can fail the answer, each with the rows that speak of it; none if it is optional.

    Of alternatives the last one speaks, of a lost race the first runner that is not skipped, of a group every part that
    is needed, of a list its items if one of them is enough to fail it. A failed call brings its own rows, wherever it
    stands; those of *part* are for what is no failure of a call. *sent* are the names that stand for what the client
    sent.
    """
    if part.optional:
        return
    yield from _core_failings(part, sent)
    if part.transform is not None:
        yield Failing(part.name, _IN_FUNCTION, part.rows)
    if part.shape is not None or may_fail(part.when):
        failures = _IN_EXPRESSION | (_OF_INPUT if can_be_wrong(part.when, sent) else NONE)
        yield Failing(part.name, failures, part.rows)


def _core_failings(part: PartPlan, sent: Names) -> Iterator[Failing]:
    match part.core:
        case CallsPlan():
            yield from _calls_failings(part, sent)
        case RacePlan(runners=runners):
            yield from _race_failings(runners, sent)
        case GroupPlan(fan=fan):
            for inner in fan.parts:
                yield from part_failings(inner, sent)
        case _:
            assert_never(part.core)


def _calls_failings(part: PartPlan, sent: Names) -> Iterator[Failing]:
    last = part.calls[-1]
    each = part.each if len(part.calls) == 1 else None
    if each is not None:  # none, too long, or without a key; one item fails all only where the file says so
        failures = _IN_LIST | (_OF_INPUT if can_be_wrong(each, sent) else NONE)
        yield Failing(part.name, failures, part.rows)
    if each is None or each.on_error == "fail":
        for call in last.each_choice:
            failures = call_failures(call, sent_within(each, sent))
            is_cut = each is not None and call.budget is not None and call.budget.cuts
            yield Failing(call.name, failures - _OVER_BUDGET if is_cut else failures, call.rows)
        if last.transform is not None:
            yield Failing(part.name, _IN_FUNCTION, part.rows)


def _race_failings(runners: tuple[PartPlan, ...], sent: Names) -> Iterator[Failing]:
    """Yield what a race fails with: the failure of its first runner, or of the next one where that may be skipped."""
    failings = [list(part_failings(runner, sent)) for runner in runners]
    if not all(failings):
        return
    for runner, found in zip(runners, failings, strict=True):
        yield from found
        if runner.when is None:
            return


def response_failings(plan: EndpointPlan) -> Failing:
    """Return the ways in which making the answer can fail, when all parts are there: the part ``response``."""
    return Failing("response", Failures(causes=answer_causes(plan)), plan.rows)
