"""Settings of retries."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, StatusKey, Timeout
from aggregator.policies.values import NAMES, DurationSpan, PerSecond, Share, Span

MOST_ATTEMPTS = 5
USUAL = ("connect", "reset", "502", "503", "504")
"""What a call is sent again after unless `on` says otherwise."""

_OURS = frozenset(
    {"queue_full", "queue_timeout", "overloaded", "any", "status", "fault", "input", "expression", "unknown_key"}
)
"""What is no fault of the upstream, or would be met again."""


class BudgetSettings(Settings):
    """The retry budget of an upstream: shares of the calls of the last ten seconds."""

    share: Share = Field(0.2, description="Retries and hedges together, of the calls.", examples=["20%"])
    floor: PerSecond = Field(10.0, description="Retries that are always allowed.", examples=["10/s"])


def _budget(value: Any) -> Any:
    return {"share": value} if isinstance(value, str | int | float) else value


BudgetSetting = Annotated[BudgetSettings, BeforeValidator(_budget, json_schema_input_type=str | BudgetSettings)]


def _reason(key: str) -> str:
    if key in _OURS:
        hint = "name statuses such as 503, a class such as 5xx, or causes such as connect, reset and timeout"
        raise PydanticCustomError("bad-retry", "A retry after `{key}` cannot help.", {"key": key, "hint": hint})
    if key[0] in "123":
        hint = "name statuses of 400 and above"
        raise PydanticCustomError("bad-retry", "`{key}` is no failure of the upstream.", {"key": key, "hint": hint})
    return key


class RetrySettings(Settings):
    """A call is sent again when it failed; or the number of retries alone, or `none`."""

    attempts: int = Field(3, ge=2, le=MOST_ATTEMPTS, description="How often the call is sent at most, in all.")
    on: Annotated[tuple[Annotated[StatusKey, AfterValidator(_reason)], ...], NAMES] = Field(
        USUAL,
        description="Statuses, classes of statuses and causes after which it is sent again. `connect` is refused, dns, "
        "tls (never for a certificate that does not verify), unreachable and connect_timeout; `reset` is reset and "
        "incomplete; `timeout` needs `per_try`.",
        examples=[["connect", "reset", "timeout", 503]],
    )
    backoff: DurationSpan = Field(
        Span(0.025, 0.25),
        description="The pause before the first retry, and the longest one. Each is twice the one before, and drawn "
        "between zero and that. A `Retry-After` that is longer is waited for.",
        examples=["25ms..250ms"],
    )
    per_try: Timeout | None = Field(
        None, description="Limit of one attempt, within the `timeout` that covers all.", examples=["500ms"]
    )
    budget: BudgetSetting | None = Field(
        None,
        description="How much retries may add to the calls of the upstream, over ten seconds, whichever endpoint makes "
        "them (20%, and always 10/s). On upstreams.",
        examples=["20%"],
    )


def long_form(most: int) -> Callable[[Any], Any]:
    """Return what makes settings of a number of retries, where there may be *most* attempts."""

    def read(value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if 1 <= value < most:
            return {"attempts": value + 1}
        hint = "write `none`, or leave it out" if value == 0 else f"write 1 to {most - 1}"
        raise PydanticCustomError("out-of-range", "This is not a number of retries.", {"hint": hint})

    return read


def or_none(most: int) -> Callable[[Any, ValidatorFunctionWrapHandler], Any]:
    """Return what reads `none`, a number of retries, or settings; there may be *most* attempts."""
    read = long_form(most)
    return lambda value, settings_of: NO_RETRY if value == "none" else settings_of(read(value))


NO_RETRY = RetrySettings.model_construct(attempts=1)
"""A call is made once."""

RetrySetting = Annotated[
    RetrySettings, BeforeValidator(long_form(MOST_ATTEMPTS), json_schema_input_type=int | RetrySettings)
]
RetryOrNone = Annotated[
    RetrySettings, WrapValidator(or_none(MOST_ATTEMPTS), json_schema_input_type=Literal["none"] | int | RetrySettings)
]
"""How often a call is sent; ``NO_RETRY`` for `none`."""
