"""What of the request of a client goes upstream."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings

ALL = "all"


def _listed(value: Any) -> Any:
    return [value] if value == ALL else value


_EVERY = ("",)
"""What `query: all` is inside: a parameter without a name is none that anybody names."""


def _every(value: Any) -> Any:
    """Return *value*, or for `all` what no parameter is called: `[all]` is the parameter of that name."""
    return list(_EVERY) if value == ALL else value


class ForwardSettings(Settings):
    """What of the client's request goes upstream; nothing does unless it is named here."""

    headers: Annotated[
        tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=Literal["all"] | tuple[str, ...])
    ] = Field(
        (),
        description="Request headers to pass on. `all` are those that may go further; credentials and cookies go only "
        "when they are named beside it: `[all, cookie]`.",
        examples=[["authorization", "accept-language"]],
    )
    query: Annotated[
        tuple[str, ...], BeforeValidator(_every, json_schema_input_type=Literal["all"] | tuple[str, ...])
    ] = Field((), description="Query parameters to pass on; or `all`.", examples=[["page", "sort"]])
    except_: tuple[str, ...] = Field(
        (), alias="except", description="Headers and query parameters that `all` leaves out.", examples=[["x-internal"]]
    )
    body: bool = Field(
        False,
        description="Pass the request body on as it comes, without reading it, with the method of the client unless "
        "one is said. An upstream and `defaults` pass it on with calls that say a method.",
    )
    auth: bool = Field(
        False,
        description="Pass on the credential that the caller was admitted with: its header, or the token of its cookie "
        "as `Authorization: Bearer`. Without `auth` of the endpoint: `Authorization` as it came.",
        examples=[True],
    )
    client: bool | Literal["forwarded"] | None = Field(
        None,
        description="Tell the upstream who asked: `true` writes X-Forwarded-For, -Proto and -Host, `forwarded` writes "
        "Forwarded (RFC 7239). Proxies that `server.trusted_proxies` names are listed, what others said is not.",
        examples=[True],
    )

    deadline: str | None = Field(
        None,
        description="Tell the upstream how long the call is waited for: the header that gets the milliseconds that are "
        "left. It is no part of the key of what is kept or shared.",
        examples=["x-request-deadline"],
    )

    @model_validator(mode="after")
    def _except_something(self) -> Self:
        if self.except_ and not (self.all_headers or self.all_query):
            message = "The key `except` has no effect without `all`."
            hint = "write `headers: all` or `query: all`, or remove it"
            raise PydanticCustomError("no-effect", message, {"hint": hint})
        return self

    @property
    def all_headers(self) -> bool:
        """Whether all headers go, but for those that never do."""
        return ALL in self.headers

    @property
    def all_query(self) -> bool:
        """Whether all query parameters go."""
        return self.query == _EVERY

    @property
    def named_headers(self) -> tuple[str, ...]:
        """The headers that are named."""
        return tuple(name for name in self.headers if name != ALL)

    @property
    def named_query(self) -> tuple[str, ...]:
        """The query parameters that are named."""
        return () if self.all_query else self.query
