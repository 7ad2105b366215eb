"""One way to be known: its kind, and what holds for every kind."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.schemes.asked import ExternalSettings, IntrospectionSettings
from aggregator.config.model.schemes.certificates import MtlsSettings
from aggregator.config.model.schemes.keys import ApiKeySettings, BasicSettings
from aggregator.config.model.schemes.signature import SignatureSettings
from aggregator.config.model.schemes.tokens import JwtSettings
from aggregator.fields import Settings
from aggregator.policies.rate_limit.settings import RateText

KINDS = ("api_key", "basic", "jwt", "signature", "introspection", "external", "mtls")
"""The keys that say of which kind a scheme is."""


GUESSED = frozenset({"api_key", "basic"})
"""Kinds whose credentials are few enough to be guessed."""


class FailuresSettings(Settings):
    """How often an address may send a wrong credential."""

    rate: RateText = Field("10/m", description="How many come back in which time.", examples=["10/m"])
    burst: int = Field(20, ge=1, le=1_000_000, description="How many may come at once.")


class SchemeSettings(Settings):
    """One way to be known, under a name that endpoints use."""

    api_key: ApiKeySettings | None = Field(
        None,
        description="A random key that each caller sends.",
        examples=[{"header": "x-api-key", "keys": {"file": "secrets/partners.yaml"}}],
    )
    basic: BasicSettings | None = Field(
        None, description="Names and passwords.", examples=[{"users": {"file": "secrets/htpasswd"}}]
    )
    jwt: JwtSettings | None = Field(
        None,
        description="Signed tokens of an issuer.",
        examples=[{"issuer": "https://id.example.com", "jwks": "https://id.example.com/keys", "audience": "shop"}],
    )
    signature: SignatureSettings | None = Field(
        None,
        description="Webhooks: bodies that their sender has signed.",
        examples=[{"preset": "github", "secret": "${HOOK_SECRET}"}],
    )
    introspection: IntrospectionSettings | None = Field(
        None,
        description="Tokens that their issuer is asked about (RFC 7662).",
        examples=[
            {
                "url": "https://id.example.com/introspect",
                "client_id": "shop",
                "client_secret": "${file:/run/secrets/introspect}",
            }
        ],
    )
    external: ExternalSettings | None = Field(
        None, description="An upstream that decides.", examples=[{"url": "GET sso:/check", "headers": ["cookie"]}]
    )
    mtls: MtlsSettings | None = Field(
        None, description="Certificates of clients.", examples=[{"subjects": ["CN=sensor-*,O=Example"]}]
    )
    failures: FailuresSettings | Literal["none"] | None = Field(
        None,
        description="How often an address may send a wrong credential before it gets 429; `none` sets no limit. "
        "10/m with a burst of 20 for api_key and basic, no limit for the others unless it is written.",
        examples=[{"rate": "10/m", "burst": 20}],
    )

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def limits_failures(self) -> bool:
        """Whether an address may fail so often only: what can be guessed is limited unless the file says otherwise."""
        return self.failures != "none" and (self.failures is not None or self.kind in GUESSED)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise PydanticCustomError(
                "scheme-kind",
                "A scheme is of one kind, not {kinds}." if kinds else "A scheme needs its kind.",
                {"kinds": " and ".join(kinds), "hint": f"write one of {', '.join(KINDS[:-1])} and {KINDS[-1]}"},
            )
        return self
