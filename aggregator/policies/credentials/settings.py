"""Settings of ``auth`` of an upstream: as whom it is called."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings

SECRET_KEYS = frozenset({"bearer", "password"})
"""Keys below ``auth`` of an upstream whose values are secret."""


class LoginSettings(Settings):
    """Name and password, as HTTP Basic sends them."""

    user: str = Field(description="Name; it holds no colon.", examples=["shop"])
    password: str = Field(description="Password.", examples=["${file:/run/secrets/ledger}"])

    @model_validator(mode="after")
    def _sendable(self) -> LoginSettings:
        if ":" in self.user:
            raise PydanticCustomError(
                "basic-user", "The name ends at its first colon.", {"hint": "write the part behind it into `password`"}
            )
        return self


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

    @property
    def scheme(self) -> str:
        """Which of the schemes it is."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_scheme(self) -> CredentialSettings:
        names = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(names) != 1:
            raise PydanticCustomError(
                "credentials-scheme",
                "An upstream is called by one scheme, not {schemes}." if names else "`auth` needs its scheme.",
                {"schemes": " and ".join(names), "hint": f"write one of {', '.join(type(self).model_fields)}"},
            )
        return self
