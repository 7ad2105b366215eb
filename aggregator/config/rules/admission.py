"""Who may call: schemes exist and are used, what reads ``auth`` asks for it, and nothing secret goes in the clear."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.model.auth import AdmissionSettings, AuthSettings, JwtSettings
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_admission(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Schemes that an endpoint names and that do not exist."""
    if analysis.settings is not None:
        yield from _check_schemes(analysis.settings, analysis.path, around)


def check_schemes(around: Surroundings) -> Iterator[Finding]:
    """What every endpoint inherits, and the schemes themselves."""
    shared = around.settings.defaults.endpoint
    path: Steps = ("defaults", "endpoint")
    yield from _check_schemes(shared, path, around)
    analysis = Analysis(path, None)
    scope = Scope(Inputs(has_auth=isinstance(shared.auth, AuthSettings)), is_open=True)
    for index, guard in enumerate(shared.require):
        Texts(analysis).condition(guard.that, (*path, "require", index, "that"), scope)
    yield from analysis.problems
    yield from check_names(analysis, around)
    for name, scheme in around.settings.auth.items():
        if scheme.jwt is not None:
            yield from _check_jwt(scheme.jwt, ("auth", name, "jwt"))


def _check_schemes(settings: AdmissionSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    auth = settings.auth
    if not isinstance(auth, AuthSettings):
        return
    known = tuple(around.settings.auth)
    listing = "any" if auth.any else "all"
    for index, name in enumerate(auth.schemes):
        if name in known or name in around.lost:
            continue
        hint = did_you_mean(name, known) or (
            f"the schemes are {', '.join(known)}"
            if known
            else f"declare it: `auth: {{{name}: {{api_key: …}}}}` at the top"
        )
        yield Finding(
            "unknown-scheme", f"there is no scheme `{name}`", (*path, "auth", listing, index), hint, text=name
        )


def _check_jwt(settings: JwtSettings, path: Steps) -> Iterator[Finding]:
    url = urlsplit(settings.issuer)
    looks_it_up = settings.key is None and settings.jwks is None
    if looks_it_up and (url.scheme not in ("http", "https") or not url.hostname):
        hint = "write its URL, or say where its keys are: `jwks: URL`"
        yield Finding("bad-issuer", "the keys of an issuer that is no URL cannot be found", (*path, "issuer"), hint)
    elif looks_it_up and url.scheme == "http" and url.hostname not in _LOOPBACK:
        message = "the keys are fetched in the clear: whoever is between can make tokens"
        yield Finding("bad-issuer", message, (*path, "issuer"), f"write https://{url.netloc}{url.path}")
    if not settings.audience:
        message = "tokens that were made for other services are taken, too"
        yield Finding(
            "no-audience", message, path, "name whom they have to be for: `audience: shop`", "warning", at_key=True
        )
