"""Who may call an endpoint, in words and as data, in the order in which a request meets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.durations import rate_text
from aggregator.edge.networks import UNIX, Networks
from aggregator.plan.incoming.admission import AdmissionPlan, AuthPlan, GuardPlan
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.stores.quota import Quota

_REFUSED = {
    403: "403 where the upstream that is asked says so",
    409: "409 while the same signed delivery is being answered",
    429: "429 where an address has failed too often",
    503: "503 while nobody can tell whether a credential is right",
}


def admission_lines(plan: AdmissionPlan) -> Iterator[str]:
    """Yield what *plan* asks for, a line each, with what a caller gets who has it not."""
    if plan.deny is not None:
        yield f"not from {', '.join(_names(plan.deny))}, or 403"
    if plan.allow is not None:
        yield f"from {', '.join(_names(plan.allow))} alone, or 403"
    for window in plan.limits.early:
        yield limit_text(window)
    if plan.auth is not None:
        yield f"by {_auth_text(plan.auth)}, or 401"
        yield from (_REFUSED[status] for status in plan.auth.refusals)
        if plan.auth.reads_body:
            yield "a signed delivery that was answered with 2xx before gets 200, and nothing is called"
    for guard in plan.guards:
        yield _guard_text(guard)
    for window in (*plan.limits.known, *plan.limits.valid):
        yield limit_text(window)
    for at_once in plan.at_once:
        by = "" if at_once.by is None else f" by {{{{ {at_once.by.source} }}}}"
        yield f"{at_once.limit} at once{by}, or 429"
    for guard in plan.body_guards:
        yield f"{_guard_text(guard)}, once the body is valid"


def _guard_text(plan: GuardPlan) -> str:
    return f'where {{{{ {plan.that.source} }}}} is true, or {plan.status} "{plan.detail}"'


def limit_text(plan: WindowPlan) -> str:
    """Return what *plan* grants, and to whom."""
    limit = plan.limit
    if isinstance(limit, Quota):
        grants = f"{limit.count}/{limit.unit} in {limit.zone}"
    else:
        grants = rate_text(limit.count, limit.period) + (
            "" if limit.burst == limit.count else f", {limit.burst} at once"
        )
    by = "" if plan.by is None else f", by {{{{ {plan.by.source} }}}}"
    unless = "" if plan.unless is None else f", unless {{{{ {plan.unless.source} }}}}"
    cost = "" if plan.cost is None else f", each counting for {{{{ {plan.cost.source} }}}}"
    return f"{grants}{by}{unless}{cost}, {'told' if plan.report else 'or 429'}"


def _limit_member(plan: WindowPlan) -> dict[str, Any]:
    told = (("by", plan.by), ("unless", plan.unless), ("cost", plan.cost))
    said = {name: expression.source for name, expression in told if expression is not None}
    limit = plan.limit
    if isinstance(limit, Quota):
        return {"quota": f"{limit.count}/{limit.unit}", "zone": limit.zone, **said, "report": plan.report}
    rate = rate_text(limit.count, limit.period)
    return {"rate": rate, "burst": limit.burst, **said, "report": plan.report}


def admission_member(plan: AdmissionPlan) -> dict[str, Any]:
    """Return what *plan* asks for, as data; nothing for what it does not."""
    found: dict[str, Any] = {}
    if plan.deny is not None:
        found["deny_from"] = _names(plan.deny)
    if plan.allow is not None:
        found["allow_from"] = _names(plan.allow)
    if plan.auth is not None:
        kind = "all" if plan.auth.every else "any"
        found["auth"] = {kind: [*plan.auth.schemes], "optional": plan.auth.optional}
        found["refusals"] = [401, *plan.auth.refusals]
    if guards := (*plan.guards, *plan.body_guards):
        found["require"] = [
            {"that": guard.that.source, "status": guard.status, "detail": guard.detail} for guard in guards
        ]
    if plan.at_once:
        found["concurrency"] = [
            {"limit": one.limit, **({} if one.by is None else {"by": one.by.source})} for one in plan.at_once
        ]
    if plan.limits.windows:
        found["rate_limit"] = [_limit_member(window) for window in plan.limits.windows]
    return found


def _names(networks: Networks) -> list[str]:
    return [*map(str, networks.members), *([UNIX] if networks.has_unix else [])]


def _auth_text(plan: AuthPlan) -> str:
    names = (" and " if plan.every else " or ").join(plan.schemes)
    return f"{names}, or nobody in particular" if plan.optional else names
