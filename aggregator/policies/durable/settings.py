"""Settings of durable background calls."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WrapValidator

from aggregator.fields import ByteSize, Duration, Settings, TextKind, Timeout, unwritten
from aggregator.policies.durable.plan import Full
from aggregator.policies.retry.settings import MOST_ATTEMPTS, RetrySettings, or_none

MOST_DELIVERIES = 100


class DurableBounds(Settings):
    """The bounds on what is kept; `full` says what happens beyond them."""

    count: int = Field(5_000_000, ge=1, description="Effects, delivered ones included; those are let go first.")
    bytes: ByteSize = Field(2 * 1024**3, description="What they take there, about.", examples=["2GiB"])
    age: Timeout = Field(7 * 86400.0, description="How long one may wait; one that is older is dead.", examples=["7d"])


def _full(value: Any) -> Any:
    return "503" if value == 503 and not isinstance(value, bool) else value


class DurableSettings(Settings):
    """The keeping of background calls that are `durable`."""

    store: Literal["sqlite", "shared"] = Field(
        "sqlite",
        description="Where they are kept: `sqlite` is one file in the folder of `state`, `shared` the server that the "
        "top-level `store` names, from which all machines deliver that name it.",
        examples=["shared"],
    )
    sync: Literal["full", "normal"] = Field(
        "full",
        description="`full` has each commit on the disk before the answer leaves; with `normal`, a machine that loses "
        "its power may lose the last ones, a process that is killed loses none.",
    )
    keep_sent: Duration = Field(
        7 * 86400.0, description="How long those are kept that were delivered.", examples=["7d"]
    )
    keep_dead: Duration = Field(30 * 86400.0, description="How long those are kept that were given up.")
    max: DurableBounds = Field(
        default_factory=unwritten(DurableBounds), description="How much may be kept.", examples=[{"age": "2d"}]
    )
    full: Annotated[Full, BeforeValidator(_full, json_schema_input_type=Literal[503] | Full)] = Field(
        "503",
        description="What happens to one that cannot be stored: the request is refused with `503`, before its calls "
        "where that is known; or the effect is dropped, counted and logged; or it is kept in memory, as one that is "
        "not durable.",
        examples=[503],
    )


class DeliverySettings(RetrySettings):
    """The attempts at a background call; or the number of retries alone, or `none`."""

    attempts: int = Field(
        3, ge=2, le=MOST_DELIVERIES, description="How often the call is sent at most, in all. 12 if it is `durable`; "
        f"otherwise at most {MOST_ATTEMPTS}.",
    )  # fmt: skip


DeliveryOrNone = Annotated[
    DeliverySettings,
    WrapValidator(or_none(MOST_DELIVERIES), json_schema_input_type=Literal["none"] | int | DeliverySettings),
]
"""How often a background call is sent; ``NO_RETRY`` for `none`."""


class DedupeSettings(Settings):
    """A key under which one effect is kept, and for how long no other."""

    key: Annotated[str, TextKind.TEMPLATE] = Field(
        description="An expression; a second effect of this call for which it gives the same is not kept.",
        examples=["{{ body.email }}"],
    )
    ttl: Timeout = Field(86400.0, description="How long the key is known.", examples=["1h"])
