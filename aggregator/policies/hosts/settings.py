"""Settings of upstreams with many hosts."""

from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, TextKind, Timeout
from aggregator.policies.values import DurationSpan, Share, Span

BALANCES = ("least", "round_robin", "random")
MOST = 100
"""Hosts of one upstream."""


class HostSettings(Settings):
    """One host of an upstream; or its URL alone."""

    url: Annotated[str, TextKind.URL] = Field(
        description="Its base URL. Scheme and path are those of all hosts.", examples=["https://a.users.internal"]
    )
    weight: int = Field(1, ge=1, le=1000, description="How much of the calls it gets beside the others.")
    priority: int = Field(
        0,
        ge=0,
        le=9,
        description="Hosts of a higher number are called only while too few of a lower one are usable.",
    )


def _host(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


HostSetting = Annotated[HostSettings, BeforeValidator(_host, json_schema_input_type=str | HostSettings)]


class HashSettings(Settings):
    """Calls for which an expression gives the same go to the same host."""

    hash: Annotated[str, TextKind.TEMPLATE] = Field(
        description="Expression that tells calls apart. A host more takes over its share of the keys, no other moves.",
        examples=["{{ auth.subject }}"],
    )

    @field_validator("hash")
    @classmethod
    def _tells(cls, value: str) -> str:
        if "{{" not in value:
            hint = 'write an expression: `hash: "{{ auth.subject }}"`'
            raise PydanticCustomError("bad-hosts", "This tells no calls apart.", {"hint": hint})
        return value


def _balance(value: Any) -> Any:
    if isinstance(value, dict | HashSettings) or value in BALANCES:
        return value
    hint = 'write `least`, `round_robin`, `random`, or `{hash: "{{ auth.subject }}"}`'
    raise PydanticCustomError("bad-hosts", "Hosts are not chosen so.", {"hint": hint})


Word = Literal["least", "round_robin", "random"]
BalanceSetting = Annotated[Word | HashSettings, BeforeValidator(_balance, json_schema_input_type=Word | HashSettings)]


class EjectSettings(Settings):
    """When a host is called no more for a while, because its calls fail."""

    failures: int = Field(
        5, ge=1, le=100_000, description="It is left out after so many failures, one after the other.", examples=[5]
    )
    pause: DurationSpan = Field(
        Span(10.0, 300.0),
        description="For how long, at first and at the longest: each time that its first call afterwards fails, it is "
        "twice as long. A random part of up to a fifth is taken off.",
        examples=["10s..5m"],
    )
    at_most: Share = Field(0.5, description="No more hosts are left out at once.", examples=["50%"])
    panic: Share = Field(
        0.5,
        description="When fewer hosts are usable than that, all are called: what says that so many fail may be wrong.",
        examples=["50%"],
    )


class HealthSettings(Settings):
    """Health checks of each host, beside the calls."""

    path: str = Field(description="What is asked for with GET; a status of 2xx is well.", examples=["/health"])
    every: Timeout = Field(5.0, description="How often; up to a tenth less.", examples=["5s"])
    timeout: Timeout = Field(1.0, description="How long an answer may take.", examples=["1s"])
    unhealthy: int = Field(3, ge=1, le=100, description="After so many failures in a row it is called no more.")
    healthy: int = Field(2, ge=1, le=100, description="After so many successes in a row it is called again.")


class ResolveSettings(Settings):
    """The lookup of the addresses behind the name of an upstream, each of which is a host; or `by` alone."""

    by: Literal["system", "dns", "srv"] = Field(
        description="`system` asks as every program here does, `dns` for addresses and `srv` for services (RFC 2782), "
        "as often as the records say, with the extra `dns`.",
        examples=["dns"],
    )
    every: Timeout | None = Field(
        None, description="How often `system` is asked (30s), which does not say how long its answers hold."
    )
    server: str | None = Field(
        None, description="Address of the DNS server, instead of those of this machine.", examples=["127.0.0.1:5353"]
    )

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        idle = "server" if self.by == "system" else "every"
        if getattr(self, idle) is not None:
            why = "which server is asked is the system's affair" if idle == "server" else "DNS says how long it holds"
            message = "The key `{key}` has no effect here: {why}."
            raise PydanticCustomError("no-effect", message, {"key": idle, "why": why, "hint": "remove it"})
        return self


def _by(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


ResolveSetting = Annotated[ResolveSettings, BeforeValidator(_by, json_schema_input_type=str | ResolveSettings)]


def dns_server(text: str | None) -> tuple[str, int] | None:
    """Return the address and the port that *text* names, 53 unless it does; None for None. Raises ValueError."""
    if text is None:
        return None
    parts = urlsplit(f"//{text}" if text.count(":") < 2 or text.startswith("[") else f"//[{text}]")
    address = ip_address(parts.hostname or "")
    if parts.path or parts.query or parts.username is not None:
        raise ValueError("not an address and a port")
    return str(address), parts.port or 53
