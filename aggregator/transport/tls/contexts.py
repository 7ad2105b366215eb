"""TLS contexts, made when a pool is built: one for all pools whose settings are the same."""

from __future__ import annotations

import ssl
from weakref import WeakValueDictionary

from aggregator.errors import StartupError
from aggregator.transport.settings import Security, TlsSettings
from aggregator.transport.tls.files import unusable_file
from aggregator.transport.tls.sockets import TlsSocket

_SUITES: dict[Security, str | None] = {
    "modern": None,  # those of Python: forward secrecy, no SHA-1
    "compatible": "DEFAULT:@SECLEVEL=1",
    "legacy": "ALL:!aNULL:!eNULL:@SECLEVEL=0",
}
_LEGACY_SERVER_CONNECT = 0x4  # SSL_CTX_set_options(3); the constant of the ssl module is there from Python 3.12 on

_contexts: WeakValueDictionary[TlsSettings, ssl.SSLContext] = WeakValueDictionary()


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the client context for *settings*. Raises StartupError for a file that cannot be used."""
    context = _contexts.get(settings)
    if context is None:
        context = _contexts[settings] = build_context(settings)
        context.sslsocket_class = TlsSocket
        context.set_alpn_protocols(["http/1.1"])
    return context


def build_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a client context that the caller may go on to change. Raises StartupError, as `tls_context`."""
    wrong = unusable_file(settings)
    if wrong is not None:
        raise StartupError(f"The TLS file {wrong.path} {wrong.why}.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    offer(context, settings.security, settings.ciphers)
    try:
        _load(context, settings)
    except OSError:  # ssl.SSLError is one
        raise StartupError("The files of TLS have changed while they were being read.") from None
    return context


def offer(context: ssl.SSLContext, security: Security, ciphers: str | None) -> None:
    """Set the versions of *security* on *context*, with *ciphers* in place of its own; raises ssl.SSLError for none.

    The suites of TLS 1.3 are always those of OpenSSL.
    """
    if security == "legacy":
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.options |= _LEGACY_SERVER_CONNECT
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    suites = ciphers or _SUITES[security]
    if suites is not None:
        context.set_ciphers(suites)


def _load(context: ssl.SSLContext, settings: TlsSettings) -> None:
    if settings.verify:
        context.load_verify_locations(cafile=settings.ca_file or _bundled())
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file is None:
        context.options |= ssl.OP_NO_RENEGOTIATION
    else:
        password = settings.key_password or ""  # with none given, OpenSSL would ask on the terminal
        context.load_cert_chain(settings.cert_file, settings.key_file, password)
        # IIS, Azure and httpd ask for it when they have seen the path: by renegotiation in TLS 1.2, this in 1.3
        context.post_handshake_auth = True


def _bundled() -> str:
    import certifi

    return certifi.where()
