"""TLS contexts of listeners, made from files that have been checked when the configuration was loaded."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable

from aggregator.errors import StartupError
from aggregator.plan.incoming.listening import ListenerTlsPlan, PairPlan
from aggregator.transport.tls.sockets import TlsSocket

_CIPHERS = {
    "modern": "ECDHE+AESGCM:ECDHE+CHACHA20",
    "compatible": "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES",
    "legacy": "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AES:@SECLEVEL=0",  # SHA-1 signs the handshakes of TLS 1.0
}
"""Those of TLS 1.0 to 1.2, best first; those of 1.3 are all good. The levels follow Mozilla's Server Side TLS."""


def listener_context(plan: ListenerTlsPlan) -> ssl.SSLContext:
    """Return the context for connections of clients. Raises ``StartupError`` when a file has changed meanwhile.

    The certificate is chosen by the name that the client asks for; a name that nobody knows gets the first one.
    """
    try:
        default = _context(plan, plan.pair)
        named = {name: _context(plan, pair) for name, pair in plan.names}
    except OSError:  # ssl.SSLError is one
        raise StartupError("The files of `server.tls` have changed while they were being read.") from None
    if named:
        default.sni_callback = _chooser(named)  # type: ignore[assignment]  # it is given sockets, as we wrap them
    return default


def _context(plan: ListenerTlsPlan, pair: PairPlan) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = TlsSocket
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    with warnings.catch_warnings():  # that TLS 1.0 is old is why it has to be asked for
        warnings.simplefilter("ignore", DeprecationWarning)
        old, new = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2
        context.minimum_version = old if plan.security == "legacy" else new
    context.set_ciphers(_CIPHERS[plan.security])
    context.load_cert_chain(pair.cert, pair.key, "")  # with no password given, OpenSSL would ask on the terminal
    if plan.client_ca is not None:
        context.load_verify_locations(cafile=plan.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if plan.client == "required" else ssl.CERT_OPTIONAL
    return context


def _chooser(named: dict[str, ssl.SSLContext]) -> Callable[[ssl.SSLSocket, str | None, ssl.SSLContext], None]:
    def choose(sock: ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        lower = (name or "").lower()
        found = named.get(lower) or named.get(f"*.{lower.partition('.')[2]}")
        if found is not None:
            sock.context = found

    return choose
