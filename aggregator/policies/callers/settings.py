"""What a file says of requests at once."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from aggregator.fields import Settings, TextKind


class CallerConcurrencySettings(Settings):
    """The number of requests answered at once; one more gets 429."""

    limit: int = Field(ge=1, le=1_000_000, description="How many at once.", examples=[5])
    by: Annotated[str | None, TextKind.EXPRESSION] = Field(
        None,
        description="Whose requests are counted together, as in `rate_limit`; left out, all of them. It reads neither "
        "the body nor path parameters.",
        examples=["{{ auth.subject }}"],
    )


CallerConcurrency = Annotated[
    CallerConcurrencySettings,
    BeforeValidator(
        lambda value: value if isinstance(value, dict) else {"limit": value},
        json_schema_input_type=int | CallerConcurrencySettings,
    ),
]
"""A number alone is the limit."""
