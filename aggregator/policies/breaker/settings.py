"""Settings of breakers."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, StatusKey, TextKind, Timeout
from aggregator.policies.breaker.plan import OURS
from aggregator.policies.values import NAMES, DurationSpan, Share, Span

USUAL = ("timeout", "connect", "reset", "5xx")
"""What counts as a failure unless `on` says otherwise."""
UPSTREAM = "upstream"
HOST = "host"
_TELLING_NOTHING = frozenset({*(name for cause in OURS for name in cause.names), "any", "status"})
"""Causes of which none is one of the upstream, and words for statuses that are no failures of it, too."""


class SlowSettings(Settings):
    """Calls that take too long, although they may succeed."""

    over: Timeout = Field(description="How long a call may take that is not slow.", examples=["2s"])
    share: Share = Field(1.0, description="Share of the calls of the window that are slow.", examples=["60%"])


def _slow(value: Any) -> Any:
    return {"over": value} if isinstance(value, str) else value


def _failure(key: str) -> str:
    if key in _TELLING_NOTHING:
        hint = "name statuses of 5xx, 429, or causes such as timeout, connect and reset"
        raise PydanticCustomError("bad-breaker", "`{key}` says nothing of the upstream.", {"key": key, "hint": hint})
    if key[0] in "1234" and key != "429":
        hint = "of statuses below 500, only 429 can be named"
        raise PydanticCustomError("bad-breaker", "`{key}` is no failure of the upstream.", {"key": key, "hint": hint})
    return key


class BreakerSettings(Settings):
    """When an upstream is called no more, and for how long. What is not declared of failures, rate and slow is off."""

    failures: int | None = Field(
        None, ge=1, le=100_000, description="It opens after so many failures, one after the other.", examples=[5]
    )
    rate: Share | None = Field(
        None, description="It opens when so many calls of the `window` have failed.", examples=["50%"]
    )
    of: int = Field(20, ge=1, le=1_000_000, description="Fewer calls in the `window` say nothing of `rate` and `slow`.")
    window: Timeout = Field(10.0, description="How long `rate` and `slow` look back.", examples=["10s"])
    slow: Annotated[SlowSettings, BeforeValidator(_slow, json_schema_input_type=str | SlowSettings)] | None = Field(
        None, description="It opens when so many calls take so long; or the duration alone, when all do.",
        examples=[{"over": "2s", "share": "60%"}],
    )  # fmt: skip
    pause: DurationSpan = Field(
        Span(5.0, 60.0),
        description="How long it stays open before one call tries, at first and at the longest. Each time that this "
        "call fails too, it is twice as long; a random part of up to a fifth is taken off.",
        examples=["5s..60s"],
    )
    on: Annotated[tuple[Annotated[StatusKey, AfterValidator(_failure)], ...], NAMES] = Field(
        USUAL,
        description="Statuses and causes that count as failures; of those below 500 only 429 can.",
        examples=[["timeout", "connect", "reset", "5xx", 429]],
    )
    per: Annotated[str, TextKind.TEMPLATE] = Field(
        UPSTREAM,
        description="Whose failures are counted together: those of the `upstream`, of each `host`, or of all calls for "
        "which an expression gives the same.",
        examples=["host", "{{ tenant }}"],
    )

    @field_validator("per")
    @classmethod
    def _per(cls, value: str) -> str:
        if value not in (UPSTREAM, HOST) and "{{" not in value:
            hint = 'write `per: upstream`, `per: host`, or an expression: `per: "{{ tenant }}"`'
            raise PydanticCustomError("bad-breaker", "This tells no calls apart.", {"hint": hint})
        return value

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.failures is None and self.rate is None and self.slow is None:
            hint = "add `failures: 5`, `rate: 50%` or `slow: 2s`"
            raise PydanticCustomError("bad-breaker", "Nothing opens this breaker.", {"hint": hint})
        return self
