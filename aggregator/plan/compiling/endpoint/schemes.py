"""Schemes of callers, with the contents of the files that they name."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from aggregator.config.files.yaml_data import data_of
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.schemes.asked import ExternalSettings, IntrospectionSettings
from aggregator.config.model.schemes.certificates import MtlsSettings
from aggregator.config.model.schemes.files import FileSettings
from aggregator.config.model.schemes.keys import ApiKeySettings, BasicSettings
from aggregator.config.model.schemes.scheme import FailuresSettings, SchemeSettings
from aggregator.config.model.schemes.tokens import JwtSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.identity.answers import AnswerRules
from aggregator.identity.certificates import CertificateRules
from aggregator.identity.keys import read_entries
from aggregator.identity.passwords import read_htpasswd
from aggregator.identity.revoked import read_revoked
from aggregator.identity.tokens import SYMMETRIC, TokenRules
from aggregator.plan.compiling.calls import EndpointSurroundings, Surroundings, compile_call
from aggregator.plan.compiling.endpoint.limits import compile_rate
from aggregator.plan.compiling.expressions import optional_expression
from aggregator.plan.schemes import (
    ApiKeyPlan,
    BasicPlan,
    ExternalPlan,
    IntrospectionPlan,
    JwtPlan,
    MtlsPlan,
    SchemePlan,
    Secrets,
    SignaturePlan,
)
from aggregator.policies.credentials.plan import Secret
from aggregator.stores.rate import Rate

Files = Mapping[str, bytes]


def compile_scheme(name: str, settings: SchemeSettings, files: Files, whole: Surroundings) -> SchemePlan:
    """Return the plan of the scheme *name*; *files* are what its files hold, by path."""
    failures = _failures(settings)
    if settings.introspection is not None:
        return replace(_introspection(name, settings.introspection), failures=failures)
    if settings.external is not None:
        return replace(_external(name, settings.external, whole), failures=failures)
    if settings.mtls is not None:
        return replace(_mtls(name, settings.mtls), failures=failures)
    if settings.api_key is not None:
        return replace(_api_key(name, settings.api_key, files), failures=failures)
    if settings.basic is not None:
        return replace(_basic(name, settings.basic, files), failures=failures)
    if settings.signature is not None:
        return SignaturePlan(name, settings.signature.rules, Secrets(settings.signature.keys), failures)
    assert settings.jwt is not None
    return replace(_jwt(name, settings.jwt, files), failures=failures)


def _failures(settings: SchemeSettings) -> Rate | None:
    if not settings.limits_failures:
        return None
    failures = settings.failures if isinstance(settings.failures, FailuresSettings) else FailuresSettings()
    return compile_rate(failures.rate, failures.burst)


def _api_key(name: str, settings: ApiKeySettings, files: Files) -> ApiKeyPlan:
    places = {"header": settings.header, "query": settings.query, "cookie": settings.cookie}
    place, field = next((place, field) for place, field in places.items() if field is not None)
    entries = read_entries(data_of(files[settings.keys.file]))
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
        frozenset(kind.lower().removeprefix("application/") for kind in settings.typ),
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
        revoked=None if settings.revoked is None else read_revoked(data_of(files[settings.revoked.file])),
    )


def _introspection(name: str, settings: IntrospectionSettings) -> IntrospectionPlan:
    rules = AnswerRules(
        settings.issuer,
        settings.audience,
        tuple(settings.scopes_at.split(".")),
        tuple(settings.roles_at.split(".")) if settings.roles_at else (),
    )
    return IntrospectionPlan(
        name, settings.url, settings.client_id, Secret(settings.client_secret), settings.cache, settings.timeout, rules
    )


def _external(name: str, settings: ExternalSettings, whole: Surroundings) -> ExternalPlan:
    reads_body = any("response.body" in text or "response[" in text for text in settings.texts.values())
    asking = CallSettings.model_construct(
        url=settings.url,
        forward=ForwardSettings.model_construct(headers=settings.headers),
        format="auto" if reads_body else "raw",
    )
    whole = replace(whole, root=_without_forward(whole.root))  # what it shares with other calls is no credential
    near = EndpointSurroundings(whole, EndpointSettings.model_construct(), "GET", (), eager=reads_body)
    call = compile_call(f"auth.{name}", asking, near)
    return ExternalPlan(
        name,
        replace(call, cache=None, coalesce="no", budget=None),  # the scheme remembers, for all who wait at once
        tuple(field.lower().encode() for field in settings.headers),
        settings.cache,
        settings.timeout,
        optional_expression(settings.subject),
        optional_expression(settings.scopes),
        optional_expression(settings.roles),
    )


def _without_forward(root: RootSettings) -> RootSettings:
    """Return *root* with nothing that goes of a request with every call."""
    upstreams = {name: settings.model_copy(update={"forward": None}) for name, settings in root.upstreams.items()}
    defaults = root.defaults.model_copy(update={"forward": None})
    return root.model_copy(update={"upstreams": upstreams, "defaults": defaults})


def _mtls(name: str, settings: MtlsSettings) -> MtlsPlan:
    rules = CertificateRules(settings.subjects, settings.sans, frozenset(settings.fingerprints))
    if settings.from_ is None:
        return MtlsPlan(name, rules)
    return MtlsPlan(name, rules, settings.from_.header, settings.from_.form)
