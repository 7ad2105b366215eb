"""Answers of endpoints with callers that caches would give to others than the caller for whom they were made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aggregator.config.analysis.endpoints.inherited import auth_of, nearest_forward
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings
from aggregator.config.model.edge.carried import HeaderSettings, PlainHeaders
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.schemes.scheme import SchemeSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.edge.caching import is_for_shared_caches, is_of_caches
from aggregator.edge.prefixes import is_below

_CREDENTIALS = frozenset({"authorization", "cookie"})
_ASIDE = frozenset({"require", "rate_limit", "background"})
"""Sections of an endpoint that may read `auth` and make nothing of the answer."""


class _Word(NamedTuple):
    """What the file says of a header at *place*: in the endpoint (*is_own*), or for many."""

    place: Steps
    value: Any
    is_own: bool


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
    for name, word in _declared(analysis, path, around.settings).items():
        if not isinstance(word.value, str) or not is_for_shared_caches(name, word.value, authorized=authorized):
            continue
        there = () if word.is_own else (Elsewhere(analysis.path, "asks who calls, and answers so", at_key=True),)
        hint = _hint(name) if word.is_own else _nearer_hint(name, settings)
        if is_apart:
            message = "a cache between us and callers would give the answer of one caller to others"
            yield Finding("mixed-callers", message, word.place, hint, related=there)
        else:
            message = "a cache between us and callers would give this to whoever asks, without `auth`"
            hint = f"{hint}, or say that it is for everybody: `cache: {{ttl: 60s, public: true}}`"
            yield Finding("mixed-callers", message, word.place, hint, "warning", related=there)


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


def _nearer_hint(name: str, settings: EndpointSettings) -> str:
    section = "response" if settings.respond is None else "respond"
    value = '"private, max-age=60"' if name == "cache-control" else "no-store"
    return f"write it where nobody is asked for, or `{section}: {{headers: {{{name}: {value}}}}}` at this endpoint"


def _declared(analysis: Analysis, path: str, root: RootSettings) -> dict[str, _Word]:
    """Return what is declared of caching for the successes of the endpoint at *path*, by names in lower case.

    Headers of successes come first, then those of every answer; among either the nearest counts.
    """
    settings = analysis.settings
    assert settings is not None
    found: dict[str, dict[str, _Word]] = {"always": {}, "success": {}}
    for place, headers in _layers(analysis, path, root):
        is_own = place[: len(analysis.path)] == analysis.path
        for name, value in headers.values.items():
            word = _Word((*place, *headers.below, name), value, is_own)
            found[headers.on][name.lower()] = word
    if settings.response is not None and settings.response.cache_control not in (None, "compute"):
        place = (*analysis.path, "response", "cache_control")
        found["success"]["cache-control"] = _Word(place, str(settings.response.cache_control), is_own=True)
    said = found["always"] | {name: word for name, word in found["success"].items() if word.value is not None}
    return {name: word for name, word in said.items() if is_of_caches(name.encode())}


def _layers(analysis: Analysis, path: str, root: RootSettings) -> Iterator[tuple[Steps, HeaderSettings]]:
    """Yield the headers that answers of the endpoint at *path* carry, with their places, the outermost first."""
    settings = analysis.settings
    assert settings is not None
    yield ("server", "headers"), PlainHeaders.model_construct(on="always", values=root.server.headers)
    yield ("defaults", "response", "headers"), root.defaults.response.headers
    for prefix in sorted(root.prefixes, key=len):
        if is_below(path, prefix):
            yield ("prefixes", prefix, "response", "headers"), root.prefixes[prefix].response.headers
    for section, said in (("response", settings.response), ("respond", settings.respond)):
        if said is not None:
            yield (*analysis.path, section, "headers"), said.headers


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
        nearest = nearest_forward(analysis, call, around)
        if nearest is None or call.is_background:
            continue
        if nearest.auth or credentials.intersection(map(str.lower, nearest.headers)):
            return True
    return False


def _exchanging(analysis: Analysis, around: Surroundings) -> str | None:
    """Return the upstream that is called in the name of each caller, by a token of theirs; None without one."""
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None and not call.is_background else None
        upstream = around.upstream(name)
        oauth = None if upstream is None or upstream.auth is None else upstream.auth.oauth2
        if oauth is not None and oauth.grant == "token_exchange":
            return name
    return None
