"""What endpoints ask of callers, with what they inherit from ``defaults.endpoint``."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.config.model.auth import AdmissionSettings, AuthSettings, GuardSettings
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.edge.networks import Networks, parse_networks
from aggregator.plan.admission import OPEN, AdmissionPlan, AuthPlan, GuardPlan
from aggregator.plan.compiling.expressions import one_expression


def compile_admission(
    settings: AdmissionSettings, defaults: AdmissionSettings, schemes: Mapping[str, SchemeSettings]
) -> AdmissionPlan:
    """Return what an endpoint asks for: its own word on identity and networks, and guards of both, the outer first."""
    auth = defaults.auth if settings.auth is None else settings.auth
    allow, deny = settings.allow_from or defaults.allow_from, (*defaults.deny_from, *settings.deny_from)
    guards = tuple(_guard(guard) for guard in (*defaults.require, *settings.require))
    plan = AdmissionPlan(_networks(allow), _networks(deny), _auth(auth, schemes), guards)
    return OPEN if plan == OPEN else plan


def _networks(texts: tuple[str, ...]) -> Networks | None:
    return parse_networks(texts) if texts else None


def _auth(settings: AuthSettings | str | None, schemes: Mapping[str, SchemeSettings]) -> AuthPlan | None:
    if not isinstance(settings, AuthSettings):
        return None
    reads_body = any(schemes[name].signature is not None for name in settings.schemes)
    return AuthPlan(settings.schemes, bool(settings.all), settings.optional, reads_body)


def _guard(settings: GuardSettings) -> GuardPlan:
    return GuardPlan(one_expression(settings.that), settings.status, settings.detail)
