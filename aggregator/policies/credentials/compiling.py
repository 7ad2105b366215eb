"""From settings to the plan of credentials; and what texts cannot be sent as one."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote_plus

from aggregator.policies.credentials.plan import (
    CallerPlace,
    ConstantPlan,
    CredentialsPlan,
    HmacPlan,
    OauthPlan,
    Secret,
    SigV4Plan,
)
from aggregator.policies.credentials.settings import (
    CredentialSettings,
    HmacSettings,
    OauthSettings,
    SigV4Settings,
)
from aggregator.templates import compile_value

is_token = re.compile(r"[!-~]+").fullmatch
"""Whether a text can be sent as a token: visible ASCII (RFC 6749 Appendix A.12)."""


def compile_credentials(settings: CredentialSettings, subjects: tuple[CallerPlace, ...] = ()) -> CredentialsPlan:
    """Return the plan of *settings*, which hold one scheme; *subjects* are where callers have tokens of an issuer."""
    if settings.bearer is not None:
        return ConstantPlan("bearer", Secret(f"Bearer {settings.bearer}"))
    if settings.basic is not None:
        return ConstantPlan("basic", _basic(settings.basic.user, settings.basic.password))
    if settings.oauth2 is not None:
        return _oauth(settings.oauth2, subjects)
    if settings.sigv4 is not None:
        return _sigv4(settings.sigv4)
    assert settings.hmac is not None
    return _hmac(settings.hmac)


def _sigv4(settings: SigV4Settings) -> SigV4Plan:
    return SigV4Plan(
        settings.region,
        settings.service,
        settings.access_key,
        Secret(settings.secret_key),
        None if settings.session_token is None else Secret(settings.session_token),
    )


def _hmac(settings: HmacSettings) -> HmacPlan:
    """Return the plan of *settings*; what cannot be compiled, which `check` tells of, signs nothing."""
    over = compile_value(settings.over, lambda _: None)
    header = settings.header.lower().encode("ascii", "replace")
    return HmacPlan(header, Secret(settings.secret), over, settings.algorithm, settings.encoding, settings.prefix)


def _basic(user: str, password: str) -> Secret:
    """Return name and password as a value of ``Authorization``, in UTF-8 (RFC 7617 §2)."""
    return Secret("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii"))


_TYPES = "urn:ietf:params:oauth:token-type:"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def _oauth(settings: OauthSettings, subjects: tuple[CallerPlace, ...]) -> OauthPlan:
    exchanges = settings.grant == "token_exchange"
    form = [("grant_type", _EXCHANGE if exchanges else settings.grant), *_wanted(settings)]
    if exchanges:
        form.append(("subject_token_type", f"{_TYPES}{settings.subject_token_type or 'access_token'}"))
    secret = settings.client_secret
    authorization = None
    if secret is not None and settings.client_auth == "basic":  # each of the two is encoded first (RFC 6749 §2.3.1)
        authorization, secret = _basic(quote_plus(settings.client_id), quote_plus(secret)), None
    else:
        form.append(("client_id", settings.client_id))
    return OauthPlan(
        token_url=settings.token_url,
        form=tuple(form),
        authorization=authorization,
        client_secret=None if secret is None else Secret(secret),
        refresh_token=None if settings.refresh_token is None else Secret(settings.refresh_token),
        subjects=subjects if exchanges else None,
    )


def _wanted(settings: OauthSettings) -> Iterator[tuple[str, str]]:
    """Yield what the token is to be good for; scopes are one parameter, the others one for each value."""
    if settings.scope:
        yield "scope", " ".join(settings.scope)
    yield from (("audience", value) for value in settings.audience)
    yield from (("resource", value) for value in settings.resource)
