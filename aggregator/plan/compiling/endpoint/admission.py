"""What endpoints ask of callers, by the schemes of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec.structs import replace

from aggregator.config.model.auth import AuthSettings, CallerSettings, GuardSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.schemes.files import FileSettings
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.edge.networks import Networks, parse_networks
from aggregator.plan.compiling.expressions import one_expression
from aggregator.plan.incoming.admission import OPEN, AdmissionPlan, AuthPlan, GuardPlan
from aggregator.plan.incoming.inputs import GuardInputs, InputPlan
from aggregator.policies.credentials.plan import CallerPlace
from aggregator.policies.rate_limit.plan import LimitsPlan
from aggregator.schemas import Parameter


def compile_admission(
    callers: CallerSettings, schemes: Mapping[str, SchemeSettings], limits: LimitsPlan
) -> AdmissionPlan:
    """Return what an endpoint asks of its *callers*, in which is what it inherits."""
    allow, deny = _networks(callers.allow_from), _networks(callers.deny_from)
    guards = tuple(map(_guard, callers.require))
    early, late = (tuple(guard for guard in guards if ("body" in guard.that.roots) is late) for late in (False, True))
    plan = AdmissionPlan(allow, deny, compile_auth(callers.auth, schemes), early, limits, body_guards=late)
    return OPEN if plan == OPEN else plan


def caller_places(auth: AuthSettings | str | None, root: RootSettings) -> tuple[CallerPlace, ...] | None:
    """Return where callers who *auth* admits have credentials that can be passed on; None where nobody is asked."""
    if not isinstance(auth, AuthSettings):
        return None
    places = (_place(name, root.auth[name]) for name in auth.schemes)
    return tuple(place for place in places if place is not None)


def token_places(root: RootSettings) -> tuple[CallerPlace, ...]:
    """Return where callers have tokens of an issuer, for each scheme that takes such."""
    named = ((name, scheme) for name, scheme in root.auth.items() if scheme.jwt or scheme.introspection)
    places = (_place(name, scheme) for name, scheme in named)
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


def compile_auth(settings: AuthSettings | str | None, schemes: Mapping[str, SchemeSettings]) -> AuthPlan | None:
    """Return who is admitted by which of *schemes*; None where nobody is asked."""
    if not isinstance(settings, AuthSettings):
        return None
    reads_body = any(schemes[name].signature is not None for name in settings.schemes)
    refusals = sorted({status for name in settings.schemes for status in _refusals(schemes[name])})
    return AuthPlan(settings.schemes, bool(settings.all), settings.optional, reads_body, tuple(refusals))


def _refusals(scheme: SchemeSettings) -> Iterator[int]:
    """Yield the statuses beside 401 that callers of *scheme* can get."""
    if scheme.external is not None:
        yield 403
    if scheme.signature is not None:
        yield 409
    if scheme.limits_failures:
        yield 429
    fetches = scheme.jwt is not None and scheme.jwt.key is None and not isinstance(scheme.jwt.jwks, FileSettings)
    if fetches or scheme.introspection is not None or scheme.external is not None:
        yield 503


def _guard(settings: GuardSettings) -> GuardPlan:
    headers = tuple((name.lower().encode(), value.encode()) for name, value in settings.headers.items())
    return GuardPlan(one_expression(settings.that), settings.status, settings.detail, headers)


def with_guard_inputs(plan: AdmissionPlan, inputs: InputPlan, names: tuple[str, ...]) -> AdmissionPlan:
    """Return *plan* with what its guards read of *inputs*; *names* are the path parameters of the endpoint."""
    read = {reference for guard in plan.guards for reference in guard.that.references}
    roots = {reference[0] for reference in read}
    in_path = bool(roots & {"params", *names})
    chosen = InputPlan(
        params=inputs.params if in_path else (),
        query=_read_of(inputs.query, "query", read),
        headers=_read_of(inputs.headers, "headers", read),
        cookies=_read_of(inputs.cookies, "cookies", read),
    )
    if not in_path and chosen == InputPlan():
        return plan
    return replace(plan, guard_inputs=GuardInputs(chosen, names))


def _read_of(declared: tuple[Parameter, ...], root: str, read: set[tuple[str, ...]]) -> tuple[Parameter, ...]:
    """Return the parameters that *read* names, all of them where it names their whole."""
    if (root,) in read:
        return declared
    named = {reference[1].lower() for reference in read if reference[0] == root and len(reference) > 1}
    return tuple(parameter for parameter in declared if parameter.name.lower() in named)
