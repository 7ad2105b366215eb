"""What a file says of the calls that one request may make."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import ByteSize, Settings


class CallBudgetSettings(Settings):
    """The bounds on the calls of one request; needs `calls`, `bytes`, or both."""

    calls: int | None = Field(
        None, ge=1, le=1_000_000, description="How many calls, each attempt of `retry` and `hedge` is one.",
        examples=[40],
    )  # fmt: skip
    bytes: ByteSize | None = Field(
        None, description="How many bytes of bodies, of all calls together.", examples=["20MiB"]
    )
    over: Literal["fail", "cut"] = Field(
        "fail",
        description="What becomes of calls beyond: they fail with the cause `over_budget` (`fail`), or the items of "
        "`for_each` that they are for are left out (`cut`).",
    )

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.calls is None and self.bytes is None:
            raise PydanticCustomError(
                "missing-key",
                "A budget needs `calls` or `bytes`.",
                {"hint": "say how many calls one request may make: `calls: 40`"},
            )
        return self
