"""Answers of endpoints with callers that caches would give to others than the caller for whom they were made."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.inherited import auth_of
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.edge.caching import TARGETED, is_for_shared_caches

_CREDENTIALS = frozenset({"authorization", "cookie"})
_ASIDE = frozenset({"require", "rate_limit", "background"})
"""Sections of an endpoint that may read `auth` and make nothing of the answer."""


def check_shared_answers(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what would give the answer of one caller to others: our own cache, or one between us and them."""
    settings = analysis.settings
    path = analysis.pattern.source if analysis.pattern is not None else ""
    auth = None if settings is None else auth_of(settings, path, around.settings)
    if settings is None or not isinstance(auth, AuthSettings):
        return
    schemes = [around.settings.auth[name] for name in auth.schemes if name in around.settings.auth]
    authorized = all(_is_authorization(scheme) for scheme in schemes)
    is_public = settings.cache is not None and settings.cache.public
    exchanging = _exchanging(analysis, around)
    is_apart = exchanging is not None or _depends(analysis, around)
    if is_public and exchanging is not None:
        yield _exchanged(exchanging, (*analysis.path, "cache", "public"))
    if is_public and not is_apart:
        return
    for place, name, value in _declared(analysis):
        if not is_for_shared_caches(name, value, authorized=authorized):
            continue
        if is_apart:
            message = "a cache between us and callers would give the answer of one caller to others"
            yield Finding("mixed-callers", message, place, _hint(name))
        else:
            message = "a cache between us and callers would give this to whoever asks, without `auth`"
            hint = f"{_hint(name)}, or say that it is for everybody: `cache: {{ttl: 60s, public: true}}`"
            yield Finding("mixed-callers", message, place, hint, "warning")


def _exchanged(upstream: str, place: Steps) -> Finding:
    message = f"`{upstream}` answers each caller by their own token, and `public` gives one answer to all"
    there = Elsewhere(("upstreams", upstream, "auth"), "exchanges the token of the caller", at_key=True)
    hint = "remove `public`: each caller has answers apart then"
    return Finding("mixed-callers", message, place, hint, at_key=True, related=(there,))


def _is_authorization(scheme: SchemeSettings) -> bool:
    """Return whether the credential of *scheme* comes in ``Authorization``, which shared caches heed."""
    in_header = scheme.jwt is not None and scheme.jwt.from_ is None
    return scheme.basic is not None or scheme.introspection is not None or in_header


def _hint(name: str) -> str:
    return "write `private, max-age=60`" if name == "cache-control" else "remove it"


def _declared(analysis: Analysis) -> Iterator[tuple[Steps, str, str]]:
    """Yield the place, the name in lower case and the value of each field about caching that the endpoint declares."""
    settings = analysis.settings
    assert settings is not None
    fields = {"cache-control", *(name.decode() for name in TARGETED)} - {"surrogate-key"}
    for section, said in (("response", settings.response), ("respond", settings.respond)):
        if said is None:
            continue
        for name, value in said.headers.values.items():
            if name.lower() in fields and isinstance(value, str):
                yield (*analysis.path, section, "headers", *said.headers.below, name), name.lower(), value
    if settings.response is not None and settings.response.cache_control not in (None, "compute"):
        place = (*analysis.path, "response", "cache_control")
        yield place, "cache-control", str(settings.response.cache_control)


def _depends(analysis: Analysis, around: Surroundings) -> bool:
    """Return whether the answer is made of who calls: by an expression, or by a credential that is passed on."""
    assert analysis.settings is not None
    keys = {scheme.api_key.header for scheme in around.settings.auth.values() if scheme.api_key is not None}
    credentials = _CREDENTIALS | {name.lower() for name in keys if name is not None}
    for use in analysis.uses:
        below = use.path[len(analysis.path) :]
        if not _ASIDE.intersection(below) and any(reference[0] == "auth" for reference in use.references):
            return True
    for call in analysis.calls:
        upstream = around.upstream(call.url.upstream if call.url is not None else None)
        said = (call.settings.forward, analysis.settings.forward, None if upstream is None else upstream.forward,
                around.settings.defaults.forward)  # fmt: skip
        nearest = next((forward for forward in said if forward is not None), None)
        if nearest is None or call.role == "background":
            continue
        if nearest.auth or credentials.intersection(map(str.lower, nearest.headers)):
            return True
    return False


def _exchanging(analysis: Analysis, around: Surroundings) -> str | None:
    """Return the upstream that is called in the name of each caller, by a token of theirs; None without one."""
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None and call.role != "background" else None
        upstream = around.upstream(name)
        oauth = None if upstream is None or upstream.auth is None else upstream.auth.oauth2
        if oauth is not None and oauth.grant == "token_exchange":
            return name
    return None
