"""TLS to an upstream: what needs something else, what cannot be offered, and what is weaker than it looks."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.model.upstreams.limits import TlsSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding

_CLEAR = {"http": "https", "demo": "https", "redis+stream": "rediss+stream", "nats": "nats+tls", "amqp": "amqps"}
"""Schemes without TLS, with those that have it."""
_WEAKER = {
    "compatible": "without forward secrecy, who gets the key of this upstream one day can read all that was recorded",
    "legacy": "who is on the way may be able to break these old versions of TLS",
}


def check_tls(tls: TlsSettings, scheme: str, path: Steps) -> Iterator[Finding]:
    """Yield what is wrong with *tls*, at *path*, of an upstream whose URL has this *scheme*."""
    if scheme in _CLEAR:
        message = f"`tls` has no effect on `{scheme}://`"
        yield Finding("no-effect", message, path, f"write `{_CLEAR[scheme]}://`, or remove `tls`", at_key=True)
    if tls.key is not None and tls.cert is None:
        yield Finding("tls", "a key needs its certificate", (*path, "key"), "add `cert`", at_key=True)
    if tls.ciphers is not None and not _is_known(tls.ciphers):
        hint = "`openssl ciphers -v` lists them; the suites of TLS 1.3 are always offered"
        yield Finding("tls", "OpenSSL knows none of these cipher suites", (*path, "ciphers"), hint)
    if scheme not in _CLEAR.values():
        return
    if not tls.verify:
        message = "anybody on the way can read and change what this upstream sends"
        yield Finding("tls", message, (*path, "verify"), "name its authority with `ca`", "warning")
    if tls.security in _WEAKER:
        hint = "leave it out once the upstream speaks TLS 1.3, or TLS 1.2 with ECDHE"
        yield Finding("tls", _WEAKER[tls.security], (*path, "security"), hint, "warning")


def _is_known(ciphers: str) -> bool:
    """Return whether OpenSSL finds a suite of TLS 1.2 or older in *ciphers*."""
    import ssl  # a file that names none is checked without it

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(ciphers)
    except (ssl.SSLError, ValueError):
        return False
    return True
