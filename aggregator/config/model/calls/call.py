"""Calls: what is asked of an upstream, when, how often, and what counts as success."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.marks import EVERYWHERE, IN_REQUEST, ON_PART, ON_RESULT, Works, marks_of
from aggregator.config.model.calls.graphql import GraphqlSettings
from aggregator.config.model.calls.items import EachOrList
from aggregator.config.model.calls.shape import ShapeSettings, SuccessSettings
from aggregator.config.model.failure import StatusMap
from aggregator.config.model.upstreams.formats import CsvSettings, FormatName, XmlSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.limits import TimeoutSetting
from aggregator.fields import ByteSize, Settings, TextKind
from aggregator.http import Method
from aggregator.policies.cache.settings import CallCache, LastGood
from aggregator.policies.hedge.settings import HedgeOrNone
from aggregator.policies.retry.settings import RetryOrNone
from aggregator.policies.routing.settings import ChoiceSettings


def short_call(value: Any) -> Any:
    """Return the long form of a call that was written as its URL alone."""
    return {"url": value} if isinstance(value, str) else value


CallKind = Literal["url", "race", "fan_out"]


def _url_of(choice: Any) -> Any:
    return choice.get("url") if isinstance(choice, dict) else getattr(choice, "url", None)


class CallSettings(ShapeSettings):
    """One call to an upstream. The short form is the URL alone."""

    url: Annotated[str | None, TextKind.URL, EVERYWHERE] = Field(
        None,
        description="`upstream:/path`, `POST upstream:/path` or a full URL.",
        examples=["users:/users/{user_id}"],
    )
    method: Annotated[Method | None, IN_REQUEST] = Field(
        None, description="Method; GET unless the URL or a body says otherwise."
    )
    query: Annotated[dict[str, Any], TextKind.FIELDS, IN_REQUEST] = Field(
        default_factory=dict, description="Query parameters; null ones are left out, lists are repeated."
    )
    headers: Annotated[dict[str, Any], TextKind.FIELDS, IN_REQUEST] = Field(
        default_factory=dict, description="Headers; null ones are left out."
    )
    json_: Annotated[Any, TextKind.TEMPLATE, IN_REQUEST] = Field(
        None, alias="json", description="JSON body; may hold expressions.", examples=["{{ body }}"]
    )
    form: Annotated[dict[str, Any] | None, TextKind.FIELDS, IN_REQUEST] = Field(
        None, description="Body of a form (application/x-www-form-urlencoded)."
    )
    multipart: Annotated[dict[str, Any] | None, TextKind.PARTS, IN_REQUEST] = Field(
        None, description="Body of a form with files (multipart/form-data)."
    )
    body: Annotated[str | None, TextKind.TEMPLATE, IN_REQUEST] = Field(
        None, description="Body as text; name its type in `headers`."
    )
    graphql: Annotated[GraphqlSettings | None, IN_REQUEST & ~Works.STREAM] = Field(
        None, description="A GraphQL operation instead of a body."
    )
    timeout: Annotated[TimeoutSetting | None, EVERYWHERE] = Field(
        None, description="Limits of this call, cut to what the endpoint has left."
    )
    retry: Annotated[RetryOrNone | None, IN_REQUEST] = Field(
        None,
        description="How often the call is sent when it fails, instead of what its upstream says; the number of "
        "retries alone, or `none`.",
        examples=[2, {"attempts": 3, "on": ["connect", 503]}],
    )
    hedge: Annotated[HedgeOrNone | None, IN_REQUEST & ~Works.STREAM] = Field(
        None,
        description="When the call is sent a second time because it takes long, instead of what its upstream says; "
        "`after` alone, or `none`.",
        examples=["p95", {"after": "200ms"}],
    )
    idempotent: Annotated[bool | None, IN_REQUEST] = Field(
        None,
        description="Whether the upstream takes the request twice for once, so that it may be sent again. By its "
        "method (not POST, not PATCH), or an `idempotency-key` that it carries, unless said.",
    )
    optional: Annotated[bool, ON_PART & ~Works.RUNNER] = Field(
        False, description="A failure does not fail the answer; `default` takes the place of the result."
    )
    default: Annotated[Any, TextKind.TEMPLATE, ON_PART & ~Works.RUNNER] = Field(
        None,
        description="What an optional call becomes when it fails, or any when it is skipped.",
        examples=[{"count": 0}],
    )
    when: Annotated[str | None, TextKind.CONDITION, ON_PART | Works.BACKGROUND] = Field(
        None, description="Expression; the call is skipped (which is no failure) unless it holds."
    )
    needs: Annotated[
        tuple[str, ...], Works.PART | Works.LATER | Works.RACE | Works.GROUP | Works.STREAM | Works.EACH
    ] = Field((), description="Calls that must have ended first, although no value of theirs is used.")
    for_each: Annotated[EachOrList | None, (ON_PART | Works.BACKGROUND) & IN_REQUEST] = Field(
        None,
        description="One call per item of a list; `item` and `index` are names in it.",
        examples=["{{ order.items }}"],
    )
    success: Annotated[SuccessSettings | None, IN_REQUEST] = Field(None, description="What counts as success.")
    status_map: Annotated[StatusMap, EVERYWHERE & ~(Works.BACKGROUND | Works.LATER)] = Field(
        (), description="What failures of this call become."
    )
    fallback: Annotated[
        tuple[Annotated["CallSettings", BeforeValidator(short_call, json_schema_input_type=str)], ...],
        (ON_PART | Works.BACKGROUND) & IN_REQUEST & ~Works.EACH,
    ] = Field((), description="Calls to try in order when this one fails.")
    choose: Annotated[tuple[ChoiceSettings, ...], IN_REQUEST] = Field(
        (),
        description="Several URLs in the place of `url`, of which each request gets one by its weight.",
        examples=[[{"url": "users:/quote/{id}", "weight": 95}, {"url": "next:/quote/{id}", "weight": 5}]],
    )
    sticky: Annotated[str | None, TextKind.EXPRESSION, IN_REQUEST] = Field(
        None,
        description="An expression for `choose`: requests for which it gives the same get the same URL.",
        examples=["{{ auth.subject }}"],
    )
    race: Annotated[
        tuple[Annotated["CallSettings", BeforeValidator(short_call, json_schema_input_type=str)], ...],
        ON_PART,
    ] = Field(
        (),
        description="Calls that start together; the first success is the result, the others are cancelled.",
    )
    fan_out: Annotated["FanOutSettings | None", ON_PART | Works.BACKGROUND] = Field(
        None, description="A nested group of calls as this part."
    )
    forward: Annotated[ForwardSettings | None, IN_REQUEST] = Field(
        None, description="What of the client's request goes with this call."
    )
    format: Annotated[FormatName | None, ON_RESULT & IN_REQUEST] = Field(
        None, description="How the body is read; by its content type unless said."
    )
    xml: Annotated[XmlSettings | None, ON_RESULT & IN_REQUEST] = Field(
        None, description="How XML is read.", examples=[{"lists": ["rss.channel.item"]}]
    )
    csv: Annotated[CsvSettings | None, ON_RESULT & IN_REQUEST] = Field(
        None, description="How CSV is read.", examples=[{"delimiter": ";"}]
    )
    transform: Annotated[str | None, ON_RESULT] = Field(
        None,
        description="Function of a plug-in that gets the result and gives a new one.",
        examples=["my_plugin:clean"],
    )
    cache: Annotated[CallCache | None, IN_REQUEST & ~(Works.BACKGROUND | Works.LATER | Works.STREAM)] = Field(
        None,
        description="How long its replies are kept, in place of what the upstream says; `none` keeps none.",
        examples=["1h", {"ttl": "60s", "tags": ["user:{{ user_id }}"]}],
    )
    last_good: Annotated[LastGood | None, ON_PART & ~(Works.CALL | Works.RUNNER | Works.LATER)] = Field(
        None,
        description="How long its last good value stands in for it when it fails, but for a 4xx; `aggregator-parts` "
        "says `state=stale` then.",
        examples=["6h", {"ttl": "6h", "shared": True}],
    )
    coalesce: Annotated[bool | None, IN_REQUEST & ~(Works.BACKGROUND | Works.LATER | Works.STREAM)] = Field(
        None,
        description="Make one call for all requests that would send the same at the same time; left out, only equal "
        "calls within one request are one.",
        examples=[True],
    )
    max_body: Annotated[ByteSize | None, IN_REQUEST] = Field(
        None, description="Largest body taken, after decompression."
    )
    raw_path: Annotated[bool, IN_REQUEST] = Field(
        False,
        description="Let values in the path of the URL hold `.` and `..` between encoded slashes or backslashes;"
        " otherwise such values are refused (400).",
    )
    redirects: Annotated[int | None, IN_REQUEST & ~Works.STREAM] = Field(
        None, ge=0, le=10, description="Redirects followed within the same origin."
    )

    @model_validator(mode="before")
    @classmethod
    def _first_choice(cls, value: Any) -> Any:
        """Return *value* with the URL of its first choice, which stands for all where one has to."""
        choose = value.get("choose") if isinstance(value, dict) else None
        if not isinstance(choose, list | tuple) or not choose:
            return value
        if "url" in value and value["url"] != _url_of(choose[0]):
            hint = {"hint": "write the URL as one of `choose`, or leave `choose` out"}
            raise PydanticCustomError("call-kind", "These exclude each other: url, choose.", hint)
        return {**value, "url": _url_of(choose[0])}

    @property
    def kind(self) -> CallKind:
        """The kind of the call: one request, the first success of several calls, or a nested fan-out."""
        return "url" if self.url is not None else "race" if self.race else "fan_out"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [name for name, is_set in (("url", self.url), ("race", self.race), ("fan_out", self.fan_out)) if is_set]
        if len(kinds) != 1:
            raise PydanticCustomError(
                "call-kind",
                "A call needs exactly one of url, race and fan_out."
                if not kinds
                else "These exclude each other: {kinds}.",
                {
                    "kinds": ", ".join(kinds),
                    "hint": "name what is called, as in `url: users:/users/{user_id}`",
                },
            )
        bodies = ("json_", "form", "multipart", "body", "graphql")
        bodies_set = [name.rstrip("_") for name in bodies if name in self.model_fields_set]
        if len(bodies_set) > 1:
            raise PydanticCustomError(
                "call-body",
                "A call has one body, not {kinds}.",
                {"kinds": " and ".join(bodies_set), "hint": "keep one of them"},
            )
        return self


Call = Annotated[CallSettings, BeforeValidator(short_call, json_schema_input_type=str | CallSettings)]


class FanOutSettings(Settings):
    """Calls that run side by side, by name, and the groups to take more from."""

    model_config = Settings.model_config | {"extra": "allow"}
    __pydantic_extra__: dict[str, Call]

    use: tuple[str, ...] | str = Field(
        (), description="Groups whose calls belong to this fan-out.", examples=["customer"]
    )

    @property
    def calls(self) -> dict[str, CallSettings]:
        """The calls of this fan-out by name, in the order of the file, without those of groups."""
        return dict(self.__pydantic_extra__ or {})


marks_of(CallSettings)  # a field without a mark ends the import here
CallSettings.model_rebuild()  # now that there is a nested fan-out
