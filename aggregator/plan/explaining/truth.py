"""The truth table of an endpoint: what the client gets when a part fails, by cause and by the upstream's status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from aggregator.causes import CAUSES
from aggregator.errors import Cause
from aggregator.plan.admission import AdmissionPlan
from aggregator.plan.analysis.failures import default_status, keys_of
from aggregator.plan.analysis.mistakes import call_can_be_wrong, can_be_wrong, sent_within
from aggregator.plan.analysis.walking import calls_in_part
from aggregator.plan.calls import CallPlan, PartPlan
from aggregator.plan.explaining.making import answer_causes
from aggregator.plan.explaining.preview import shown
from aggregator.plan.explaining.ways import ways_of
from aggregator.plan.types import EndpointPlan, RowPlan
from aggregator.policies.credentials.plan import can_fail

_FAMILIES = (
    "timeout", "network", "invalid_body", "overloaded", "unsuccessful", "input", "expression", "fault", "credentials",
)  # fmt: skip
# What is around the calls of a part (conditions, lists, shapes, functions) can fail in no other way.
_REFUSED = {
    401: Cause.UNAUTHENTICATED, 403: Cause.FORBIDDEN, 429: Cause.LIMITED, 503: Cause.AUTH_UNAVAILABLE,
}  # fmt: skip
_AROUND_CALLS = frozenset({Cause.EXPRESSION, Cause.INPUT, Cause.TOO_LARGE, Cause.FAULT})
Kind = Literal["problem", "body", "pass", "default", "lost", "success"]


class Outcome(Struct, frozen=True):
    """What the client gets: a *status* (None: the upstream's own), and how it is said.

    *when* is the condition of the row that says so, *detail* and *cause* are as written there. *rule* is that row
    in words, None for what is built in. *kind* tells a problem document from a body of the row's own, from the
    upstream's body (``pass``), from a default in the place of the part, and from a lost item of a list.
    """

    kind: Kind
    status: int | None
    cause: str
    when: str | None = None
    detail: str | None = None
    rule: str | None = None


class Case(Struct, frozen=True):
    """One column of the truth table for one part; more than one outcome when causes or conditions differ."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def text(self) -> str:
        """The case in a few characters: ``504``, ``404/502``, ``pass``, ``default``, ``lost``, ``ok``."""
        return "/".join(dict.fromkeys(map(_cell, self.outcomes)))


class OutcomeRow(Struct, frozen=True):
    """One line of the table: what *outcome* the *case* of *part* has."""

    part: str
    case: str
    outcome: Outcome


def _cell(outcome: Outcome) -> str:
    if outcome.kind in ("default", "pass", "lost"):
        return outcome.kind
    return "ok" if outcome.kind == "success" else str(outcome.status)


def cases_of(part: PartPlan, endpoint: EndpointPlan) -> tuple[Case, ...]:
    """Return every case of *part*: families of causes, then 404 and the classes of statuses."""
    calls = calls_in_part(part)
    causes = {family: [cause for cause in CAUSES if cause.family == family] for family in _FAMILIES}
    if not any(call.success.when or call.graphql != "no" for call in calls):
        del causes["unsuccessful"]
    if not any(can_fail(call.upstream.credentials) for call in calls):
        del causes["credentials"]
    sent = frozenset(endpoint.pattern.params)
    within = sent_within(part.each, sent)
    if not can_be_wrong((part.when, part.each), sent) and not any(call_can_be_wrong(call, within) for call in calls):
        del causes["input"]
    if part.transform is None and all(call.transform is None for call in calls):
        del causes["fault"]
    found = [
        Case(family, tuple(_merged(outcome for cause in members for outcome in _by_cause(part, endpoint, cause))))
        for family, members in causes.items()
    ]
    return (*found, *(Case(name, _by_status(part, endpoint, name)) for name in ("404", "3xx", "4xx", "5xx")))


def answer_cases(endpoint: EndpointPlan) -> tuple[Case, ...]:
    """Return the cases in which the answer cannot be made although its parts are there: the part ``response``."""
    causes = answer_causes(endpoint)
    outcomes: dict[str, list[Outcome]] = {}
    for cause in CAUSES:
        if cause in causes:
            outcomes.setdefault(cause.family, []).extend(_outcomes(endpoint.rows, cause, 0))
    return tuple(Case(family, tuple(_merged(found))) for family, found in outcomes.items())


def admission_cases(plan: AdmissionPlan) -> tuple[Case, ...]:
    """Return the cases in which a request is refused before anything is called, each with its cause."""
    statuses = () if plan.auth is None else (401, *plan.auth.refusals)
    found = {_REFUSED[status]: [status] for status in statuses}
    if plan.allow is not None or plan.deny is not None:
        found.setdefault(Cause.FORBIDDEN, []).append(403)
    for guard in (*plan.guards, *plan.body_guards):
        found.setdefault(Cause.FORBIDDEN, []).append(guard.status)
    return tuple(
        Case(cause.value, tuple(Outcome("problem", status, cause.value) for status in dict.fromkeys(statuses)))
        for cause, statuses in found.items()
    )


def outcome_table(endpoint: EndpointPlan) -> tuple[OutcomeRow, ...]:
    """Return the whole table of *endpoint*: every part and the answer, every case, every outcome that it can have."""
    lines = [("auth", admission_cases(endpoint.admission))]
    lines += [(part.name, cases_of(part, endpoint)) for part in (endpoint.fan.parts if endpoint.fan else ())]
    lines.append(("response", answer_cases(endpoint)))
    return tuple(OutcomeRow(name, case.name, one) for name, cases in lines for case in cases for one in case.outcomes)


def _by_cause(part: PartPlan, endpoint: EndpointPlan, cause: Cause) -> Iterator[Outcome]:
    ways = [way for way in ways_of(part) if way.call is not None or cause in _AROUND_CALLS]
    if not ways:
        yield _instead(part, endpoint, cause)
    for way in ways:
        yield from _outcomes(way.rows, cause, 0)


def _by_status(part: PartPlan, endpoint: EndpointPlan, name: str) -> tuple[Outcome, ...]:
    """Return the outcomes of an upstream that answers *name*; a class stands for its statuses that no row names."""
    calls = calls_in_part(part)
    if not any(_failing(call, name, ()) for call in calls):
        return (Outcome("success", None, name),)
    ways = [(way, _failing(way.call, name, way.rows)) for way in ways_of(part) if way.call is not None]
    if not ways:
        return (_instead(part, endpoint, Cause.STATUS),)
    found = (
        outcome for way, statuses in ways if statuses for outcome in _outcomes(way.rows, Cause.STATUS, statuses[-1])
    )
    return tuple(_merged(found)) or (Outcome("success", None, name),)


def _failing(call: CallPlan, name: str, rows: tuple[RowPlan, ...]) -> list[int]:
    """Return the statuses of the case *name* that are failures of *call*, without those that a row names."""
    if name == "404":
        return [] if 404 in call.success.statuses else [404]
    named = {row.on for row in rows} | {"404"}
    hundred = int(name[0]) * 100
    return [
        status
        for status in range(hundred, hundred + 100)
        if str(status) not in named and status not in call.success.statuses
    ]


def _instead(part: PartPlan, endpoint: EndpointPlan, cause: Cause) -> Outcome:
    """Return what a failure becomes that does not fail the answer: a default, or a lost item."""
    kind: Kind = "default" if part.optional or part.each is None else "lost"
    return Outcome(kind, endpoint.response.status or 200, cause.value)


def _merged(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Leave out outcomes that say the same as one before, for another cause."""
    seen: set[tuple[str, int | None, str | None, str | None]] = set()
    for outcome in outcomes:
        key = (outcome.kind, outcome.status, outcome.when, outcome.detail)
        if key not in seen:
            seen.add(key)
            yield outcome


def _outcomes(rows: tuple[RowPlan, ...], cause: Cause, status: int) -> Iterator[Outcome]:
    """Yield what follows from *rows* in order, up to the first without a condition."""
    keys = (*keys_of(cause, status), "any")
    for row in rows:
        if row.on in keys:
            yield _outcome(row, cause, status)
            if row.when is None:
                return
    yield Outcome("problem", default_status(cause, status), cause.value)


def _outcome(row: RowPlan, cause: Cause, status: int) -> Outcome:
    when = None if row.when is None else row.when.source
    if row.forward and status:
        return Outcome("pass", row.status, cause.value, when, rule=rule_text(row))
    detail = None if row.detail is None else str(shown(row.detail))
    kind: Kind = "problem" if row.body is None else "body"
    return Outcome(kind, row.status or default_status(cause, status), cause.value, when, detail, rule_text(row))


def rule_text(row: RowPlan) -> str:
    """Return a row of a status map in words: ``404 → 404 "User not found"``."""
    condition = "" if row.when is None else f" if {{{{ {row.when.source} }}}}"
    if row.forward:
        status = "its status" if row.status is None else str(row.status)
        return f"{row.on}{condition} → {status} and the body of the upstream"
    status = "default status" if row.status is None else str(row.status)
    said = "" if row.detail is None else f' "{shown(row.detail)}"'
    return f"{row.on}{condition} → {status}{said}{'' if row.body is None else ', body of its own'}"
