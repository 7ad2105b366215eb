"""Settings of ``auth`` of an upstream: as whom it is called."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, TextKind

SECRET_KEYS = frozenset(
    {"bearer", "password", "client_secret", "refresh_token", "secret_key", "session_token", "secret"}
)
"""Keys below ``auth`` of an upstream whose values are secret."""


class LoginSettings(Settings):
    """Name and password, as HTTP Basic sends them."""

    user: str = Field(description="Name; it holds no colon.", examples=["shop"])
    password: str = Field(description="Password.", examples=["${file:/run/secrets/ledger}"])

    @model_validator(mode="after")
    def _sendable(self) -> Self:
        if ":" in self.user:
            raise PydanticCustomError(
                "basic-user", "The name ends at its first colon.", {"hint": "write the part behind it into `password`"}
            )
        return self


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])]
"""One text, or several."""


class OauthSettings(Settings):
    """Tokens of an authorization server (OAuth 2.0): one request for all calls, made ahead of the end of the last."""

    token_url: str = Field(
        description="URL of its token endpoint, which is called through the shared client.",
        examples=["https://id.example.com/token"],
    )
    grant: Literal["client_credentials", "refresh_token", "token_exchange"] = Field(
        "client_credentials",
        description="What the token is given for: our own credentials, a refresh token, or the token of each caller "
        "(RFC 8693), for which the endpoint asks by `auth`.",
    )
    client_id: str = Field(description="Who we are there.", examples=["shop"])
    client_secret: str | None = Field(
        None, description="The secret of this client.", examples=["${file:/run/secrets/shop}"]
    )
    client_auth: Literal["basic", "post"] = Field(
        "basic",
        description="How id and secret are sent: as `Authorization: Basic`, or in the body of the request.",
    )
    refresh_token: str | None = Field(
        None,
        description="The first refresh token of `grant: refresh_token`; one that comes with an answer takes its place, "
        "over restarts, too, where there is `state`.",
    )
    subject_token_type: Literal["access_token", "jwt", "id_token"] | None = Field(
        None, description="What the token of the caller is, for `grant: token_exchange` (`access_token`)."
    )
    scope: Texts = Field((), description="What the token has to be good for, one or several.", examples=["ledger.read"])
    audience: Texts = Field((), description="For whom it is to be made, where the server asks for that.")
    resource: Texts = Field((), description="URLs of what it is to be used at (RFC 8707).")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.grant == "refresh_token") is (self.refresh_token is None):
            if self.refresh_token is None:
                hint = "name it: `refresh_token: ${file:…}`"
                raise PydanticCustomError("credentials", "This grant needs a refresh token.", {"hint": hint})
            hint = "write `grant: refresh_token`, or remove `refresh_token`"
            raise PydanticCustomError("no-effect", "This grant uses no refresh token.", {"hint": hint})
        if self.subject_token_type is not None and self.grant != "token_exchange":
            hint = "write `grant: token_exchange`, or remove `subject_token_type`"
            raise PydanticCustomError("no-effect", "This grant uses no token of the caller.", {"hint": hint})
        if self.client_secret is None and self.grant != "refresh_token":
            hint = "name it: `client_secret: ${file:…}`"
            raise PydanticCustomError("credentials", "This grant needs the secret of the client.", {"hint": hint})
        return self


class SigV4Settings(Settings):
    """Requests that are signed as AWS wants it (Signature Version 4), in the header."""

    region: str = Field(description="Region of the service.", examples=["eu-central-1"])
    service: str = Field(
        description="Name of the service, by which it is called in signatures.", examples=["s3", "execute-api"]
    )
    access_key: str = Field(description="Id of the access key.", examples=["${AWS_ACCESS_KEY_ID}"])
    secret_key: str = Field(description="Its secret.", examples=["${AWS_SECRET_ACCESS_KEY}"])
    session_token: str | None = Field(
        None, description="Token of a session, for keys that are good for a while.", examples=["${AWS_SESSION_TOKEN}"]
    )


class HmacSettings(Settings):
    """Requests that are signed with a shared secret."""

    header: str = Field(description="Header that carries the signature.", examples=["x-signature"])
    secret: str = Field(description="The shared secret.", examples=["${SIGNING_SECRET}"])
    over: Annotated[str, TextKind.FIELDS] = Field(
        "{{ sent.body }}",
        description="What is signed: a text with expressions over `sent`, the request as it is sent, with `method`, "
        "`path`, `query`, `body` and `headers`.",
        examples=["{{ sent.method }} {{ sent.path }} {{ sent.body }}"],
    )
    algorithm: Literal["sha256", "sha384", "sha512", "sha1"] = Field("sha256", description="Hash of the HMAC.")
    encoding: Literal["hex", "base64"] = Field("hex", description="How the signature is written.")
    prefix: str = Field("", description="What stands before it.", examples=["sha256="])


class CredentialSettings(Settings):
    """As whom an upstream is called: one of the schemes."""

    bearer: str | None = Field(
        None,
        description="A token that does not change, sent as `Authorization: Bearer`.",
        examples=["${file:/run/secrets/token}"],
    )
    basic: LoginSettings | None = Field(
        None,
        description="Name and password, sent as `Authorization: Basic`.",
        examples=[{"user": "shop", "password": "${SHOP_PASSWORD}"}],
    )
    oauth2: OauthSettings | None = Field(None, description="Tokens of an authorization server.")
    sigv4: SigV4Settings | None = Field(None, description="Signatures of AWS.")
    hmac: HmacSettings | None = Field(None, description="Signatures with a shared secret.")

    @property
    def scheme(self) -> str:
        """The name of the scheme that is set."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        names = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(names) != 1:
            raise PydanticCustomError(
                "credentials-scheme",
                "An upstream is called by one scheme, not {schemes}." if names else "`auth` needs its scheme.",
                {"schemes": " and ".join(names), "hint": f"write one of {', '.join(type(self).model_fields)}"},
            )
        return self
