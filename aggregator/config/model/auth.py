"""Identity: which schemes an endpoint asks for, and what else it requires of a request."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.edge.carried import Cors
from aggregator.fields import NetworkList, Settings, TextKind
from aggregator.http import FRAMING, is_token
from aggregator.policies.callers.settings import CallerConcurrency
from aggregator.policies.rate_limit.settings import RateLimitsOrNone


class AuthSettings(Settings):
    """Which schemes admit a caller."""

    any: tuple[str, ...] = Field(
        (), description="Schemes of which one has to admit.", examples=[["customers", "partners"]]
    )
    all: tuple[str, ...] = Field((), description="Schemes that all have to admit.")
    optional: bool = Field(
        False, description="Admit callers without a credential, too; a wrong one is refused all the same."
    )

    @property
    def schemes(self) -> tuple[str, ...]:
        """The names of the schemes."""
        return self.any or self.all

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if bool(self.any) == bool(self.all):
            raise PydanticCustomError(
                "auth-schemes",
                "Name schemes, in one list.",
                {"hint": "write the name of a scheme, or `{any: [one, other]}`"},
            )
        return self


NOBODY_ASKED = "none"


def _auth(value: Any) -> Any:
    return {"any": [value]} if isinstance(value, str) and value != NOBODY_ASKED else value


Auth = Annotated[AuthSettings | Literal["none"], BeforeValidator(_auth, json_schema_input_type=str | AuthSettings)]
"""The name of a scheme, a choice among several, or `none`."""


class GuardSettings(Settings):
    """A condition that a request has to meet."""

    that: Annotated[str, TextKind.CONDITION] = Field(
        description="Expression that has to be true; null, an error and any other value refuse.",
        examples=["{{ 'orders.read' in auth.scopes }}"],
    )
    status: int = Field(403, ge=400, le=499, description="Status of the refusal.")
    detail: str = Field("You are not allowed to do this.", description="What the caller is told.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers of the refusal.", examples=[{"retry-after": "60"}]
    )

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not is_token(name) or name.lower().encode() in FRAMING | {b"content-type", b"cache-control"}:
                hint = {"name": name, "hint": "name another one, such as retry-after or link"}
                raise PydanticCustomError("header-name", "A refusal cannot have the header `{name}`.", hint)
            if not value.isascii() or not value.isprintable():
                hint = {"hint": "write it in printable ASCII, on one line"}
                raise PydanticCustomError("header-value", "This header cannot be sent.", hint)
        return headers


def _guards(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [{"that": item} if isinstance(item, str) else item for item in items]


Guards = Annotated[
    tuple[GuardSettings, ...],
    BeforeValidator(_guards, json_schema_input_type=str | GuardSettings | list[str | GuardSettings]),
]
"""Conditions in order; a text alone is what has to be true."""


class CallerSettings(Settings):
    """Who may call: what is said further out holds where nothing nearer is said; guards and `deny_from` add up."""

    auth: Auth | None = Field(
        None, description="Who may call: a scheme, `{any: […]}`, `{all: […]}`, or `none`.", examples=["customers"]
    )
    require: Guards = Field(
        (), description="What else has to be true, in order; guards of `defaults` come first, then those of prefixes.",
        examples=["{{ 'orders.read' in auth.scopes }}"],
    )  # fmt: skip
    allow_from: NetworkList = Field(
        (), description="Networks from which alone it may be called.", examples=[["10.0.0.0/8"]]
    )
    deny_from: NetworkList = Field((), description="Networks from which it may not be called.")

    @property
    def schemes(self) -> tuple[str, ...]:
        """The names of the schemes that are asked, none where nobody is."""
        return self.auth.schemes if isinstance(self.auth, AuthSettings) else ()


class AdmissionSettings(CallerSettings):
    """Who may call, how often, and from pages of which origins."""

    rate_limit: RateLimitsOrNone | None = Field(
        None,
        description="How often it may be called: windows, of which all have to grant a request; those of the server "
        "and of prefixes count beside. `none` takes out what `defaults` say.",
        examples=[[{"rate": "10/s", "burst": 20, "by": "{{ request.client }}"}]],
    )
    cors: Cors | None = Field(
        None,
        description="Which pages of other origins may read the answers, in place of what is said outside; or `none`.",
        examples=[{"origins": ["https://shop.example.com"]}],
    )
    concurrency: CallerConcurrency | None = Field(
        None,
        description="How many of its requests are answered at once, for each caller; one more gets 429.",
        examples=[{"limit": 5, "by": "{{ auth.subject }}"}],
    )
