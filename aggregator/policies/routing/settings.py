"""Settings of routes, choices and shadows."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, TextKind
from aggregator.policies.values import Share

MOST = 1000
"""Most keys of a route: each has connections, a breaker and a budget of its own."""


_BOUNDS: dict[str, Any] = {"minProperties": 1, "maxProperties": MOST}


def _some(value: dict[str, str]) -> dict[str, str]:
    if not value:
        hint = {"hint": "write keys and URLs, like `acme: https://acme.internal`"}
        raise PydanticCustomError("bad-route", "A route without keys leads nowhere.", hint)
    if len(value) > MOST:
        raise PydanticCustomError(
            "bad-route",
            "A route has at most 1000 keys.",
            {"hint": "give the service that tells tenants apart the rest"},
        )
    return value


class RouteSettings(Settings):
    """Routes of calls to an upstream, by a key of each request; only declared targets are ever called."""

    by: Annotated[str, TextKind.EXPRESSION] = Field(
        description="An expression whose value is the key; it reads what each call can read.",
        examples=["{{ headers['x-tenant'] }}"],
    )
    to: Annotated[dict[str, str], AfterValidator(_some), Field(json_schema_extra=_BOUNDS)] = Field(
        description="Base URLs by key, which is compared letter by letter.",
        examples=[{"acme": "https://acme.internal", "globex": "https://globex.internal"}],
    )
    else_: int = Field(
        404,
        alias="else",
        ge=400,
        le=599,
        description="Status of the answer when a part is required whose request has another key, or none (cause "
        "`unknown_key`).",
        examples=[421],
    )


class ChoiceSettings(Settings):
    """One of the URLs that requests are spread over."""

    url: Annotated[str, TextKind.URL] = Field(
        description="`upstream:/path`, `POST upstream:/path` or a full URL.", examples=["next:/quote/{id}"]
    )
    weight: int = Field(
        1, ge=0, le=1_000_000, description="Its part of the requests, beside the weights of the others; 0 is none."
    )


class ShadowSettings(Settings):
    """A share of the requests that is sent to another upstream as well; nobody reads its replies."""

    url: Annotated[str, TextKind.URL] = Field(
        description="`upstream:/path`, `POST upstream:/path` or a full URL.", examples=["next:/quote/{id}"]
    )
    share: Share = Field(1.0, description="Of how many of the requests.", examples=["10%"])
