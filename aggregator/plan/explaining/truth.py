"""The truth table of an endpoint: what the client gets when a part fails, by cause and by the upstream's status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from aggregator.causes import CAUSES
from aggregator.errors import Cause
from aggregator.plan.analysis.failing import Failing, Failures, inner_failures, part_failings, response_failings
from aggregator.plan.analysis.failures import default_status, keys_of
from aggregator.plan.calls import PartPlan
from aggregator.plan.explaining.repeated import repeat_causes
from aggregator.plan.explaining.sending.preview import shown
from aggregator.plan.incoming.admission import AdmissionPlan
from aggregator.plan.types import EndpointPlan, RowPlan

_FAMILIES = (
    "timeout", "network", "invalid_body", "overloaded", "over_budget", "switched_off", "unknown_key",
    "unsuccessful", "input", "expression", "fault", "credentials",
)  # fmt: skip
_REFUSED = {
    401: Cause.UNAUTHENTICATED, 403: Cause.FORBIDDEN, 409: Cause.UNDER_WAY, 429: Cause.LIMITED,
    503: Cause.AUTH_UNAVAILABLE,
}  # fmt: skip
Kind = Literal["problem", "body", "pass", "default", "lost", "success"]


class Outcome(Struct, frozen=True):
    """The answer to the client: a *status* (None: the upstream's own), and how it is said.

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
    """Return every case of *part*: families of the causes that it can meet, then 404 and the classes of statuses."""
    sent = frozenset(endpoint.pattern.params)
    failings, inner = tuple(part_failings(part, sent)), inner_failures(part, sent)
    found = []
    for family in _FAMILIES:
        causes = [cause for cause in CAUSES if cause.family == family and cause in inner.causes]
        outcomes = (one for cause in causes for one in _by_cause(part, endpoint, failings, cause))
        if causes:
            found.append(Case(family, tuple(_merged(outcomes))))
    by_status = (Case(name, _by_status(part, endpoint, failings, inner, name)) for name in ("404", "3xx", "4xx", "5xx"))
    return (*found, *by_status)


def answer_cases(endpoint: EndpointPlan) -> tuple[Case, ...]:
    """Return the cases in which the answer cannot be made although its parts are there: the part ``response``."""
    failing = response_failings(endpoint)
    outcomes: dict[str, list[Outcome]] = {}
    for cause in CAUSES:
        if cause in failing.failures.causes:
            outcomes.setdefault(cause.family, []).extend(_outcomes(failing.rows, cause, 0))
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


def repeat_cases(endpoint: EndpointPlan) -> tuple[Case, ...]:
    """Return the cases in which a request is refused for its idempotency key."""
    causes = () if endpoint.idempotency is None else repeat_causes(endpoint.idempotency)
    return tuple(Case(cause.value, (Outcome("problem", status, cause.value),)) for cause, status in causes)


def outcome_table(endpoint: EndpointPlan) -> tuple[OutcomeRow, ...]:
    """Return the whole table of *endpoint*: every part and the answer, every case, every outcome that it can have."""
    lines = [("auth", admission_cases(endpoint.admission))]
    lines.append(("idempotency", repeat_cases(endpoint)))
    lines += [(part.name, cases_of(part, endpoint)) for part in (endpoint.fan.parts if endpoint.fan else ())]
    lines.append(("response", answer_cases(endpoint)))
    return tuple(OutcomeRow(name, case.name, one) for name, cases in lines for case in cases for one in case.outcomes)


def _by_cause(part: PartPlan, endpoint: EndpointPlan, failings: tuple[Failing, ...], cause: Cause) -> Iterator[Outcome]:
    speaking = [failing for failing in failings if cause in failing.failures.causes]
    if not speaking:
        yield _instead(part, endpoint, cause)
    for failing in speaking:
        yield from _outcomes(failing.rows, cause, 0)


def _by_status(
    part: PartPlan, endpoint: EndpointPlan, failings: tuple[Failing, ...], inner: Failures, name: str
) -> tuple[Outcome, ...]:
    """Return the outcomes of a reply with the status *name*; a class such as ``5xx`` is its statuses without a row."""
    if not _failing(inner.statuses, name, ()):
        return (Outcome("success", None, name),)
    speaking = [failing for failing in failings if failing.failures.statuses]
    if not speaking:
        return (_instead(part, endpoint, Cause.STATUS),)
    found = (
        outcome
        for failing in speaking
        if (statuses := _failing(failing.failures.statuses, name, failing.rows))
        for outcome in _outcomes(failing.rows, Cause.STATUS, statuses[-1])
    )
    return tuple(_merged(found)) or (Outcome("success", None, name),)


def _failing(statuses: frozenset[int], name: str, rows: tuple[RowPlan, ...]) -> list[int]:
    """Return those of the failing *statuses* that are of the case *name*, without those that a row names."""
    if name == "404":
        return [404] if 404 in statuses else []
    named = {row.on for row in rows} | {"404"}
    return sorted(status for status in statuses if f"{status // 100}xx" == name and str(status) not in named)


def _instead(part: PartPlan, endpoint: EndpointPlan, cause: Cause) -> Outcome:
    """Return what a failure becomes that does not fail the answer: a default, or a lost item."""
    kind: Kind = "default" if part.optional or part.each is None else "lost"
    return Outcome(kind, endpoint.response.status or 200, cause.value)


def _merged(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Return *outcomes* without those that say the same as an earlier one, for another cause."""
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
