"""Results as they lie in the store: what expressions, and answers that are made anew, read of them."""

from __future__ import annotations

from msgspec import Struct

from aggregator.causes import Cause, State
from aggregator.codecs import json as json_codec
from aggregator.parts.result import Result
from aggregator.policies.cache.shared.replies import are_fields


class WrittenResult(Struct, array_like=True, frozen=True):
    """The end of a part, with its body as JSON text; *state* and *cause* are the words of the causes' table."""

    name: str
    state: str
    status: int
    headers: list[tuple[bytes, bytes]]
    json: bytes
    cause: str | None = None
    upstream: str = ""


def written_of(result: Result) -> WrittenResult:
    """Return what of *result* is written; raises ``AggregatorError`` when its body is no JSON."""
    cause = None if result.cause is None else result.cause.value
    return WrittenResult(
        result.name, result.state.value, result.status, result.headers, result.json, cause, result.upstream
    )


def result_of(written: WrittenResult) -> Result:
    """Return the result that was *written*; raises ``ValueError`` or ``AggregatorError`` for garbage."""
    if not 0 <= written.status < 600 or not are_fields(written.headers):
        raise ValueError("This is no result.")
    json_codec.validate(written.json)
    result = Result(written.name, 0.0, 0.0, state=State(written.state), status=written.status)
    result.headers, result.json, result.upstream = written.headers, written.json, written.upstream
    result.cause = None if written.cause is None else Cause(written.cause)
    return result
