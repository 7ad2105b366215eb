"""Schemes of callers, with what the files hold that they name."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from msgspec.structs import replace

from aggregator.config.model.schemes.files import FileSettings
from aggregator.config.model.schemes.keys import ApiKeySettings, BasicSettings
from aggregator.config.model.schemes.scheme import FailuresSettings, SchemeSettings
from aggregator.config.model.schemes.tokens import JwtSettings
from aggregator.durations import rate_of
from aggregator.identity.keys import read_entries
from aggregator.identity.passwords import read_htpasswd
from aggregator.identity.tokens import SYMMETRIC, TokenRules
from aggregator.plan.admission import ApiKeyPlan, BasicPlan, JwtPlan, SchemePlan, SignaturePlan
from aggregator.stores.rate import Rate

Files = Mapping[str, bytes]
_GUESSED = frozenset({"api_key", "basic"})
"""Kinds whose credentials are few enough to be guessed."""


def compile_scheme(name: str, settings: SchemeSettings, files: Files) -> SchemePlan:
    """Return the plan of the scheme *name*; *files* are what its files hold, by path."""
    failures = _failures(settings)
    if settings.api_key is not None:
        return replace(_api_key(name, settings.api_key, files), failures=failures)
    if settings.basic is not None:
        return replace(_basic(name, settings.basic, files), failures=failures)
    if settings.signature is not None:
        return SignaturePlan(name, settings.signature.rules, settings.signature.keys, failures)
    assert settings.jwt is not None
    return replace(_jwt(name, settings.jwt, files), failures=failures)


def _failures(settings: SchemeSettings) -> Rate | None:
    failures = settings.failures
    if failures is None and settings.kind in _GUESSED:  # it is limited unless the file says otherwise
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
