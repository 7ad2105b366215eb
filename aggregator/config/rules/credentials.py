"""As whom upstreams are called: said once, sendable, and not in the clear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.config.analysis.endpoints.inherited import auth_of
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.rules.credential_values import check_credential
from aggregator.config.rules.forwarded_credentials import (
    check_default_passed,
    check_passed_to_none,
    passed_over,
    written_by,
)
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.http import SAFE
from aggregator.policies.credentials.settings import CredentialSettings
from aggregator.policies.credentials.signing.sigv4 import S3
from aggregator.templates import compile_value

_AUTHORIZATION = "authorization"


def check_upstream_auth(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about what each upstream says of its credentials, and what ``defaults`` pass on."""
    for name, upstream in around.settings.upstreams.items():
        path = ("upstreams", name)
        if upstream.auth is not None:
            yield from check_credential(upstream.auth, (*path, "auth"), around)
            written = written_by(upstream.auth)
            yield from _said_twice(upstream.headers, (*path, "headers"), written, name)
            yield from passed_over(upstream.forward, (*path, "forward"), written, name)
        yield from _check_forward(upstream.forward, (*path, "forward"))
    yield from _check_forward(around.settings.defaults.forward, ("defaults", "forward"))
    yield from check_default_passed(around)


def check_call_auth(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about credentials that calls set or pass on beside those of their upstream."""
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None else None
        upstream = around.upstream(name)
        if call.via is None:
            yield from _check_forward(call.settings.forward, (*call.path, "forward"))
        if upstream is not None and upstream.auth is not None and call.via is None:
            written = written_by(upstream.auth)
            yield from _said_twice(call.settings.headers, (*call.path, "headers"), written, str(name))
            yield from passed_over(call.settings.forward, (*call.path, "forward"), written, str(name))
    yield from _check_rows(analysis, around)
    yield from _check_stream(analysis, around)
    yield from _check_exchange(analysis, around)
    if analysis.settings is not None:
        yield from _check_forward(analysis.settings.forward, (*analysis.path, "forward"))
        yield from check_passed_to_none(analysis, around)
        yield from _check_passed(analysis, around)


def _check_rows(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield the rows for credentials that cannot be had, where all that there are stand in the file."""
    for rows in analysis.maps:
        calls = analysis.calls if rows.call is None else (rows.call,)
        upstreams = (around.upstream(call.url.upstream) for call in calls if call.url is not None)
        if any(upstream is not None and upstream.auth is not None and upstream.auth.oauth2 for upstream in upstreams):
            continue
        for index, row in enumerate(rows.rows):
            if row.on == "credentials" and (rows.call is None or rows.call.url is not None):
                message = "no failure reaches this row: no upstream here is called with a token that is fetched"
                yield Finding("unreachable-row", message, (*rows.path, index, "on"), "remove it", "warning")


def _check_stream(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield the upload whose body would have to be signed before it is there."""
    settings = analysis.settings
    if settings is None or not settings.stream or SAFE.issuperset(analysis.methods):
        return
    for call in analysis.calls:
        upstream = around.upstream(call.url.upstream if call.url is not None else None)
        auth = None if upstream is None or call.is_background else upstream.auth
        if auth is None or not _signs_body(auth):
            continue
        forwards = (call.settings.forward, settings.forward, upstream.forward if upstream is not None else None)
        if any(forward is not None and forward.body for forward in forwards):
            message = f"the body of a stream is not known when its request begins, and `{auth.scheme}` signs it"
            yield Finding("stream", message, (*analysis.path, "stream"), "remove `stream`")


def _check_exchange(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield the calls in the name of a caller, of endpoints that ask for no token, or whose callers may have none."""
    if analysis.settings is None:
        return
    path = analysis.pattern.source if analysis.pattern is not None else ""
    auth = auth_of(analysis.settings, path, around.settings)
    names = auth.schemes if isinstance(auth, AuthSettings) else ()
    schemes = {name: around.settings.auth[name] for name in names if name in around.settings.auth}
    without = [name for name, scheme in schemes.items() if scheme.jwt is None and scheme.introspection is None]
    if names and not schemes:
        return
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None else None
        upstream = around.upstream(name)
        oauth = None if upstream is None or upstream.auth is None else upstream.auth.oauth2
        if oauth is None or oauth.grant != "token_exchange":
            continue
        place = call.path if call.via is None else call.via
        there = Elsewhere(("upstreams", str(name), "auth"), "exchanges the token of the caller", at_key=True)
        if len(without) == len(schemes):
            message = f"`{name}` is called in the name of the caller, who has no token here"
            hint = "ask for one: `auth: NAME` of the endpoint, where NAME is a scheme with `jwt` or `introspection`"
            yield Finding("credentials", message, place, hint, related=(there,))
        elif without and isinstance(auth, AuthSettings) and auth.any:
            message = f"callers that `{without[0]}` admits have no token: their calls to `{name}` fail"
            hint = f"leave `{without[0]}` out here, and give its callers an endpoint of their own"
            yield Finding("credentials", message, place, hint, "warning", related=(there,))


def _signs_body(auth: CredentialSettings) -> bool:
    if auth.hmac is not None:
        references = compile_value(auth.hmac.over, lambda _: None).references
        return any(reference[1:2] in ((), ("body",)) for reference in references)
    return auth.sigv4 is not None and auth.sigv4.service != S3


def _said_twice(headers: Iterable[str], path: Steps, written: frozenset[str], name: str) -> Iterator[Finding]:
    for header in headers:
        if header.lower() in written:
            there = Elsewhere(("upstreams", name, "auth"), "written by this", at_key=True)
            message = f"`{header}` is written by `auth` of `{name}`"
            hint = "keep one of the two; a call that needs another credential calls an upstream of its own"
            yield Finding("credentials-twice", message, (*path, header), hint, at_key=True, related=(there,))


def _check_forward(forward: ForwardSettings | None, path: Steps) -> Iterator[Finding]:
    if forward is None or not forward.auth:
        return
    for index, header in enumerate(forward.headers):
        if header.lower() == _AUTHORIZATION:
            message = "`auth: true` passes on the credential already, in the header that it came in"
            there = Elsewhere((*path, "auth"), "said here", at_key=True)
            yield Finding(
                "credentials-twice", message, (*path, "headers", index), f"remove `{header}`", related=(there,)
            )


def _check_passed(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield the credentials of the endpoint's callers that no header can take to an upstream."""
    place = _passing(analysis, around)
    if place is None or analysis.settings is None:
        return
    path = analysis.pattern.source if analysis.pattern is not None else ""
    auth = auth_of(analysis.settings, path, around.settings)
    for name in auth.schemes if isinstance(auth, AuthSettings) else ():
        scheme = around.settings.auth.get(name)
        if scheme is not None and scheme.signature is not None:
            message = f"`auth: true` passes on credentials, and `{name}` admits by the signature of one body"
            yield Finding("credentials", message, place, "remove `auth: true`", at_key=True)
        key = None if scheme is None else scheme.api_key
        if key is not None and key.header is None:
            where = "query" if key.query is not None else "cookie"
            message = f"`auth: true` passes on headers, and keys of `{name}` come in the {where}"
            field = key.query or key.cookie
            hint = (
                f"name it: `forward: {{query: [{field}]}}`"
                if key.query is not None
                else "name it: `forward: {headers: [cookie]}`, which passes on all cookies"
            )
            yield Finding("credentials", message, place, hint, at_key=True)


def _passing(analysis: Analysis, around: Surroundings) -> Steps | None:
    """Return the place where `forward: {auth: true}` is said for a call of the endpoint, None where it is not."""
    assert analysis.settings is not None
    said: list[tuple[ForwardSettings | None, Steps]] = [(analysis.settings.forward, (*analysis.path, "forward"))]
    for call in analysis.calls:
        name = call.url.upstream if call.url is not None else None
        upstream: UpstreamSettings | None = around.upstream(name)
        said.append((call.settings.forward, (*call.path, "forward")))
        said.append((None if upstream is None else upstream.forward, ("upstreams", str(name), "forward")))
    said.append((around.settings.defaults.forward, ("defaults", "forward")))
    return next(((*path, "auth") for forward, path in said if forward is not None and forward.auth), None)
