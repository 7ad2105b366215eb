"""The address of administration, and what only sends on to TLS."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aggregator.config.model.listening.addresses import AddressSetting, AddressSettings
from aggregator.config.model.listening.tls import ListenerTlsSettings
from aggregator.fields import Settings


class AdminSettings(Settings):
    """The address at which alone the process is looked into and acted upon. An address alone is the same in short."""

    address: AddressSetting = Field(description="Where it listens.", examples=["127.0.0.1:9000"])
    secret: str | None = Field(
        None,
        description="What actions have to show as `Authorization: Bearer`; on an address that is not loopback, reading "
        "has to, too. Without it nothing can be done, except over a Unix socket of mode 600.",
        examples=["${file:/run/secrets/admin}"],
        min_length=16,
    )
    hosts: tuple[str, ...] = Field(
        (), description="Names by which it may be asked for, beside addresses and `localhost`.",
        examples=[["admin.example.com"]],
    )  # fmt: skip
    tls: ListenerTlsSettings | None = Field(None, description="TLS on it, apart from that of the server.")


def _short(value: Any) -> Any:
    is_address = isinstance(value, str | int) or (isinstance(value, dict) and bool({"tcp", "unix"} & set(value)))
    return {"address": value} if is_address else value


Admin = Annotated[AdminSettings, BeforeValidator(_short, json_schema_input_type=str | AdminSettings | AddressSettings)]
"""The address of administration."""


class RedirectSettings(Settings):
    """An address that sends every request on to TLS, by 308. A text is the address alone."""

    address: AddressSetting = Field(description="Where it listens.", examples=["0.0.0.0:8080"])
    port: int | None = Field(
        None, ge=1, le=65535, description="Port that it sends to; left out, it is the one that speaks TLS.",
        examples=[443],
    )  # fmt: skip


Redirect = Annotated[
    RedirectSettings, BeforeValidator(_short, json_schema_input_type=str | RedirectSettings | AddressSettings)
]
"""An address that sends on to TLS."""
