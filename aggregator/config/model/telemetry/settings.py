"""The section ``telemetry``."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.config.model.telemetry.log import LogSettings
from aggregator.config.model.telemetry.metrics import MetricsSettings
from aggregator.config.model.telemetry.recorder import RecorderSettings
from aggregator.config.model.telemetry.traces import TracesSettings
from aggregator.fields import Settings, unwritten

_PLACE = re.compile(r"(?:headers|query|params)\.[^.\s]+|body(?:\.[^.\s]+)+").fullmatch


def _place(text: str) -> str:
    if not _PLACE(text):
        hint = {"hint": "write it like headers.x-tenant, query.token, params.card or body.user.password"}
        raise PydanticCustomError("bad-place", "This is no place of a request.", hint)
    return text


class TelemetrySettings(Settings):
    """What the server tells of itself."""

    metrics: MetricsSettings | None = Field(
        None, description="Count requests, parts and calls; nothing is counted without.", examples=[{}]
    )
    traces: TracesSettings | None = Field(
        None,
        description="Tell a collector what became of requests, and pass the context of traces on.",
        examples=[{"otlp": "http://collector:4318", "sample": "1%"}],
    )
    log: LogSettings = Field(
        default_factory=unwritten(LogSettings), description="Lines about answers, and about the process."
    )
    recorder: RecorderSettings | None = Field(
        None,
        description="Keep the last failed and slow requests, for `/-/requests` of the admin address; none without.",
        examples=[{"keep": 200, "slow": "1s"}],
    )
    hide: tuple[Annotated[str, AfterValidator(_place)], ...] = Field(
        (),
        description="Places of requests whose values are shown nowhere, in the log, in traces and in the recorder, "
        "beside credentials, which never are.",
        examples=[["body.password", "query.token"]],
    )
