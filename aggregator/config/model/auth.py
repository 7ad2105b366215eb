"""Identity: the schemes that callers are judged by, which of them an endpoint asks for, and what else it requires."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.durations import rate_of
from aggregator.fields import Duration, NetworkList, Settings, TextKind
from aggregator.identity.tokens import SYMMETRIC


class FileSettings(Settings):
    """A file that is read when the configuration is, and watched with it."""

    file: str = Field(description="Path, from the folder of this file.", examples=["secrets/partners.yaml"])


class ApiKeySettings(Settings):
    """A random key that each caller sends."""

    header: str | None = Field(None, description="Header that carries the key.", examples=["x-api-key"])
    query: str | None = Field(None, description="Query parameter that carries it; masked wherever it is shown.")
    cookie: str | None = Field(None, description="Cookie that carries it.")
    keys: FileSettings = Field(
        description="YAML list with an entry a line: {name, sha256, scopes, not_before, not_after, rate_limit}.",
        examples=[{"file": "secrets/partners.yaml"}],
    )

    @model_validator(mode="after")
    def _one_place(self) -> ApiKeySettings:
        if sum(place is not None for place in (self.header, self.query, self.cookie)) != 1:
            raise PydanticCustomError(
                "key-place", "A key comes in one place.", {"hint": "name one of `header`, `query` and `cookie`"}
            )
        return self


class BasicSettings(Settings):
    """Names and passwords, as browsers ask for them."""

    users: FileSettings = Field(
        description="File of names and bcrypt or argon2 hashes, as `htpasswd -B` writes it.",
        examples=[{"file": "secrets/htpasswd"}],
    )
    realm: str = Field("api", description="Name of what is protected, shown by browsers.", examples=["operations"])


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
    leeway: Duration = Field(30.0, description="How far clocks may differ.")
    require: tuple[str, ...] = Field((), description="Claims that have to be there.", examples=[["jti"]])
    scopes_at: str = Field("scope", description="Where the scopes are in the claims; dots go deeper.")
    roles_at: str | None = Field(
        None, description="Where the roles are in the claims.", examples=["realm_access.roles"]
    )
    from_: CookieSource | None = Field(
        None, alias="from", description="Where the token is, if not in `Authorization: Bearer`."
    )

    @model_validator(mode="after")
    def _one_source(self) -> JwtSettings:
        if self.jwks is not None and self.key is not None:
            raise PydanticCustomError(
                "key-source", "`jwks` and `key` exclude each other.", {"hint": "keep the one that the issuer has"}
            )
        if self.key is None and any(name in SYMMETRIC for name in self.algorithms):
            raise PydanticCustomError(
                "key-source", "HS algorithms need a shared secret.", {"hint": "name it: `key: {file: secrets/hmac}`"}
            )
        return self


def _rate(value: str) -> str:
    if rate_of(value) is None:
        raise PydanticCustomError("bad-rate", "This is not a rate.", {"hint": "write it like 10/m, 100/s or 5/30s"})
    return value


class FailuresSettings(Settings):
    """How often an address may send a wrong credential."""

    rate: Annotated[str, AfterValidator(_rate)] = Field(
        "10/m", description="How many come back in which time.", examples=["10/m"]
    )
    burst: int = Field(20, ge=1, le=1_000_000, description="How many may come at once.")


class SchemeSettings(Settings):
    """One way to be known, under a name that endpoints use."""

    api_key: ApiKeySettings | None = Field(None, description="A random key that each caller sends.")
    basic: BasicSettings | None = Field(None, description="Names and passwords.")
    jwt: JwtSettings | None = Field(None, description="Signed tokens of an issuer.")
    failures: FailuresSettings | Literal["none"] | None = Field(
        None,
        description="How often an address may send a wrong credential before it gets 429; `none` sets no limit. "
        "10/m with a burst of 20 for api_key and basic, no limit for jwt unless it is written.",
        examples=[{"rate": "10/m", "burst": 20}],
    )

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(name for name in ("api_key", "basic", "jwt") if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> SchemeSettings:
        kinds = [name for name in ("api_key", "basic", "jwt") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise PydanticCustomError(
                "scheme-kind",
                "A scheme is of one kind, not {kinds}." if kinds else "A scheme needs its kind.",
                {"kinds": " and ".join(kinds), "hint": "write one of api_key, basic and jwt"},
            )
        return self


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
    def _one_list(self) -> AuthSettings:
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


def _guards(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [{"that": item} if isinstance(item, str) else item for item in items]


Guards = Annotated[
    tuple[GuardSettings, ...],
    BeforeValidator(_guards, json_schema_input_type=str | GuardSettings | list[str | GuardSettings]),
]
"""Conditions in order; a text alone is what has to be true."""


class AdmissionSettings(Settings):
    """Who may call."""

    auth: Auth | None = Field(
        None, description="Who may call: a scheme, `{any: […]}`, `{all: […]}`, or `none`.", examples=["customers"]
    )
    require: Guards = Field(
        (), description="What else has to be true, in order; guards of `defaults` come first.",
        examples=["{{ 'orders.read' in auth.scopes }}"],
    )  # fmt: skip
    allow_from: NetworkList = Field(
        (), description="Networks from which alone it may be called.", examples=[["10.0.0.0/8"]]
    )
    deny_from: NetworkList = Field((), description="Networks from which it may not be called.")
