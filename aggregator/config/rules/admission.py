"""Who may call: the schemes that are named exist, and what reads ``auth`` asks for it."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.model.auth import AdmissionSettings, AuthSettings
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding


def check_admission(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Schemes that an endpoint names and that do not exist."""
    settings = analysis.settings
    if settings is None:
        return
    yield from _check_schemes(settings, analysis.path, around)
    if settings.stream:
        auth = settings.auth or around.settings.defaults.endpoint.auth
        yield from _check_stream(auth, (*analysis.path, "stream"), around)


def _check_stream(auth: AuthSettings | str | None, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """A signature is over a whole body, which a stream hands on before it has ended."""
    for name in auth.schemes if isinstance(auth, AuthSettings) else ():
        scheme = around.settings.auth.get(name)
        if scheme is not None and scheme.signature is not None:
            message = f"the body of a stream is not read, so `{name}` cannot judge its signature"
            yield Finding("stream", message, path, "remove `stream`, or name another scheme")


def check_inherited(around: Surroundings) -> Iterator[Finding]:
    """What every endpoint inherits."""
    shared = around.settings.defaults.endpoint
    path: Steps = ("defaults", "endpoint")
    yield from _check_schemes(shared, path, around)
    analysis = Analysis(path, None)
    scope = Scope(Inputs(has_auth=isinstance(shared.auth, AuthSettings)), is_open=True)
    for index, guard in enumerate(shared.require):
        Texts(analysis).condition(guard.that, (*path, "require", index, "that"), scope)
    yield from analysis.problems
    yield from check_names(analysis, around)


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
