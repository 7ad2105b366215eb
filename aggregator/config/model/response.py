"""What the client gets: status, headers, body, and how the parts become one."""

from typing import Annotated, Any, Literal

from pydantic import Field

from aggregator.config.model.calls.shape import ShapeSettings
from aggregator.config.model.edge.carried import PlainHeaders, ResponseHeaders
from aggregator.config.model.edge.cookies import SetCookieSettings
from aggregator.fields import Duration, Settings, TextKind, unwritten

MergeName = Literal["object", "deep", "first", "last", "append", "error"]


class ListJoinSettings(Settings):
    """Put elements of one list into elements of another, by key."""

    left: str = Field(
        description="Path of the list that receives, and its key; `[].id` where the answer is the list.",
        examples=["orders[].product_id"],
    )
    right: str = Field(
        description="Path of the list that is looked up, and its key; it is a part's where the answer is a list, or a "
        "`body` without its first name.",
        examples=["products[].id"],
    )
    into: str = Field(description="Key of each receiving element for what was found.", examples=["product"])
    missing: Literal["null", "drop", "error"] = Field("null", description="What an element without a match becomes.")


class ResponseSettings(ShapeSettings):
    """The answer to the client."""

    status: Annotated[int | str | None, TextKind.TEMPLATE] = Field(
        None, description="Status, or an expression for it.", examples=[201]
    )
    headers: Annotated[ResponseHeaders, TextKind.FIELDS] = Field(
        default_factory=unwritten(PlainHeaders),
        description="Headers; may hold expressions, null ones are left out. `set-cookie` may be a list. With "
        "`{on: always, values: {…}}` failures and refusals have them, too.",
    )
    set_cookies: tuple[SetCookieSettings, ...] = Field(
        (), description="Cookies that the answer sets.", examples=[[{"name": "seen", "value": "1", "max_age": "30d"}]]
    )
    body: Annotated[Any, TextKind.TEMPLATE] = Field(
        None, description="Body; may hold expressions. A leaf that is a whole result is copied as it came."
    )
    merge: MergeName = Field(
        "object",
        description="How parts become one: `object` keeps each under its name, `append` joins lists, the others merge "
        "objects (deep, or the first or last part wins a key, or a collision is an error).",
    )
    join: tuple[ListJoinSettings, ...] = Field((), description="Joins of two lists by key, applied before shaping.")
    pass_headers: dict[str, Literal["first", "last", "append", "min", "max"]] = Field(
        default_factory=dict,
        description="Headers of parts that go to the client, and the rule when several parts send one; of an upstream "
        "whose own answer passes (`pass` in a status map) too.",
        examples=[{"set-cookie": "append", "x-rate-limit-remaining": "min"}],
    )
    pass_: Literal["all"] | None = Field(
        None,
        alias="pass",
        description="`all` gives what the single `call` got as it came: status (3xx and 4xx too, unless a `status_map` "
        "of the endpoint names them), all headers but those of the connection, body.",
        examples=["all"],
    )
    cache_control: Annotated[Literal["compute"] | str | None, TextKind.TEMPLATE] = Field(
        None,
        description="`compute` takes it from the parts: the smallest max-age, private and no-store win. Other text is "
        "sent as it is, and may hold expressions.",
        examples=["public, max-age=60"],
    )
    etag: bool = Field(False, description="Send an ETag of the body and answer 304 when the client has it.")
    meta: bool = Field(False, description="Add `meta.parts` to the body: state, status, cause, time of each part.")
    timing: bool = Field(
        False,
        description="Send `Server-Timing` with the time of each part to everybody; callers with the secret of "
        "`server.debug` get it anyway.",
    )
    fields: bool = Field(
        False,
        description="Let the client choose with ?fields=a,b.c; calls that nobody needs are skipped, unless they change "
        "something.",
    )
    formats: tuple[Literal["json", "xml", "msgpack"], ...] = Field(
        ("json",), description="Formats that the client may ask for with Accept; the first is the default."
    )
    compress: bool | None = Field(
        None,
        description="`false` keeps answers as they are where `server.compress` would code them: those that mix secrets "
        "with what the request said.",
        examples=[False],
    )
    transform: str | None = Field(
        None,
        description="Function of a plug-in that gets the body and gives a new one.",
        examples=["my_plugin:page"],
    )


class StaticSettings(ShapeSettings):
    """A static answer, without any call."""

    status: int = Field(200, ge=200, le=599, description="Status.")
    headers: Annotated[ResponseHeaders, TextKind.FIELDS] = Field(
        default_factory=unwritten(PlainHeaders),
        description="Headers; may hold expressions, null ones are left out. `set-cookie` may be a list. With "
        "`{on: always, values: {…}}` failures and refusals have them, too.",
        examples=[{"content-type": "text/plain"}],
    )
    set_cookies: tuple[SetCookieSettings, ...] = Field(
        (), description="Cookies that the answer sets.", examples=[[{"name": "seen", "value": "1", "max_age": "30d"}]]
    )
    body: Annotated[Any, TextKind.TEMPLATE] = Field(None, description="Body; may hold expressions over the request.")
    compress: bool | None = Field(None, description="`false` keeps it as it is, as in `response`.")
    delay: Duration = Field(0.0, description="Wait before answering, to try out clients.")
