"""Certificates of clients, shown on our own TLS or told by a proxy that has looked at them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings
from aggregator.http import is_token
from aggregator.identity.certificates import FINGERPRINT, MOST_STARS


def _patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value.count("*") > MOST_STARS:
            raise PydanticCustomError(
                "certificate", "A pattern has at most {most} `*`.", {"most": MOST_STARS, "hint": "write more patterns"}
            )
    return values


def _fingerprints(values: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(value.replace(":", "").lower() for value in values)
    if not all(FINGERPRINT.fullmatch(value) for value in found):
        hint = "write what `openssl x509 -noout -fingerprint -sha256` says"
        raise PydanticCustomError("certificate", "This is no SHA-256 of a certificate.", {"hint": hint})
    return found


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Patterns = Annotated[
    tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]), AfterValidator(_patterns)
]
"""Texts in which ``*`` stands for a piece of a name."""


def _header(name: str) -> str:
    if not is_token(name):
        raise PydanticCustomError(
            "header-name", "This is no name of a header.", {"hint": "write one such as client-cert"}
        )
    return name.lower()


class CertificateSource(Settings):
    """Take the certificate from a header that a trusted proxy writes."""

    header: Annotated[str, AfterValidator(_header)] = Field(
        description="Header with the certificate; only believed of `server.trusted_proxies`, which have to remove the "
        "one of a client.",
        examples=["client-cert"],
    )
    form: Literal["rfc9440", "pem", "xfcc", "subject"] = Field(
        "rfc9440",
        description="`rfc9440` is base64 between colons, `pem` a percent-encoded PEM (nginx, HAProxy, AWS), `xfcc` the "
        "X-Forwarded-Client-Cert of Envoy, `subject` the name alone (RFC 4514).",
    )


class MtlsSettings(Settings):
    """Certificates that clients show; any one that fits admits, all of them where nothing is said."""

    subjects: Patterns = Field(
        (),
        description="Subjects (RFC 4514); `*` stands for anything within one piece of the name.",
        examples=[["CN=sensor-*,O=Example"]],
    )
    sans: Patterns = Field(
        (),
        description="Alternative names with their kind; `*` stands for anything but `.`, `/`, `:` and `@`.",
        examples=[["URI:spiffe://example.com/sensors/*", "DNS:*.sensors.example.com"]],
    )
    fingerprints: Annotated[
        tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]), AfterValidator(_fingerprints)
    ] = Field((), description="SHA-256 of certificates, in hex, with colons or without.")
    from_: CertificateSource | None = Field(
        None, alias="from", description="Where the certificate is, if it is not that of the connection."
    )
