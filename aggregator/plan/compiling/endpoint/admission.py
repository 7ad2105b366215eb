"""What endpoints ask of callers, with what they inherit from ``defaults.endpoint``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aggregator.config.model.auth import AdmissionSettings, AuthSettings, GuardSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.edge.networks import Networks, parse_networks
from aggregator.plan.admission import OPEN, AdmissionPlan, AuthPlan, GuardPlan
from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.credentials.plan import CallerPlace
from aggregator.policies.rate_limit.plan import LimitsPlan


def compile_admission(
    settings: AdmissionSettings, defaults: AdmissionSettings, schemes: Mapping[str, SchemeSettings], limits: LimitsPlan
) -> AdmissionPlan:
    """Return what an endpoint asks for: its own word on identity and networks, and guards of both, the outer first."""
    auth = defaults.auth if settings.auth is None else settings.auth
    allow, deny = settings.allow_from or defaults.allow_from, (*defaults.deny_from, *settings.deny_from)
    guards = tuple(_guard(guard) for guard in (*defaults.require, *settings.require))
    plan = AdmissionPlan(_networks(allow), _networks(deny), _auth(auth, schemes), guards, limits)
    return OPEN if plan == OPEN else plan


def caller_places(settings: AdmissionSettings, root: RootSettings) -> tuple[CallerPlace, ...] | None:
    """Return where callers of an endpoint have the credentials that can be passed on; None for one that is open."""
    auth = root.defaults.endpoint.auth if settings.auth is None else settings.auth
    if not isinstance(auth, AuthSettings):
        return None
    places = (_place(name, root.auth[name]) for name in auth.schemes)
    return tuple(place for place in places if place is not None)


def _place(name: str, scheme: SchemeSettings) -> CallerPlace | None:
    """Return where callers that *scheme* admits have what another service can judge, too; None where they have not."""
    if scheme.api_key is not None:
        header = scheme.api_key.header
        return None if header is None else CallerPlace(name, "header", header.lower())
    if scheme.jwt is not None:
        cookie = None if scheme.jwt.from_ is None else scheme.jwt.from_.cookie
        where: Literal["header", "cookie"] = "header" if cookie is None else "cookie"
        return CallerPlace(name, where, cookie or "authorization")
    if scheme.introspection is not None:
        return CallerPlace(name, "header", "authorization")
    return None if scheme.basic is None else CallerPlace(name, "header", "authorization")


def _networks(texts: tuple[str, ...]) -> Networks | None:
    return parse_networks(texts) if texts else None


def _auth(settings: AuthSettings | str | None, schemes: Mapping[str, SchemeSettings]) -> AuthPlan | None:
    if not isinstance(settings, AuthSettings):
        return None
    reads_body = any(schemes[name].signature is not None for name in settings.schemes)
    return AuthPlan(settings.schemes, bool(settings.all), settings.optional, reads_body)


def _guard(settings: GuardSettings) -> GuardPlan:
    return GuardPlan(one_expression(settings.that), settings.status, settings.detail)
