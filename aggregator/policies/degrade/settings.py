"""Settings of degradation."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, Timeout


class DegradeSettings(Settings):
    """From where on a server is under pressure, and goes without what is not needed."""

    in_flight: int | None = Field(None, ge=1, description="Requests that are being answered.", examples=[1500])
    queue: int | None = Field(None, ge=1, description="Requests that wait in `server.limits.queue`.", examples=[100])
    loop_lag: Timeout | None = Field(
        None, description="How much later than due the event loop comes to something.", examples=["100ms"]
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.in_flight is None and self.queue is None and self.loop_lag is None:
            hint = {"hint": "write one of `in_flight`, `queue` and `loop_lag`"}
            raise PydanticCustomError("bad-degrade", "Nothing says when there is pressure.", hint)
        return self
