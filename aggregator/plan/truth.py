"""The truth table of an endpoint: what the client gets when a part fails, by cause and by the upstream's status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from aggregator.errors import Cause
from aggregator.plan.failures import default_status, keys_of
from aggregator.plan.preview import shown
from aggregator.plan.types import CallPlan, EndpointPlan, PartPlan, RowPlan
from aggregator.plan.walking import calls_in_part

_FAMILIES = ("timeout", "network", "invalid_body", "overloaded", "unsuccessful", "expression")
Kind = Literal["problem", "body", "pass", "default", "success"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the client gets: a *status* (None: the upstream's own), and how it is said.

    *when* is the condition of the row that says so, *detail* and *cause* are as written there.
    """

    kind: Kind
    status: int | None
    cause: str
    when: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One column of the truth table for one part; more than one outcome when causes or conditions differ."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def text(self) -> str:
        """The case in a few characters: ``504``, ``404/502``, ``pass``, ``default``, ``ok``."""
        return "/".join(dict.fromkeys(map(_cell, self.outcomes)))


def _cell(outcome: Outcome) -> str:
    if outcome.kind in ("default", "pass"):
        return outcome.kind
    return "ok" if outcome.kind == "success" else str(outcome.status)


def cases_of(part: PartPlan, endpoint: EndpointPlan) -> tuple[Case, ...]:
    """Give every case of *part*: families of causes, then 404 and the classes of statuses."""
    calls = calls_in_part(part)
    causes = {family: [cause for cause in Cause if cause.family == family] for family in _FAMILIES}
    if not any(call.success.when or call.graphql != "no" for call in calls):
        del causes["unsuccessful"]
    found = [
        Case(family, tuple(_merged(outcome for cause in members for outcome in _outcomes(part, endpoint, cause, 0))))
        for family, members in causes.items()
    ]
    return (*found, *(_status_case(part, endpoint, calls, name) for name in ("404", "3xx", "4xx", "5xx")))


def _status_case(part: PartPlan, endpoint: EndpointPlan, calls: list[CallPlan], name: str) -> Case:
    """Give the case of an upstream that answers *name*; a class stands for its statuses that no row names."""
    named = {row.on for row in part.rows}
    statuses = [404] if name == "404" else [s for s in range(int(name[0]) * 100, int(name[0]) * 100 + 100)
                                            if s != 404 and str(s) not in named]  # fmt: skip
    failing = [status for status in statuses if any(status not in call.success.statuses for call in calls)]
    if not failing:
        return Case(name, (Outcome("success", None, name),))
    return Case(name, tuple(_outcomes(part, endpoint, Cause.STATUS, failing[-1])))


def _merged(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Leave out outcomes that say the same as one before, for another cause."""
    seen: set[tuple[str, int | None, str | None, str | None]] = set()
    for outcome in outcomes:
        key = (outcome.kind, outcome.status, outcome.when, outcome.detail)
        if key not in seen:
            seen.add(key)
            yield outcome


def _outcomes(part: PartPlan, endpoint: EndpointPlan, cause: Cause, status: int) -> Iterator[Outcome]:
    """Give what follows from the rows of *part* in order, up to the first without a condition."""
    if part.optional:
        yield Outcome("default", endpoint.response.status or 200, cause.value)
        return
    keys = (*keys_of(cause, status), "any")
    for row in part.rows:
        if row.on in keys:
            yield _outcome(row, cause, status)
            if row.when is None:
                return
    yield Outcome("problem", default_status(cause, status), cause.value)


def _outcome(row: RowPlan, cause: Cause, status: int) -> Outcome:
    when = None if row.when is None else row.when.source
    if row.forward and status:
        return Outcome("pass", row.status, cause.value, when)
    detail = None if row.detail is None else str(shown(row.detail))
    kind: Kind = "problem" if row.body is None else "body"
    return Outcome(kind, row.status or default_status(cause, status), cause.value, when, detail)


def rule_text(row: RowPlan) -> str:
    """Give a row of a status map in words: ``404 → 404 "User not found"``."""
    condition = "" if row.when is None else f" if {{{{ {row.when.source} }}}}"
    if row.forward:
        status = "its status" if row.status is None else str(row.status)
        return f"{row.on}{condition} → {status} and the body of the upstream"
    status = "default status" if row.status is None else str(row.status)
    said = "" if row.detail is None else f' "{shown(row.detail)}"'
    return f"{row.on}{condition} → {status}{said}{'' if row.body is None else ', body of its own'}"
