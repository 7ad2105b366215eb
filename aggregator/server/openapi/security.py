"""Who may call, for OpenAPI: security schemes, the requirements of an operation, and what those get who may not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from aggregator.plan.incoming.admission import AdmissionPlan
from aggregator.plan.schemes import (
    ApiKeyPlan,
    BasicPlan,
    ExternalPlan,
    IntrospectionPlan,
    JwtPlan,
    MtlsPlan,
    SchemePlan,
    SignaturePlan,
)
from aggregator.server.openapi.answers.mapping import sentence
from aggregator.server.openapi.answers.outcomes import (
    AUTH_UNAVAILABLE,
    FAILED_TOO_OFTEN,
    FORBIDDEN,
    LIMITED,
    UNAUTHENTICATED,
    UNDER_WAY,
    Outcome,
)
from aggregator.server.openapi.components import PROBLEM_TYPE, Schema, schema_ref
from aggregator.server.openapi.paths import component_name

ADMISSION = (UNAUTHENTICATED, FORBIDDEN, UNDER_WAY, FAILED_TOO_OFTEN, LIMITED, AUTH_UNAVAILABLE)
"""What is shared by endpoints that ask who calls."""

_BY_STATUS = {403: FORBIDDEN, 409: UNDER_WAY, 429: FAILED_TOO_OFTEN, 503: AUTH_UNAVAILABLE}


def security_schemes(plans: Iterable[SchemePlan]) -> dict[str, Schema]:
    """Return the Security Scheme Objects (OpenAPI 3.1 §4.8.27) of *plans* by name."""
    return {component_name(plan.name): _scheme(plan) for plan in plans}


def _scheme(plan: SchemePlan) -> Schema:
    """Return the Security Scheme Object of *plan*."""
    match plan:
        case ApiKeyPlan():
            return {"type": "apiKey", "in": plan.place, "name": plan.field}
        case BasicPlan():
            return {"type": "http", "scheme": "basic"}
        case JwtPlan(cookie=None):
            return _bearer(f"A token of {plan.rules.issuer}.") | {"bearerFormat": "JWT"}
        case JwtPlan():
            return {"type": "apiKey", "in": "cookie", "name": plan.cookie}
        case IntrospectionPlan():
            return _bearer("A token that its issuer is asked about.")
        case MtlsPlan():
            return {"type": "mutualTLS"}
        case SignaturePlan(rules=rules):
            made = f"An HMAC ({rules.algorithm}, {rules.encoding}) over {rules.over}, which the sender makes."
            return _in_header(rules.header, made)
        case ExternalPlan(fields=fields):
            names = [field.decode() for field in fields]
            return _in_header(names[0], f"{plan.call.upstream.label} decides, by {' and '.join(names)}.")
        case _:
            assert_never(plan)


def _bearer(description: str) -> Schema:
    return {"type": "http", "scheme": "bearer", "description": description}


def _in_header(name: str, description: str) -> Schema:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


def requirements(plan: AdmissionPlan) -> list[dict[str, list[str]]]:
    """Return the Security Requirement Objects of *plan*: one for each way in, an empty one where none is needed."""
    auth = plan.auth
    if auth is None:
        return []
    names = [component_name(name) for name in auth.schemes]
    ways: list[dict[str, list[str]]] = [{name: [] for name in names}] if auth.every else [{name: []} for name in names]
    return [*ways, {}] if auth.optional else ways


def refused_callers(plan: AdmissionPlan) -> Iterator[Outcome]:
    """Yield what those get who may not call."""
    if plan.auth is not None:
        yield UNAUTHENTICATED
        yield from (_BY_STATUS[status] for status in plan.auth.refusals)
    if plan.at_once or any(not window.report for window in plan.limits.windows):
        yield LIMITED
    if plan.allow is not None or plan.deny is not None:
        yield FORBIDDEN
    for guard in (*plan.guards, *plan.body_guards):
        if guard.status == 403 and not guard.headers:
            yield FORBIDDEN
        else:
            names = tuple(name.decode() for name, _ in guard.headers)
            yield Outcome(str(guard.status), sentence(guard.detail), PROBLEM_TYPE, schema_ref("Problem"), names)
