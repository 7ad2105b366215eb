"""Credentials of upstreams that can be sent, token endpoints that can be asked, signatures over what is there."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.findings import value_at
from aggregator.config.rules.header_fields import check_fields
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.edge.networks import is_loopback
from aggregator.errors import ExpressionError
from aggregator.policies.credentials.compiling import is_token
from aggregator.policies.credentials.settings import CredentialSettings, HmacSettings, OauthSettings, SigV4Settings
from aggregator.policies.credentials.signing.shared import SENT_FIELDS
from aggregator.templates import header_value


def check_credential(auth: CredentialSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the values of `auth` of an upstream, whatever its scheme."""
    if auth.bearer is not None and not is_token(auth.bearer):
        message = "this is no token: it has a character that is never in one, such as a space or a line break"
        hint = "write the token alone, without `Bearer`" if auth.bearer[:7].lower() == "bearer " else "write it anew"
        yield Finding("credentials", message, (*path, "bearer"), hint)
    if auth.sigv4 is not None:
        yield from _check_sigv4(auth.sigv4, (*path, "sigv4"))
    if auth.hmac is not None:
        yield from _check_hmac(auth.hmac, (*path, "hmac"), around)
    if auth.oauth2 is not None:
        yield from _check_oauth(auth.oauth2, (*path, "oauth2"))
    if auth.basic is not None:
        for key in ("user", "password"):
            yield from _check_text(getattr(auth.basic, key), (*path, "basic", key))


def _check_sigv4(settings: SigV4Settings, path: Steps) -> Iterator[Finding]:
    for key in ("region", "service", "access_key", "secret_key", "session_token"):
        text = getattr(settings, key)
        if text is not None and not is_token(text):
            message = f"`{key}` has a character that is never in one, such as a space or a line break"
            yield Finding("credentials", message, (*path, key), "write it anew")


def _check_hmac(settings: HmacSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with a signature: its header, and a text over anything but the request that is sent."""
    yield from check_fields({settings.header: settings.prefix}, (*path, "header"))
    if not settings.secret:
        yield Finding("credentials", "nothing is no secret", (*path, "secret"), "write one of 32 random bytes or more")
    analysis = Analysis(path, value_at(around.written, path))
    references = Texts(analysis).value(settings.over, (*path, "over"), Scope(Inputs()))
    yield from analysis.problems
    for reference in sorted(references):
        if reference[0] != "sent":
            message = f"`{reference[0]}` is not known here: what is signed is the request as it is sent"
            hint = "read `sent`, with `method`, `path`, `query`, `body` and `headers`"
            yield Finding("unknown-name", message, (*path, "over"), hint, text=reference[0])
        elif len(reference) > 1 and reference[1] not in SENT_FIELDS:
            hint = did_you_mean(reference[1], SENT_FIELDS) or f"it has {', '.join(SENT_FIELDS)}"
            yield Finding("unknown-field", f"`sent` has no `{reference[1]}`", (*path, "over"), hint, text=reference[1])


def _check_oauth(settings: OauthSettings, path: Steps) -> Iterator[Finding]:
    yield from _check_token_url(settings.token_url, (*path, "token_url"))
    for key in ("client_secret", "refresh_token"):
        text = getattr(settings, key)
        if text is not None:
            yield from _check_text(text, (*path, key))
    for index, scope in enumerate(settings.scope):
        if not is_token(scope.replace(" ", "")):
            message = "a scope is words of visible characters with a space between"
            yield Finding("credentials", message, (*path, "scope", index), "write it like `orders.read orders.write`")


def _check_token_url(text: str, path: Steps) -> Iterator[Finding]:
    hint = "write it like `https://id.example.com/oauth2/token`"
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError:
        yield Finding("bad-url", "this URL cannot be read", path, hint)
        return
    if url.scheme not in ("http", "https") or not host or not text.isascii() or not text.isprintable() or " " in text:
        yield Finding("bad-url", "the token endpoint is named by its whole URL", path, hint)
    elif "@" in url.netloc:
        yield Finding(
            "bad-url", "credentials do not belong in a URL", path, "write them as `client_id` and `client_secret`"
        )
    elif url.fragment:
        yield Finding("bad-url", "a fragment is never sent to a server", path, "remove what begins with `#`")
    elif "{" in text:
        yield Finding("bad-url", "the token endpoint is the same for every request", path, "remove the braces")
    elif url.scheme == "http" and not is_loopback(host):
        message = "secrets and tokens go in the clear: whoever is between can use them"
        yield Finding("clear-text", message, path, "begin it with `https://`", "warning")


def _check_text(text: str, path: Steps) -> Iterator[Finding]:
    try:
        header_value(text)
    except ExpressionError:
        message = "a control character, such as a line break, cannot be sent in a credential"
        yield Finding("credentials", message, path, "write it on one line")
