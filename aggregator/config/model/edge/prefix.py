"""Settings for every endpoint below a path."""

from pydantic import Field

from aggregator.config.model.auth import CallerSettings
from aggregator.config.model.edge.carried import CarriedSettings, WideCors
from aggregator.config.model.edge.lifecycle import Deprecated
from aggregator.fields import unwritten
from aggregator.policies.callers.settings import CallerConcurrency
from aggregator.policies.rate_limit.settings import RateLimits


class PrefixSettings(CallerSettings):
    """What holds for a path and all below it; what is nearer to an endpoint counts before it."""

    deprecated: Deprecated | None = Field(
        None,
        description="Told by `Deprecation`, `Sunset` and `Link` of every answer, and in the OpenAPI document.",
        examples=[{"since": "2026-06-01", "sunset": "2027-01-01", "see": "/v2"}],
    )
    cors: WideCors | None = Field(
        None,
        description="Which pages of other origins may read the answers; or `none`.",
        examples=[{"origins": ["https://shop.example.com"]}],
    )
    response: CarriedSettings = Field(default_factory=unwritten(CarriedSettings), description="What the answers carry.")
    concurrency: CallerConcurrency | None = Field(
        None, description="How many requests of all endpoints below are answered at once, for each caller."
    )
    rate_limit: RateLimits = Field(
        (), description="How often all endpoints below may be called together.", examples=["500/s"]
    )
