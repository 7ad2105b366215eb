"""What failures become for the client: rows that match a status, a class, a cause, a part or an expression."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aggregator.fields import Settings, StatusKey, TextKind


class StatusRow(Settings):
    """One row of a status map: what it matches, and what the client gets."""

    on: StatusKey = Field(
        "any",
        description="A status (404), a class (5xx), a cause (timeout, network, …) or `any`.",
        examples=[404],
    )
    part: str | None = Field(None, description="Only failures of this part (on an endpoint).")
    when: Annotated[str | None, TextKind.CONDITION] = Field(
        None, description="Only if this expression holds; it sees `this` (status, headers, body, cause)."
    )
    status: int | None = Field(
        None, ge=200, le=599, description="Status of the answer; the default for the failure if left out."
    )
    title: Annotated[str | None, TextKind.TEMPLATE] = Field(
        None, description="Title of the problem; may hold expressions."
    )
    detail: Annotated[str | None, TextKind.TEMPLATE] = Field(
        None, description="Detail of the problem; may hold expressions.", examples=["User not found"]
    )
    body: Annotated[Any, TextKind.TEMPLATE] = Field(
        None, description="Answer with this body instead of a problem document."
    )
    headers: Annotated[dict[str, Any], TextKind.FIELDS] = Field(
        default_factory=dict,
        description="Headers of the answer; may hold expressions. `set-cookie` may be a list.",
        examples=[{"retry-after": "30"}],
    )
    forward: bool = Field(
        False,
        alias="pass",
        description="Let status and body of the upstream through as they are, with the headers that the status needs, "
        "such as `location` or `www-authenticate`.",
    )


def _rows(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"on": key, **(row if isinstance(row, dict) else {"status": row})} for key, row in value.items()]
    return value


StatusMap = Annotated[
    tuple[StatusRow, ...],
    BeforeValidator(_rows, json_schema_input_type=dict[str, int | StatusRow] | list[StatusRow]),
]
"""Rows in order, first match wins: a mapping from what is matched to the row, or a list of rows."""
