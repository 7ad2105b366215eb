"""What is remembered of the last requests that failed or were slow."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.fields import ByteSize, Settings, Timeout
from aggregator.http import is_token
from aggregator.telemetry.redaction import is_secret

_LARGEST = 256 * 1024


def _name(text: str) -> str:
    if not is_token(text):
        hint = {"hint": "write a name such as x-tenant"}
        raise PydanticCustomError("header-name", "This is no name of a header.", hint)
    if is_secret(text):
        hint = {"hint": "take it out: it would be masked in every request"}
        raise PydanticCustomError("header-name", "Values of this header are credentials.", hint)
    return text.lower()


class RecorderSettings(Settings):
    """The last requests that failed or were slow, in memory, for `/-/requests`."""

    keep: int = Field(
        200,
        ge=1,
        le=10_000,
        description="How many requests are kept, within 32 MiB of memory; the oldest go first.",
    )
    slow: Timeout = Field(
        1.0, description="A request that took as long is kept though it did not fail. Streams are never slow."
    )
    bodies: ByteSize | None = Field(
        None,
        description="Keep the bodies of requests, of answers and of what upstreams said, each cut to this size; none "
        "without. What is larger than 256 KiB as it came is not kept.",
        examples=["16KiB"],
        gt=0,
        le=_LARGEST,
    )
    headers: tuple[Annotated[str, AfterValidator(_name)], ...] = Field(
        (),
        description="Headers of requests, answers and upstreams whose values are kept; no others are.",
        examples=[["content-type", "x-tenant"]],
        max_length=50,
    )
