"""Schemes that ask somebody else, or believe a proxy: who is asked exists, sees the credential, and is believed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from aggregator.config.analysis.scope import RESPONSE_FIELDS, Inputs, Scope
from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.findings import value_at
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.schemes.asked import ExternalSettings, IntrospectionSettings
from aggregator.config.model.schemes.certificates import MtlsSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.rules.addresses import check_addresses
from aggregator.config.rules.literal_secrets import is_literal, secret_finding
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.edge.networks import is_loopback
from aggregator.http import NEVER_FORWARDED
from aggregator.policies.credentials.compiling import compile_credentials
from aggregator.policies.credentials.plan import headers_of


def check_introspection(settings: IntrospectionSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about issuers that cannot be asked, and about tokens and secrets that others could read."""
    url = urlsplit(settings.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        yield Finding("bad-issuer", "this is no URL that could be asked", (*path, "url"), "write https://…")
    elif url.scheme == "http" and not is_loopback(url.hostname):
        message = "tokens and the secret of the client would go in the clear"
        yield Finding("bad-issuer", message, (*path, "url"), "begin it with `https://`")
    if is_literal(value_at(around.written, (*path, "client_secret"))):
        yield secret_finding((*path, "client_secret"), f"{path[1]}_client_secret")


def check_external(settings: ExternalSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about upstreams that cannot judge a credential, and expressions that read more than the answer."""
    analysis = Analysis(path, value_at(around.written, path), lost=around.lost)
    scope = Scope(Inputs(), is_open=True).having(response=RESPONSE_FIELDS)
    texts = Texts(analysis)
    url = texts.url(settings.url, (*path, "url"), scope)
    if url is not None and url.references:
        message = "what is asked must not depend on the request: an answer is remembered for its credentials"
        yield Finding("external", message, (*path, "url"), "name one URL, without placeholders")
    analysis.calls.append(CallSite(path, CallSettings.model_construct(url=settings.url), "call", scope, url))
    for name, text in settings.texts.items():
        read = texts.condition(text, (*path, name), scope)
        for other in sorted({reference[0] for reference in read} - {"response"}):
            message = f"`{other}` is not known here: the answer of the upstream alone is"
            yield Finding("external", message, (*path, name), "read `response.headers`, or another field of `response`")
    yield from analysis.problems
    yield from check_addresses(analysis, around)
    yield from check_names(analysis, around)
    upstream = around.upstream(url.upstream) if url is not None else None
    yield from _check_sent(settings, path, upstream)
    oauth = None if upstream is None or upstream.auth is None else upstream.auth.oauth2
    if oauth is not None and oauth.grant == "token_exchange":
        message = "this upstream is called in the name of callers, and who calls is not known before it has answered"
        yield Finding("external", message, (*path, "url"), "name an upstream with another `grant`")


def _check_sent(settings: ExternalSettings, path: Steps, upstream: UpstreamSettings | None) -> Iterator[Finding]:
    """Yield findings about headers of a caller that do not go to the upstream, which could not judge them."""
    own = {name.lower() for name in upstream.headers} if upstream is not None else set()
    if upstream is not None and upstream.auth is not None:
        own |= {name.decode() for name in headers_of(compile_credentials(upstream.auth))}
    for index, name in enumerate(settings.headers):
        field = name.lower()
        if field.encode() in NEVER_FORWARDED or field in own:
            message = f"`{name}` of a caller does not go to the upstream, which could not judge it"
            hint = "name the headers with the credential; what the upstream sets itself hides that of a caller"
            yield Finding("external", message, (*path, "headers", index), hint)


def check_mtls(settings: MtlsSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about client certificates that nobody verifies."""
    server = around.settings.server
    if settings.from_ is None:
        if server.tls is None or server.tls.client_ca is None:
            message = "nobody asks clients for a certificate here"
            hint = (
                "write `server: {tls: {client_ca: FILE, …}}`, or where a proxy tells it: `from: {header: client-cert}`"
            )
            lacks: tuple[Steps, ...] = (("server", "tls", "client_ca"), (*path, "from"))
            yield Finding("no-effect", message, path, hint, at_key=True, lacks=lacks)
    elif not server.trusted_proxies:
        message = f"nobody is believed who sends `{settings.from_.header}`"
        hint = "name the networks of the proxy: `server: {trusted_proxies: [10.0.0.0/8]}`"
        lacks = (("server", "trusted_proxies"),)
        yield Finding("no-effect", message, (*path, "from", "header"), hint, lacks=lacks)
