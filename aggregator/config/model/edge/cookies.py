"""Cookies that answers set (RFC 6265)."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Duration, Settings, TextKind


class SetCookieSettings(Settings):
    """One cookie that an answer sets."""

    name: str = Field(description="Name of the cookie.", examples=["seen"])
    value: Annotated[Any, TextKind.FIELDS] = Field(
        description="Value; may be an expression. With null the cookie is not set; what a cookie cannot hold is "
        "percent-encoded.",
        examples=["{{ call.token }}"],
    )
    path: str = Field("/", description="Paths that it is sent to.")
    domain: str | None = Field(None, description="Domain that it is sent to; left out, this host alone.")
    max_age: Duration | None = Field(
        None, description="How long it is kept; left out, as long as the browser runs; `0s` deletes it."
    )
    secure: bool = Field(True, description="Send it over HTTPS alone.")
    http_only: bool = Field(True, description="Keep it from scripts.")
    same_site: Literal["strict", "lax", "none"] = Field(
        "lax", description="Whether requests that come from other sites carry it."
    )

    @model_validator(mode="after")
    def _what_browsers_take(self) -> Self:
        if self.same_site == "none" and not self.secure:
            hint = "leave `secure` out, or write `same_site: lax`"
            raise PydanticCustomError("cookie", "Browsers refuse `same_site: none` without `secure`.", {"hint": hint})
        is_bound = self.secure and self.path == "/" and self.domain is None
        if self.name.startswith("__Host-") and not is_bound:
            hint = "leave `path`, `domain` and `secure` out"
            message = "Browsers take `__Host-` only for `/` of one host, and secure."
            raise PydanticCustomError("cookie", message, {"hint": hint})
        return self
