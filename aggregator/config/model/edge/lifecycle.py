"""The end of an endpoint's life: since when it is deprecated, when it is gone, what takes its place."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from aggregator.fields import DATE, Settings


def _moment(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, datetime):
        hint = {"hint": "write it like 2027-01-31 or 2027-01-31T12:00:00Z"}
        raise PydanticCustomError("bad-date", "This is not a date.", hint)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d", "examples": ["2027-01-31"]}),
]
"""A day or a moment; without a zone it is UTC."""


class LifecycleSettings(Settings):
    """What clients are told of the end of an endpoint."""

    since: Annotated[Moment | None, DATE] = Field(
        None, description="When it was, or will be, deprecated.", examples=["2026-06-01"]
    )
    sunset: Annotated[Moment | None, DATE] = Field(
        None, description="When it is expected to be gone.", examples=["2027-01-01"]
    )
    see: str | None = Field(None, description="What takes its place: a path or a URL.", examples=["/v2"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.sunset is not None and self.sunset < self.since:
            hint = {"hint": "let `sunset` be the later of the two"}
            raise PydanticCustomError("bad-date", "It cannot be gone before it is deprecated.", hint)
        if self.see is not None and not (
            self.see.isascii() and self.see.isprintable() and not set(self.see) & set(' <>"')
        ):
            hint = {"hint": "percent-encode what a URL cannot hold"}
            raise PydanticCustomError("bad-url", "`see` is not a path or a URL.", hint)
        return self


DEPRECATED = LifecycleSettings.model_construct()
NOT_DEPRECATED = LifecycleSettings.model_construct()


def _or_flag(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, bool):
        return DEPRECATED if value else NOT_DEPRECATED
    return read(value)


Deprecated = Annotated[LifecycleSettings, WrapValidator(_or_flag, json_schema_input_type=bool | LifecycleSettings)]
"""What is said of the end; true says no more than that there is one."""
