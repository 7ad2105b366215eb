"""Settings of concurrency."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.durations import rate_in_words
from aggregator.fields import Settings, Timeout

ADAPTIVE = "adaptive"
_MOST = 100_000
_FORM = f"write a number from 1 to {_MOST}, or `adaptive`"


def _number(value: Any) -> Any:
    if value == ADAPTIVE or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST):
        return value
    rate = rate_in_words(value) if isinstance(value, str) else None
    hint = _FORM if rate is None else hint_for_rate(rate)
    raise PydanticCustomError("limits", "This is not a number of calls.", {"hint": hint, "form": _FORM})


def hint_for_rate(rate: str) -> str:
    """Return what to write where *rate* stands as the value of `concurrency`."""
    return f"`concurrency` counts what is under way at once; how often is said by `rate_limit: {rate}`"


Limit = Annotated[int | Literal["adaptive"], BeforeValidator(_number, json_schema_input_type=int | Literal["adaptive"])]


class ConcurrencySettings(Settings):
    """The limit of calls and streams under way at once, with its queue; or the limit alone."""

    limit: Limit = Field(
        description="So many; `adaptive` finds the number by how long calls take.", examples=[64, "adaptive"]
    )
    at_most: int | None = Field(None, ge=1, le=100_000, description="The most that `adaptive` comes to (200).")
    queue: int = Field(100, ge=0, le=1_000_000, description="Calls that may wait for a place; others are refused.")
    wait: Timeout = Field(0.2, description="How long a call may wait.", examples=["200ms"])

    @model_validator(mode="after")
    def _at_most(self) -> Self:
        if self.at_most is not None and self.limit != ADAPTIVE:
            message = "The key `at_most` has no effect without `limit: adaptive`."
            raise PydanticCustomError("no-effect", message, {"hint": "remove it, or write `limit: adaptive`"})
        return self


def _limit(value: Any) -> Any:
    return {"limit": value} if isinstance(value, int | str) and not isinstance(value, bool) else value


ConcurrencySetting = Annotated[
    ConcurrencySettings,
    BeforeValidator(_limit, json_schema_input_type=int | Literal["adaptive"] | ConcurrencySettings),
]
