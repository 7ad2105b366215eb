"""How far a call may go: timeouts, connection limits, TLS."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from aggregator.fields import Settings, Timeout

MOST_STREAMS = 50
"""Streams open at once, to each upstream, unless the file says how many."""


class Timeouts(Settings):
    """Limits of one call. A plain duration is the total."""

    total: Timeout | None = Field(
        None, description="The whole call: waiting, connecting, sending, the last byte of the body."
    )
    connect: Timeout | None = Field(None, description="Opening a connection, TLS included.")
    read: Timeout | None = Field(
        None, description="Longest silence of the upstream while its answer is awaited or read."
    )
    write: Timeout | None = Field(None, description="Longest time that the upstream may refuse to take bytes.")
    pool: Timeout | None = Field(None, description="Waiting for a free connection.")


def _total(value: Any) -> Any:
    return {"total": value} if isinstance(value, str | int | float) else value


TimeoutSetting = Annotated[Timeouts, BeforeValidator(_total, json_schema_input_type=Timeout | Timeouts)]


class LimitSettings(Settings):
    """Connections to one upstream."""

    max_connections: int | None = Field(
        None, ge=1, le=100_000, description="Connections open at once, to each upstream."
    )
    max_keepalive: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description="Idle connections kept open, to each upstream; more are closed after a second.",
    )
    keepalive_expiry: Timeout | None = Field(None, description="How long an idle connection is kept.")
    max_age: Timeout | None = Field(
        None,
        description="How long a connection is used, also one that is never idle (5 min, up to a fifth less): "
        "new ones go where the name of the upstream points by then.",
        examples=["5m"],
    )
    max_waiting: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Calls that may wait for a connection, as long as they can still be answered in time; "
        "others are refused with 503.",
    )
    max_streams: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Streams open at once, to each upstream, over connections of their own beside `max_connections`.",
    )


class TlsSettings(Settings):
    """How an upstream proves who it is, and how we do.

    Its files are in PEM form, and their paths begin in the folder of the file that names them. They are watched like
    that file: connections opened after a renewal use what is new.
    """

    verify: bool = Field(True, description="Check the certificate of the upstream.")
    ca: str | None = Field(
        None,
        description="File with the authorities to trust instead of the public ones (those of certifi, on any system; "
        "`SSL_CERT_FILE` and its like are not read).",
    )
    cert: str | None = Field(
        None, description="File with our client certificate, shown when asked for: at once, or late, as IIS does."
    )
    key: str | None = Field(None, description="File with the key of our client certificate.")
    server_name: str | None = Field(
        None, description="Name to ask for (SNI) and to check, if it is not the host of the URL."
    )
    security: Literal["modern", "compatible", "legacy"] = Field(
        "modern",
        description="Versions and cipher suites to offer: `modern` is TLS 1.3, and 1.2 with forward secrecy; "
        "`compatible` adds the older suites of TLS 1.2; `legacy` goes back to TLS 1.0, with short keys.",
    )
    ciphers: str | None = Field(
        None,
        description="Cipher suites for TLS 1.2 and older instead of those of `security`, as OpenSSL writes them.",
        examples=["ECDHE+AESGCM:AES256-SHA256"],
    )
