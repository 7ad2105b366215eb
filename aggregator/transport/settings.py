"""What a pool is built from: frozen, hashable values made by the plan, with no socket or loop in sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

DEFAULT_PORTS = {"http": 80, "https": 443}
BROKER_PORTS = {
    "redis+stream": 6379, "rediss+stream": 6379, "nats": 4222, "nats+tls": 4222, "amqp": 5672, "amqps": 5671,
}  # fmt: skip
"""Schemes of message brokers, with their ports."""
_PORTS = DEFAULT_PORTS | BROKER_PORTS
_SECURE = frozenset({"https", "rediss+stream", "nats+tls", "amqps"})


class Origin(Struct, frozen=True):
    """The origin of an upstream: *scheme* is ``http``, ``https`` or that of a broker, *host* a name or a bare address.

    A name may end in a dot, an IPv6 address in ``%`` and the zone that a link-local one is in.
    With *unix_socket* (a path) the connection goes there, with *address* (an IP address) to that; *host* then only
    names the certificate.
    """

    scheme: str
    host: str
    port: int
    unix_socket: str | None = None
    address: str | None = None

    @property
    def secure(self) -> bool:
        """Whether connections to it speak TLS."""
        return self.scheme in _SECURE

    @property
    def authority(self) -> bytes:
        """The value of the ``Host`` header: a default port is left out (RFC 9110 §7.2).

        So is a zone, which means something on this machine only (RFC 6874 §4).
        """
        host = self.host.partition("%")[0]
        host = f"[{host}]" if ":" in host else host
        is_default = _PORTS[self.scheme] == self.port
        return (host if is_default else f"{host}:{self.port}").encode("ascii")

    @property
    def certified_name(self) -> str:
        """The name or address that a certificate has to be for: without the dot at its end (RFC 6066 §3) or a zone."""
        return self.host.partition("%")[0].removesuffix(".")

    @classmethod
    def parse(cls, url: str, unix_socket: str | None = None) -> Origin:
        """Return the origin of *url*; path and query play no part. Raises ValueError on other schemes."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"not a URL of a known scheme with a host: {url!r}")
        host, separator, zone = parts.hostname.partition("%25")
        host += "%" * bool(separator) + zone
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
        return cls(parts.scheme, host, parts.port or _PORTS[parts.scheme], unix_socket)


class Limits(Struct, frozen=True):
    """The limits of a pool: connections for whole calls and for streams, and calls that may wait for one.

    *max_keepalive* bounds the idle ones (None: as many as may be open), those beyond it being spared for a second;
    each is closed after *keepalive_expiry* seconds of idleness, which should be less than what the upstream allows.
    None is used for another call once it is *max_age* seconds old, or up to a fifth less.
    Streams, which may last for hours, have *max_streams* places of their own.
    *retry_after* is what a refused call is told, in seconds.
    """

    max_connections: int = 100
    max_keepalive: int | None = None
    keepalive_expiry: float = 4.0
    max_waiting: int = 1000
    retry_after: float = 1.0
    max_streams: int = 50
    max_age: float = 300.0


class Timeouts(Struct, frozen=True):
    """Limits in seconds inside a call's deadline; None leaves the phase to the deadline alone.

    *connect* covers name lookup, TCP and TLS; *read* is the longest silence while bytes are due;
    *write* the longest stall of a request body; *pool* the longest wait for a connection.
    """

    connect: float | None = 5.0
    read: float | None = None
    write: float | None = None
    pool: float | None = None


class Caps(Struct, frozen=True):
    """The bounds on a response, in bytes and counts; beyond them the call fails.

    *body* counts what arrives, *decoded* what content codings make of it; streamed replies are bounded
    by back-pressure instead. *head* covers interim responses as well as the final one.
    """

    body: int = 16 * 1024 * 1024
    decoded: int = 32 * 1024 * 1024
    head: int = 64 * 1024
    headers: int = 200
    interim: int = 16


Security = Literal["modern", "compatible", "legacy"]
"""``modern``: TLS 1.2 with forward secrecy, and 1.3; ``compatible``: every suite of TLS 1.2 that OpenSSL has not given
up; ``legacy``: TLS 1.0 on, with short keys and without secure renegotiation (RFC 5746)."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The TLS settings of an upstream: how it proves itself, and how we do.

    *ca_file* replaces the bundled authorities; *cert_file* (with *key_file* when the key is apart) is our
    own certificate; *server_name* is asked for and verified in place of the host. All files are PEM, and
    *digest* is of what they held: with another one they are read again. *security* is what is offered to the upstream,
    *ciphers* (an OpenSSL cipher string) stands in for the suites of TLS 1.2 and older in it.
    The environment (``SSL_CERT_FILE`` and its like) plays no part.
    """

    verify: bool = True
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)
    server_name: str | None = None
    digest: str = ""
    security: Security = "modern"
    ciphers: str | None = None


@dataclass(frozen=True, slots=True)
class BrokerTerms:
    """The terms of sending to a broker, as *user* or by a *token*.

    Redis: database *db*, streams of *max_length*. NATS: into JetStream, or to present subscribers. AMQP: to the
    *exchange* in the virtual host *vhost*.
    """

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    db: int = 0
    max_length: int | None = None
    jetstream: bool = True
    vhost: str = "/"
    exchange: str = ""


class PoolSettings(Struct, frozen=True):
    """Everything that one pool of connections to one origin needs to know; *broker* is set where that is one."""

    origin: Origin
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    caps: Caps = Caps()
    tls: TlsSettings = TlsSettings()
    broker: BrokerTerms | None = None
