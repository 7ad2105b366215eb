"""Settings of maintenance."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings
from aggregator.policies.switches.calendar import hours_of
from aggregator.policies.values import NAMES, Zone


def _every(value: Any) -> Any:
    if not isinstance(value, str) or hours_of(value) is None:
        hint = "write it like `Sun 02:00-04:00`, `Mon-Fri 23:00-01:00`, or `02:00-03:00` for every day"
        raise PydanticCustomError("bad-calendar", "These are no days and hours.", {"hint": hint})
    return value


class MaintenanceSettings(Settings):
    """Endpoints that are out of service at certain hours of the week."""

    endpoints: Annotated[tuple[str, ...], NAMES] = Field(
        description="Which, by their keys; `*` stands for anything.", examples=[["GET /quote/*"]]
    )
    every: Annotated[str, BeforeValidator(_every), WithJsonSchema({"type": "string"})] = Field(
        description="Days and hours; an end before the beginning is on the next day. Every day without days.",
        examples=["Sun 02:00-04:00", "Mon-Fri 23:00-01:00"],
    )
    zone: Zone = Field("UTC", description="Whose clocks show these hours.", examples=["Europe/Berlin"])
    status: int = Field(503, ge=400, le=599, description="What is answered, with `Retry-After`.")
    detail: str | None = Field(None, description="What the answer says.", examples=["We are back at four."])
