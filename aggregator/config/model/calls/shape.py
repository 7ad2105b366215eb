"""What is taken from the body of an answer, and what counts as success."""

from typing import Annotated

from pydantic import Field

from aggregator.config.marks import ON_RESULT
from aggregator.fields import Settings, TextKind


class SuccessSettings(Settings):
    """What counts as success, for upstreams that say 200 and mean no."""

    status: tuple[int | str, ...] = Field(
        ("2xx",),
        description="Statuses or classes that are a success. A part of a body (206) is one where it passes through "
        "as it comes, elsewhere only if it is named.",
        examples=[["2xx", 404]],
    )
    when: Annotated[str | None, TextKind.CONDITION] = Field(
        None, description="Expression that must hold; it sees `this`.", examples=["{{ this.body.ok }}"]
    )


class ShapeSettings(Settings):
    """What is taken from a body, in this order: select, target, allow or deny, rename, group."""

    select: Annotated[str | None, TextKind.TEMPLATE, ON_RESULT] = Field(
        None,
        description="JMESPath, or an expression in {{ }} that sees `this`.",
        examples=["data[].{id: id, name: name}"],
    )
    target: Annotated[str | None, ON_RESULT] = Field(
        None, description="Take only what is at this path.", examples=["data.user"]
    )
    allow: Annotated[tuple[str, ...], ON_RESULT] = Field(
        (), description="Keep only these paths; they go through lists.", examples=[["id", "address.city"]]
    )
    deny: Annotated[tuple[str, ...], ON_RESULT] = Field(
        (), description="Remove these paths; they go through lists.", examples=[["password"]]
    )
    rename: Annotated[dict[str, str], ON_RESULT] = Field(
        default_factory=dict, description="New names of paths, all applied at once.", examples=[{"id": "user_id"}]
    )
    group: Annotated[str | None, ON_RESULT] = Field(
        None, description="Put the result under this path.", examples=["user"]
    )
