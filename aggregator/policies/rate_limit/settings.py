"""The settings of limits: of requests, in windows side by side, and of calls to an upstream."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.durations import quota_of, rate_in_words, rate_of
from aggregator.fields import Duration, Settings, TextKind
from aggregator.policies.values import Zone

_RATE_FORM = "write it like 10/m, 100/s or 5/30s"


def _rate(value: Any) -> str:
    if isinstance(value, str) and rate_of(value) is not None:
        return value
    raise PydanticCustomError("bad-rate", "This is not a rate.", {"hint": _as_rate(value), "form": _RATE_FORM})


def _as_rate(value: Any) -> str:
    """Return what to write where *value* stands, the rate itself if it can be known."""
    if isinstance(value, str) and (meant := rate_in_words(value)) is not None:
        return f"write `{meant}`"
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f"say in which time: `{value}/s`, `{value}/m` or `{value}/30s`"
    return _RATE_FORM


def _rate_of_requests(value: Any) -> str:
    """Return *value* if it is a rate; a quota is told of, which requests may have, and calls may not."""
    if isinstance(value, str) and rate_of(value) is None and quota_of(value) is not None:
        hint = f"write `{{quota: {value}}}` where a limit of the calendar is meant, else a rate like 10/m"
        raise PydanticCustomError("bad-rate", "This is not a rate.", {"hint": hint, "form": _RATE_FORM})
    return _rate(value)


def _quota(value: Any) -> str:
    if isinstance(value, str) and quota_of(value) is not None:
        return value
    hint = "write it like 500/hour, 10000/day or 100000/month"
    raise PydanticCustomError("bad-rate", "This is not a quota.", {"hint": hint})


RateText = Annotated[str, BeforeValidator(_rate)]
"""How many in which time, such as ``10/m``."""
QuotaText = Annotated[str, BeforeValidator(_quota)]
"""How many in an hour, a day or a month of the calendar, such as ``10000/day``."""
_BURST = "How many may come at once; left out, as many as the number of the rate. Then one comes back every 1/rate."


class RateLimitSettings(Settings):
    """A limit of requests: a rate, or a quota."""

    rate: Annotated[str, BeforeValidator(_rate_of_requests)] | None = Field(
        None, description="How many come back in which time.", examples=["100/m"]
    )
    quota: QuotaText | None = Field(
        None,
        description="How many may come in an hour, a day or a month of the calendar, in place of a rate; all of them "
        "at once, if they like.",
        examples=["10000/day"],
    )
    zone: Zone | None = Field(
        None,
        description="Whose clocks say when the hour, day or month of a quota begins; left out, UTC.",
        examples=["Europe/Berlin"],
    )
    burst: int | None = Field(None, ge=1, le=100_000_000, description=_BURST, examples=[20])
    by: Annotated[str | None, TextKind.EXPRESSION] = Field(
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
    cost: Annotated[str | None, TextKind.EXPRESSION] = Field(
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

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.rate is None) == (self.quota is None):
            hint = "write `rate: 10/s`, or `quota: 10000/day`; two limits are two entries of a list"
            raise PydanticCustomError("bad-limit", "A limit has a rate or a quota.", {"hint": hint})
        if self.quota is not None and self.burst is not None:
            hint = "remove `burst`: a quota may be used up at once; add an entry with a `rate` beside"
            raise PydanticCustomError("bad-limit", "A quota has no burst.", {"hint": hint})
        if self.quota is None and self.zone is not None:
            raise PydanticCustomError("bad-limit", "A rate has no calendar.", {"hint": "remove `zone`"})
        return self

    @property
    def words(self) -> str:
        """The rate or the quota, as it is written."""
        return self.rate or self.quota or ""

    @property
    def most(self) -> int:
        """The number of requests that may come at once."""
        if self.quota is not None:
            return (quota_of(self.quota) or (1, ""))[0]
        return self.burst or (rate_of(self.rate or "") or (1, 1.0))[0]


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
    """The rate of calls to an upstream."""

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
