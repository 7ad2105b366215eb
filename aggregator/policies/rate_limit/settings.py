"""What a file says of limits: of requests, in windows side by side, and of calls to an upstream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.durations import rate_of
from aggregator.fields import Duration, Settings, TextKind


def _rate(value: Any) -> str:
    if isinstance(value, str) and rate_of(value) is not None:
        return value
    raise PydanticCustomError("bad-rate", "This is not a rate.", {"hint": "write it like 10/m, 100/s or 5/30s"})


RateText = Annotated[str, BeforeValidator(_rate)]
"""How many in which time, such as ``10/m``."""
_BURST = "How many may come at once; left out, as many as the number of the rate. Then one comes back every 1/rate."


class RateLimitSettings(Settings):
    """How often requests may come."""

    rate: RateText = Field(description="How many come back in which time.", examples=["100/m"])
    burst: int | None = Field(None, ge=1, le=100_000_000, description=_BURST, examples=[20])
    by: Annotated[str | None, TextKind.CONDITION] = Field(
        None,
        description="Whose requests are counted together: those with the same value; left out, all of them. Those for "
        "which it is null share one count. The address of a client counts with its whole /64 network in IPv6.",
        examples=["{{ auth.subject or request.client }}"],
    )
    unless: Annotated[str | None, TextKind.CONDITION] = Field(
        None,
        description="Which requests are not limited: those for which it is true.",
        examples=["{{ 'unlimited' in auth.scopes }}"],
    )
    cost: Annotated[str | None, TextKind.CONDITION] = Field(
        None,
        description="How many requests one counts for, 1 at least; it is counted once its inputs are known to be "
        "valid, and answered with 400 when this is no number.",
        examples=["{{ query.limit / 10 }}"],
    )
    report: bool = Field(False, description="Refuse nobody; log who would have been.")
    fields: Literal["draft", "legacy", "none"] = Field(
        "draft",
        description="Which header fields tell what is left: `RateLimit` and `RateLimit-Policy` "
        "(draft-ietf-httpapi-ratelimit-headers-10), `X-RateLimit-*`, or none.",
    )


def _windows(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, dict) else {"rate": item} for item in items]


RateLimits = Annotated[
    tuple[RateLimitSettings, ...],
    BeforeValidator(_windows, json_schema_input_type=str | RateLimitSettings | list[str | RateLimitSettings]),
]
"""Windows side by side; a text alone is the rate of one."""

NO_LIMIT = "none"
RateLimitsOrNone = Annotated[
    tuple[RateLimitSettings, ...] | Literal["none"],
    BeforeValidator(
        lambda value: value if value == NO_LIMIT else _windows(value),
        json_schema_input_type=Literal["none"] | str | RateLimitSettings | list[str | RateLimitSettings],
    ),
]
"""The same, or `none`, which takes out what is inherited."""


class CallRateSettings(Settings):
    """How often an upstream may be called."""

    rate: RateText = Field(description="How many calls come back in which time.", examples=["50/s"])
    burst: int | None = Field(None, ge=1, le=100_000_000, description=_BURST, examples=[10])
    wait: Duration = Field(
        0.0,
        description="How long a call may wait for its turn; one that would wait longer, or beyond its deadline, fails "
        "at once with the cause `limited`.",
        examples=["200ms"],
    )


CallRate = Annotated[
    CallRateSettings,
    BeforeValidator(
        lambda value: value if isinstance(value, dict) else {"rate": value},
        json_schema_input_type=str | CallRateSettings,
    ),
]
"""A text alone is the rate."""
