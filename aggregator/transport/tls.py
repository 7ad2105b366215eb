"""TLS contexts, made when a pool is built: one for all pools whose settings and files are the same."""

from __future__ import annotations

import os
import ssl
from typing import Any
from weakref import WeakValueDictionary

from aggregator.errors import StartupError
from aggregator.transport.settings import TlsSettings
from aggregator.transport.tls_socket import TlsSocket

_contexts: WeakValueDictionary[tuple[Any, ...], ssl.SSLContext] = WeakValueDictionary()


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Give the client context for *settings*. Raises StartupError for a file that cannot be used.

    A file that has changed on disk since makes a new context, so that a reload takes renewed certificates.
    """
    files = (settings.ca_file, settings.cert_file, settings.key_file)
    key = (settings, *(_stamp(path) for path in files))
    context = _contexts.get(key)
    if context is None:
        context = _contexts[key] = build_context(settings)
        context.sslsocket_class = TlsSocket
        context.set_alpn_protocols(["http/1.1"])
    return context


def _stamp(path: str | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError as error:
        raise StartupError(f"The TLS file {path} cannot be read: {_reason(error)}.") from None
    return status.st_mtime_ns, status.st_size


def build_context(settings: TlsSettings) -> ssl.SSLContext:
    """Give a client context that the caller may go on to change. Raises StartupError, as `tls_context`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.verify:
        _load_authorities(context, settings.ca_file)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file is None:
        context.options |= ssl.OP_NO_RENEGOTIATION
    else:
        _load_certificate(context, settings.cert_file, settings)
        # IIS, Azure and httpd ask for it when they have seen the path: by renegotiation in TLS 1.2, this in 1.3
        context.post_handshake_auth = True
    return context


def _load_authorities(context: ssl.SSLContext, ca_file: str | None) -> None:
    """Trust the authorities in *ca_file*, or those that certifi bundles."""
    if ca_file is None:
        import certifi

        ca_file = certifi.where()
    try:
        context.load_verify_locations(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise StartupError(f"The authorities in {ca_file} cannot be used: {_reason(error)}.") from None


def _load_certificate(context: ssl.SSLContext, cert_file: str, settings: TlsSettings) -> None:
    password = settings.key_password or ""  # with none given, OpenSSL would ask on the terminal
    try:
        context.load_cert_chain(cert_file, settings.key_file, password)
    except OSError as error:
        raise StartupError(f"The certificate in {cert_file} cannot be used: {_reason(error)}.") from None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not in PEM form").lower().replace("_", " ")
    return (error.strerror or "cannot be read").lower()
