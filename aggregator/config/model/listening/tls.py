"""TLS towards clients: certificates, whom they are for, and what of TLS is spoken."""

from typing import Literal

from pydantic import Field

from aggregator.fields import Settings

Security = Literal["modern", "compatible", "legacy"]


class PairSettings(Settings):
    """A certificate and its key, in PEM form; renewed files are used without a restart."""

    cert: str = Field(
        description="File of the certificate, followed by those in between.", examples=["tls/api.example.com.pem"]
    )
    key: str | None = Field(
        None, description="File of its key, without a password; left out, it is in the file of the certificate.",
        examples=["tls/api.example.com.key"],
    )  # fmt: skip


class ListenerTlsSettings(PairSettings):
    """TLS on the addresses of TCP."""

    client_ca: str | None = Field(
        None, description="File of the authorities whose clients are believed.", examples=["tls/clients.pem"]
    )
    client: Literal["optional", "required"] = Field(
        "required", description="Whether a client must have a certificate of `client_ca`, or may."
    )
    security: Security = Field(
        "modern",
        description="`modern`: TLS 1.2 and 1.3, forward secrecy with AEAD; `compatible`: ECDHE with CBC, too; "
        "`legacy`: TLS 1.0 and 1.1, too.",
    )
    names: dict[str, PairSettings] = Field(
        default_factory=dict,
        description="Other certificates by the host that the client asks for (SNI); `*.` stands for one label.",
        examples=[{"*.eu.example.com": {"cert": "tls/eu.pem", "key": "tls/eu.key"}}],
    )
