"""Schemes that ask somebody else: the issuer of a token about it, or an upstream about a request."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Duration, Settings, TextKind, Timeout
from aggregator.http import is_token


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class IntrospectionSettings(Settings):
    """Tokens that their issuer is asked about (RFC 7662)."""

    url: str = Field(
        description="Introspection endpoint of the issuer.", examples=["https://id.example.com/introspect"]
    )
    client_id: str = Field(description="Who asks, as the issuer knows us.", examples=["shop"])
    client_secret: str = Field(
        description="The secret of the client, sent by Basic.", examples=["${file:/run/secrets/introspect}"],
        min_length=1, repr=False,
    )  # fmt: skip
    cache: Duration = Field(
        60.0,
        description="How long an answer is remembered, good or bad, and no longer than the token lasts; `0s` asks each "
        "time.",
    )
    timeout: Timeout = Field(2.0, description="How long an answer may take; without one the caller gets 503.")
    issuer: str | None = Field(
        None, description="Who makes the tokens: one that names another `iss` is refused without asking."
    )
    audience: Annotated[tuple[str, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])] = Field(
        (), description="For whom a token has to be made (`aud`), one or several.", examples=["shop"]
    )
    scopes_at: str = Field("scope", description="Where the scopes are in the answer; dots go deeper.")
    roles_at: str | None = Field(None, description="Where the roles are in the answer.")


class ExternalSettings(Settings):
    """An upstream that decides: 2xx admits, 401 and 403 refuse with its challenge, anything else is 503."""

    url: Annotated[str, TextKind.URL] = Field(
        description="What is asked: `upstream:/path`, with a method in front if it is not GET. It reads nothing of the "
        "request.",
        examples=["GET sso:/check"],
    )
    headers: tuple[str, ...] = Field(
        description="Request headers that are credentials: they go to the upstream, nothing else does; without any of "
        "them nobody is asked.",
        examples=[["cookie", "authorization"]],
        min_length=1,
    )
    subject: Annotated[str | None, TextKind.EXPRESSION] = Field(
        None,
        description="Expression for `auth.subject`; it sees `response`: status, headers and body of the answer.",
        examples=["{{ response.headers['x-user'] }}"],
    )
    scopes: Annotated[str | None, TextKind.EXPRESSION] = Field(
        None, description="Expression for `auth.scopes`: a list, or a text with blanks between."
    )
    roles: Annotated[str | None, TextKind.EXPRESSION] = Field(
        None, description="Expression for `auth.roles`: a list, or a text with blanks between."
    )
    cache: Duration = Field(
        0.0, description="How long an answer is remembered, good or bad, for the same headers; `0s` asks each time."
    )
    timeout: Timeout = Field(2.0, description="How long an answer may take; without one the caller gets 503.")

    @field_validator("headers")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not is_token(name):
                message = "`{name}` is no name of a header."
                raise PydanticCustomError(
                    "header-name", message, {"name": name, "hint": "write one such as authorization or cookie"}
                )
        return names

    @property
    def upstream(self) -> str:
        """The name of the upstream that is asked; whatever stands there, should it be none."""
        return self.url.rpartition(" ")[2].partition(":")[0]

    @property
    def texts(self) -> dict[str, str]:
        """The expressions by the key that they stand under."""
        found = {"subject": self.subject, "scopes": self.scopes, "roles": self.roles}
        return {name: text for name, text in found.items() if text is not None}
