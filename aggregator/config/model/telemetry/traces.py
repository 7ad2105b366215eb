"""Traces: to whom they are told, how many, and how their context goes on."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.telemetry.collector import CollectorSettings
from aggregator.config.model.telemetry.shares import Sample
from aggregator.fields import NetworkList


class TracesSettings(CollectorSettings):
    """A span for each request, part and call, exported after the answer has left; calls carry its context."""

    sample: Sample = Field(
        0.01, description="Share of the traces that begin here; those of a trusted parent say it themselves."
    )
    parent: bool | NetworkList = Field(
        False,
        description="Whose trace is continued: `true` for everybody's, or the networks of clients that are trusted; "
        "else each request begins one.",
        examples=[["10.0.0.0/8"]],
    )
    propagate: tuple[Literal["tracecontext", "b3", "baggage"], ...] = Field(
        ("tracecontext",),
        description="How context is read from clients, the first way first, and sent upstream.",
        examples=[["tracecontext", "b3"]],
    )

    @model_validator(mode="after")
    def _reads_what_it_trusts(self) -> Self:
        if self.parent is not False and not self.propagate:
            hint = {"hint": "write `propagate: [tracecontext]`, or remove `parent`"}
            raise PydanticCustomError("no-effect", "`parent` has no effect: no context is read.", hint)
        return self
