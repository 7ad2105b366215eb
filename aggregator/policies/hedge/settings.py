"""Settings of hedges."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, Timeout, parse_duration
from aggregator.policies.values import Share

_QUANTILE = re.compile(r"p(\d{2})")
AT_LEAST = 0.02


def quantile_of(after: str) -> float | None:
    """Return the quantile that *after* names, ``p95`` is 0.95; None for a duration."""
    found = _QUANTILE.fullmatch(after)
    return int(found[1]) / 100 if found is not None else None


def _after(value: Any) -> Any:
    if isinstance(value, str) and _QUANTILE.fullmatch(value):
        if int(value[1:]) < 50:
            raise PydanticCustomError("bad-hedge", "Half of all calls take longer.", {"hint": "write p50 to p99"})
        return value
    if parse_duration(value) <= 0:
        hint = "write a fan-out with `race` for two calls at once"
        raise PydanticCustomError("bad-hedge", "A hedge comes after a while.", {"hint": hint})
    return value


class HedgeSettings(Settings):
    """When a call is sent a second time although nothing has failed; or `after` alone, or `none`."""

    after: Annotated[
        str,
        BeforeValidator(_after),
        WithJsonSchema({"type": "string", "pattern": r"^(p[5-9]\d|(\d+(\.\d+)?(ms|s|m))+)$"}),
    ] = Field(
        description="After what time: a duration, or a percentile of the times that this call took of late (`p50` to "
        "`p99`), once 20 answers have been seen.",
        examples=["p95", "200ms"],
    )
    at_least: Timeout | None = Field(
        None, description="Not before that, whatever the percentile is (20ms).", examples=["20ms"]
    )
    budget: Share | None = Field(
        None,
        description="Hedges, of the calls of the upstream over ten seconds (5%); retries and hedges together keep to "
        "`retry.budget` (20%). On upstreams.",
        examples=["5%"],
    )

    @model_validator(mode="after")
    def _of_a_percentile(self) -> Self:
        if self.at_least is not None and quantile_of(self.after) is None:
            message = "The key `at_least` has no effect beside a duration."
            raise PydanticCustomError("no-effect", message, {"hint": "remove it, or write `after: p95`"})
        return self


def _alone(value: Any) -> Any:
    return {"after": value} if isinstance(value, str) else value


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    return NO_HEDGE if value == "none" else read(_alone(value))


NO_HEDGE = HedgeSettings.model_construct(after="none")
"""A call is not hedged."""

HedgeSetting = Annotated[HedgeSettings, BeforeValidator(_alone, json_schema_input_type=str | HedgeSettings)]
HedgeOrNone = Annotated[
    HedgeSettings, WrapValidator(_or_none, json_schema_input_type=Literal["none"] | str | HedgeSettings)
]
"""When a call is hedged; ``NO_HEDGE`` for `none`."""
