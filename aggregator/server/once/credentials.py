"""What a request without a credential has to carry, in the options of ``aggregator get``."""

from __future__ import annotations

from aggregator.plan.schemes import ApiKeyPlan, BasicPlan, JwtPlan, SchemePlan
from aggregator.plan.types import EndpointPlan, Plan


def credential_hint(plan: Plan, endpoint: EndpointPlan) -> str | None:
    """Return how a request to *endpoint* shows who it is; None where no scheme of it is simple."""
    auth = endpoint.admission.auth
    if auth is None:
        return None
    by_name = {scheme.name: scheme for scheme in plan.schemes}
    ways = [f"{way} for {name}" for name in auth.schemes if (way := _way(by_name[name])) is not None]
    return f"say who asks: {(', and ' if auth.every else ', or ').join(ways)}." if ways else None


def _way(scheme: SchemePlan) -> str | None:
    """Return the option that carries a credential of *scheme*, None for one that is not written by hand."""
    match scheme:
        case ApiKeyPlan(place="header"):
            return f"-H '{scheme.field}: KEY'"
        case ApiKeyPlan(place="cookie") | JwtPlan(cookie=str()):
            return f"-H 'cookie: {scheme.field if isinstance(scheme, ApiKeyPlan) else scheme.cookie}=…'"
        case ApiKeyPlan():
            return f"?{scheme.field}=KEY in the path"
        case BasicPlan():
            return "-H 'authorization: Basic …' (base64 of NAME:PASSWORD)"
        case JwtPlan():
            return "-H 'authorization: Bearer TOKEN'"
        case _:
            return None
