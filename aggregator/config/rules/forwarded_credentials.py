"""Credentials of callers that an endpoint, or ``defaults``, pass on to upstreams that are called with their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.policies.credentials.compiling import compile_credentials
from aggregator.policies.credentials.plan import headers_of
from aggregator.policies.credentials.settings import CredentialSettings

_AUTHORIZATION = "authorization"


def written_by(auth: CredentialSettings) -> frozenset[str]:
    """Return the names of the headers that *auth* writes, in lower case."""
    return frozenset(name.decode() for name in headers_of(compile_credentials(auth)))


def check_passed_to_none(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what the endpoint would pass on in a header that ``auth`` of all upstreams which it calls writes."""
    if analysis.settings is None or analysis.settings.forward is None:
        return
    called = [call.url.upstream for call in analysis.calls if call.url is not None]
    yield from _of_all(analysis.settings.forward, (*analysis.path, "forward"), called, around)


def check_default_passed(around: Surroundings) -> Iterator[Finding]:
    """Yield the same of ``defaults`` and all upstreams."""
    names = [*around.settings.upstreams, *around.lost]
    yield from _of_all(around.settings.defaults.forward, ("defaults", "forward"), names, around)


def _of_all(
    forward: ForwardSettings | None, path: Steps, names: Collection[str | None], around: Surroundings
) -> Iterator[Finding]:
    """Yield what *forward* would pass on that each of the upstreams *names* writes itself; some other may need it."""
    upstreams = [around.upstream(name) for name in names]
    auths = [None if upstream is None else upstream.auth for upstream in upstreams]
    written = [written_by(auth) for auth in auths if auth is not None]
    if written and len(written) == len(auths):
        yield from passed_over(forward, path, frozenset.intersection(*written), str(next(iter(names))))


def passed_over(forward: ForwardSettings | None, path: Steps, written: frozenset[str], name: str) -> Iterator[Finding]:
    """Yield what *forward* would pass on in a header of *written*, which ``auth`` of the upstream *name* writes."""
    if forward is None:
        return
    there = Elsewhere(("upstreams", name, "auth"), "written by this", at_key=True)
    if forward.auth and _AUTHORIZATION in written:
        message = f"`{name}` is called with a credential of its own"
        hint = "remove `auth: true`, or `auth` of the upstream"
        yield Finding("credentials-twice", message, (*path, "auth"), hint, at_key=True, related=(there,))
    for index, header in enumerate(forward.headers):
        if header.lower() in written:
            message = f"`{header}` is written by `auth` of `{name}`"
            place = (*path, "headers", index)
            yield Finding("credentials-twice", message, place, "remove one of the two", related=(there,))
