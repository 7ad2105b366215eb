"""Schemes of callers, and what endpoints ask for, with what they inherit from ``defaults.endpoint``."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from msgspec.structs import replace

from aggregator.config.model.auth import (
    AdmissionSettings,
    ApiKeySettings,
    AuthSettings,
    BasicSettings,
    FailuresSettings,
    FileSettings,
    GuardSettings,
    JwtSettings,
    SchemeSettings,
)
from aggregator.config.model.root import RootSettings
from aggregator.durations import rate_of
from aggregator.edge.networks import Networks, parse_networks
from aggregator.identity.keys import read_entries
from aggregator.identity.passwords import read_htpasswd
from aggregator.identity.tokens import SYMMETRIC, TokenRules
from aggregator.plan.admission import (
    OPEN,
    AdmissionPlan,
    ApiKeyPlan,
    AuthPlan,
    BasicPlan,
    GuardPlan,
    JwtPlan,
    SchemePlan,
)
from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.credentials.plan import CallerPlace
from aggregator.stores.rate import Rate

Files = Mapping[str, bytes]


def compile_scheme(name: str, settings: SchemeSettings, files: Files) -> SchemePlan:
    """Return the plan of the scheme *name*; *files* are what its files hold, by path."""
    failures = _failures(settings)
    if settings.api_key is not None:
        return replace(_api_key(name, settings.api_key, files), failures=failures)
    if settings.basic is not None:
        return replace(_basic(name, settings.basic, files), failures=failures)
    assert settings.jwt is not None
    return replace(_jwt(name, settings.jwt, files), failures=failures)


def _failures(settings: SchemeSettings) -> Rate | None:
    failures = settings.failures
    if failures is None and settings.jwt is None:  # what can be guessed is limited unless the file says otherwise
        failures = FailuresSettings()
    if not isinstance(failures, FailuresSettings):
        return None
    count, period = rate_of(failures.rate) or (1, 1.0)
    return Rate(count, period, failures.burst)


def _api_key(name: str, settings: ApiKeySettings, files: Files) -> ApiKeyPlan:
    places = {"header": settings.header, "query": settings.query, "cookie": settings.cookie}
    place, field = next((place, field) for place, field in places.items() if field is not None)
    entries = read_entries(yaml.safe_load(files[settings.keys.file]))
    return ApiKeyPlan(name, place, field.lower() if place == "header" else field, tuple(entries))


def _basic(name: str, settings: BasicSettings, files: Files) -> BasicPlan:
    users = read_htpasswd(files[settings.users.file].decode().splitlines())
    return BasicPlan(name, settings.realm, tuple(users.items()))


def _jwt(name: str, settings: JwtSettings, files: Files) -> JwtPlan:
    rules = TokenRules(
        settings.issuer,
        settings.audience,
        settings.algorithms,
        settings.leeway,
        settings.require,
        tuple(settings.scopes_at.split(".")),
        tuple(settings.roles_at.split(".")) if settings.roles_at else (),
    )
    key = None if settings.key is None else files[settings.key.file]
    is_secret = any(algorithm in SYMMETRIC for algorithm in settings.algorithms)
    jwks = settings.jwks
    return JwtPlan(
        name,
        rules,
        document=files[jwks.file] if isinstance(jwks, FileSettings) else None,
        pem=None if is_secret else key,
        secret=key.strip() if key is not None and is_secret else None,
        jwks_url=jwks if isinstance(jwks, str) else None,
        cookie=None if settings.from_ is None else settings.from_.cookie,
    )


def compile_admission(settings: AdmissionSettings, defaults: AdmissionSettings) -> AdmissionPlan:
    """Return what an endpoint asks for: its own word on identity and networks, and guards of both, the outer first."""
    auth = defaults.auth if settings.auth is None else settings.auth
    allow, deny = settings.allow_from or defaults.allow_from, (*defaults.deny_from, *settings.deny_from)
    guards = tuple(_guard(guard) for guard in (*defaults.require, *settings.require))
    plan = AdmissionPlan(_networks(allow), _networks(deny), _auth(auth), guards)
    return OPEN if plan == OPEN else plan


def caller_places(settings: AdmissionSettings, root: RootSettings) -> tuple[CallerPlace, ...]:
    """Return where callers of an endpoint have the credential by which they are admitted; nothing for one that is open.

    Schemes that do not exist, which `check` tells of, are left out.
    """
    auth = root.defaults.endpoint.auth if settings.auth is None else settings.auth
    names = auth.schemes if isinstance(auth, AuthSettings) else ()
    return tuple(_place(name, root.auth[name]) for name in names if name in root.auth)


def _place(name: str, scheme: SchemeSettings) -> CallerPlace:
    if (key := scheme.api_key) is not None:
        if key.header is not None:
            return CallerPlace(name, "header", key.header.lower())
        return CallerPlace(name, "cookie" if key.query is None else "query", key.query or key.cookie or "")
    cookie = None if scheme.jwt is None or scheme.jwt.from_ is None else scheme.jwt.from_.cookie
    is_token = scheme.jwt is not None
    if cookie is not None:
        return CallerPlace(name, "cookie", cookie, is_token)
    return CallerPlace(name, "header", "authorization", is_token)


def _networks(texts: tuple[str, ...]) -> Networks | None:
    return parse_networks(texts) if texts else None


def _auth(settings: AuthSettings | str | None) -> AuthPlan | None:
    if not isinstance(settings, AuthSettings):
        return None
    return AuthPlan(settings.schemes, bool(settings.all), settings.optional)


def _guard(settings: GuardSettings) -> GuardPlan:
    return GuardPlan(one_expression(settings.that), settings.status, settings.detail)
