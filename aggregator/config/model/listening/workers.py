"""How many processes serve, and what becomes of one that does not do well."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.fields import ByteSize, Duration, Settings

Count = Literal["auto"] | Annotated[int, Field(ge=1, le=256)]
"""As many as there are processors, or a number."""

_SHORTEST = 2.0
"""Seconds: workers are looked after once a second, and one that has to wait for a processor is not blocked."""


def _heard(value: float) -> float:
    if value < _SHORTEST:
        hint = "write 2s or more; what stands still for milliseconds is told by `server.watchdog`"
        raise PydanticCustomError("bad-duration", "Workers are looked after once a second.", {"hint": hint})
    return value


Blocked = Annotated[Duration, AfterValidator(_heard)]
"""Seconds, written with a unit, two at least."""


class WorkersSettings(Settings):
    """The processes that serve on the same addresses. A number, or `auto`, is the count alone."""

    count: Count = Field(
        1,
        description="How many processes; `auto` is as many as processors may be used, by affinity and cgroup. "
        "One has no supervisor.",
        examples=["auto", 4],
    )
    start: Literal["auto", "fork", "spawn"] = Field(
        "auto",
        description="How a worker begins. `fork`: as a copy of a process that has loaded the file, which is fast and "
        "shares memory. `spawn`: as a new process that compiles for itself, which works where a copy is unsafe. "
        "`auto` is `fork` on Linux, else `spawn`.",
        examples=["spawn"],
    )
    blocked: Blocked = Field(
        30.0,
        description="A worker whose event loop stands still for so long, 2s at least, is told, with its stack, and "
        "replaced.",
    )
    memory: ByteSize | None = Field(
        None, description="A worker that holds more memory is replaced once another one serves; left out, none is.",
        examples=["512MiB"],
    )  # fmt: skip


def _short(value: Any) -> Any:
    return value if isinstance(value, dict | WorkersSettings) else {"count": value}


Workers = Annotated[
    WorkersSettings, BeforeValidator(_short, json_schema_input_type=Literal["auto"] | int | WorkersSettings)
]
"""The processes that serve."""
