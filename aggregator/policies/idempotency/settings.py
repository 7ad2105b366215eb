"""Settings of idempotent endpoints."""

from typing import Annotated, Literal

from pydantic import Field

from aggregator.fields import ByteSize, Settings, TextKind, Timeout
from aggregator.policies.idempotency.plan import COUNT, SIZE


class IdempotencySettings(Settings):
    """A request that comes again gets the answer that it got; its calls are made once."""

    key: Annotated[str, TextKind.TEMPLATE] = Field(
        "{{ headers['idempotency-key'] }}",
        description="An expression over the request; requests of one caller for which it gives the same are one.",
        examples=["{{ headers['idempotency-key'] }}"],
    )
    ttl: Timeout = Field(86400.0, description="How long an answer is kept.", examples=["24h"])
    subject: Annotated[str | None, TextKind.TEMPLATE] = Field(
        None,
        description="An expression that says whose answer it is: `aggregator effects forget --key` erases those of "
        "one. Left out, it is `auth.subject`, the caller that `auth` has found.",
        examples=["{{ body.email }}"],
    )
    required: bool = Field(
        False, description="Whether a request without a key is refused with 400; else it is a plain one."
    )


class IdempotencyBounds(Settings):
    """The place and number of the answers kept for endpoints with `idempotency`; the first to expire go first."""

    store: Literal["state", "shared"] = Field(
        "state",
        description="`state`: the folder of this machine. `shared`: the server that `store` names, for all machines "
        "that name it; there each answer ends with its `ttl`, and `count` says nothing.",
    )
    count: int = Field(COUNT, ge=1, description="Answers.")
    bytes: ByteSize = Field(SIZE, description="What they take, about; a larger answer is not kept.", examples=["1GiB"])
