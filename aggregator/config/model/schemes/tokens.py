"""Tokens that an issuer has signed."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.schemes.files import FileSettings
from aggregator.fields import Duration, Settings
from aggregator.identity.tokens import SYMMETRIC


class CookieSource(Settings):
    """Take the token from a cookie."""

    cookie: str = Field(description="Name of the cookie.", examples=["session"])


Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
    "HS256", "HS384", "HS512",
]  # fmt: skip
_PUBLIC_KEYS: tuple[Algorithm, ...] = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class JwtSettings(Settings):
    """Signed tokens of an issuer (OpenID Connect, OAuth 2.0)."""

    issuer: str = Field(
        description="Who makes the tokens: the exact `iss`, and where the keys are found by discovery.",
        examples=["https://id.example.com"],
    )
    audience: Annotated[tuple[str, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])] = Field(
        (), description="For whom a token has to be made (`aud`), one or several.", examples=["shop"]
    )
    jwks: FileSettings | str | None = Field(
        None,
        description="Where the keys are, instead of discovery: a URL, or a file.",
        examples=["https://id.example.com/keys"],
    )
    key: FileSettings | None = Field(
        None, description="The one key: a public key in PEM, or the secret of HS algorithms.",
        examples=[{"file": "secrets/issuer.pem"}],
    )  # fmt: skip
    algorithms: tuple[Algorithm, ...] = Field(
        _PUBLIC_KEYS,
        description="Algorithms that are taken; HS only where it is named, with a `key`.",
        examples=[["ES256"]],
    )
    typ: Annotated[tuple[str, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])] = Field(
        (),
        description="Kinds of token that are taken (`typ`), one of which a token has to say. Left out: `JWT`, "
        "`at+jwt`, or a token that says none.",
        examples=["at+jwt"],
    )
    leeway: Duration = Field(30.0, description="How far clocks may differ.")
    revoked: FileSettings | None = Field(
        None,
        description="YAML list of tokens that are taken back, an entry a line: {jti: ID}, or {sub: SUBJECT, before: "
        "MOMENT}; watched.",
        examples=[{"file": "revoked.yaml"}],
    )
    require: tuple[str, ...] = Field((), description="Claims that have to be there.", examples=[["jti"]])
    scopes_at: str = Field("scope", description="Where the scopes are in the claims; dots go deeper.")
    roles_at: str | None = Field(
        None, description="Where the roles are in the claims.", examples=["realm_access.roles"]
    )
    from_: CookieSource | None = Field(
        None, alias="from", description="Where the token is, if not in `Authorization: Bearer`."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.jwks is not None and self.key is not None:
            raise PydanticCustomError(
                "key-source", "`jwks` and `key` exclude each other.", {"hint": "keep the one that the issuer has"}
            )
        if self.key is None and any(name in SYMMETRIC for name in self.algorithms):
            raise PydanticCustomError(
                "key-source", "HS algorithms need a shared secret.", {"hint": "name it: `key: {file: secrets/hmac}`"}
            )
        return self
