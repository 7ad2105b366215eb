"""Calls that run after the answer has gone out."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from aggregator.config.marks import EVERYWHERE, IN_REQUEST, Works, marks_of
from aggregator.config.model.calls.call import CallSettings, short_call
from aggregator.fields import Duration, TextKind
from aggregator.policies.durable.settings import DedupeSettings, DeliveryOrNone

_KEPT = IN_REQUEST | Works.GROUP
"""Marks what is said of all effects of a background call."""


def _moment(value: Any) -> Any:
    return "stored" if value is True else None if value is False else value


class BackgroundCallSettings(CallSettings):
    """A call that runs after the answer has gone out; nobody waits for it."""

    name: Annotated[str | None, EVERYWHERE] = Field(
        None,
        description="Its name in logs and counters; its method, upstream and path as the file writes them if left out.",
    )
    on: Annotated[Literal["success", "failure", "always"], EVERYWHERE] = Field(
        "success", description="After which answers: a success is a status below 400, also of a partial answer."
    )
    dry_run: Annotated[bool, EVERYWHERE] = Field(
        False,
        description="Nothing is sent: the log says what would be, and a `durable` one is kept as if it had been "
        "delivered, for `aggregator effects show` and `replay`.",
    )
    durable: Annotated[Literal["stored", "accepted"] | None, BeforeValidator(_moment), _KEPT] = Field(
        None,
        description="It is kept in the folder of `state` and delivered at least once, after a restart too: `stored` "
        "before the answer leaves (`true` means this), or `accepted`, just after it. Each item of a list, and each "
        "call of a `fan_out`, is kept by itself.",
        examples=["stored", True],
    )
    retry: Annotated[DeliveryOrNone | None, _KEPT] = Field(
        None,
        description="How often the call is sent when it fails, instead of what its upstream says; the number of "
        "retries alone, or `none`. A `durable` one is sent `{attempts: 12, backoff: 1s..1h, on: [network, timeout, "
        "429, 5xx]}` unless said.",
        examples=[{"attempts": 12, "backoff": "1s..1h"}],
    )
    order: Annotated[str | None, TextKind.TEMPLATE, _KEPT] = Field(
        None,
        description="A key: `durable` calls of this name with the same are delivered one after the other.",
        examples=["{{ body.account }}"],
    )
    delay: Annotated[Duration | None, _KEPT] = Field(
        None, description="How long a `durable` call waits at least before it is delivered.", examples=["10m"]
    )
    at: Annotated[str | None, TextKind.TEMPLATE, _KEPT] = Field(
        None,
        description="When a `durable` call is delivered at the earliest: a moment as RFC 3339 writes it, or in Unix "
        "time; one that is past means at once. With what is none, the call is lost: the log has an error, and "
        "`unwritten` counts it.",
        examples=["{{ body.remind_at }}"],
    )
    dedupe: Annotated[DedupeSettings | None, _KEPT] = Field(
        None, description="A `durable` call is kept once for a key.", examples=[{"key": "{{ body.email }}"}]
    )


BackgroundCall = Annotated[
    BackgroundCallSettings, BeforeValidator(short_call, json_schema_input_type=str | BackgroundCallSettings)
]

marks_of(BackgroundCallSettings)  # a field without a mark ends the import here
