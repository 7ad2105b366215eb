"""Calls: what is asked of an upstream, when, how often, and what counts as success."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.marks import EVERYWHERE, IN_REQUEST, ON_PART, ON_RESULT, Works, marks_of
from aggregator.config.model.failure import StatusMap
from aggregator.config.model.upstreams.formats import CsvSettings, FormatName, XmlSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.config.model.upstreams.limits import TimeoutSetting
from aggregator.fields import ByteSize, Duration, Settings, TextKind
from aggregator.http import Method
from aggregator.policies.cache.settings import CallCache
from aggregator.policies.durable.settings import DedupeSettings, DeliveryOrNone
from aggregator.policies.hedge.settings import HedgeOrNone
from aggregator.policies.retry.settings import RetryOrNone
from aggregator.policies.routing.settings import ChoiceSettings


class SuccessSettings(Settings):
    """What counts as success, for upstreams that say 200 and mean no."""

    status: tuple[int | str, ...] = Field(
        ("2xx",),
        description="Statuses or classes that are a success. A part of a body (206) is one where it passes through "
        "as it comes, elsewhere only if it is named.",
        examples=[["2xx", 404]],
    )
    when: Annotated[str | None, TextKind.CONDITION] = Field(
        None, description="Expression that must hold; it sees `this`.", examples=["{{ this.body.ok }}"]
    )


class JoinSettings(Settings):
    """Put each result back onto the item that it was fetched for."""

    into: str = Field(description="Key of the item that receives its result.", examples=["product"])


class BatchSettings(Settings):
    """One call for many keys: the URL names `{keys}`, or a body `{{ keys }}`, a list; the answer is a list."""

    key: str = Field(
        description="Field of each element of the answer that holds its key; dots go deeper.",
        examples=["sku"],
    )
    size: int = Field(50, ge=1, le=1000, description="Keys in one call; more become several calls.")
    separator: str = Field(",", description="What stands between keys in the `{keys}` of a URL.")
    path: str | None = Field(
        None, description="Where the list is in the answer, if it is not the whole.", examples=["data.items"]
    )


OnErrorName = Literal["fail", "null", "skip"]


def _null_word(value: Any) -> Any:
    return "null" if value is None else value


class EachSettings(Settings):
    """One call per item of a list."""

    items: Annotated[str, TextKind.TEMPLATE] = Field(
        alias="in", description="Expression that gives the list.", examples=["{{ order.items }}"]
    )
    key: Annotated[str | None, TextKind.TEMPLATE] = Field(
        None,
        description="Expression for the key of an item; equal keys are called once. By default the key of a GET is all "
        "that the call reads of an item, and every other call is made for each.",
        examples=["{{ item.sku }}"],
    )
    concurrency: int = Field(8, ge=1, le=1000, description="Calls that run at the same time.")
    max_items: int = Field(100, ge=1, description="Longest list; a longer one fails the call.")
    on_error: Annotated[OnErrorName, BeforeValidator(_null_word, json_schema_input_type=OnErrorName | None)] = Field(
        "fail",
        description="What the failure of one item means: the call fails, its result is null, or it is left out.",
    )
    join: JoinSettings | None = Field(None, description="Answer with the items, each with its result in it.")
    batch: BatchSettings | None = Field(None, description="Ask for many keys in one call.")


class GraphqlSettings(Settings):
    """A GraphQL operation; `errors` in the answer are a failure of the call."""

    query: str = Field(description="The operation; it is sent as it stands, values go into `variables`.")
    variables: Annotated[dict[str, Any], TextKind.TEMPLATE] = Field(
        default_factory=dict, description="Variables; may hold expressions."
    )
    operation: str | None = Field(None, description="operationName, if the text holds several.")
    partial: bool = Field(False, description="Take `data` although `errors` came with it.")


def short_call(value: Any) -> Any:
    """Return the long form of a call that was written as its URL alone."""
    return {"url": value} if isinstance(value, str) else value


def _each(value: Any) -> Any:
    return {"in": value} if isinstance(value, str) else value


class ShapeSettings(Settings):
    """What is taken from a body, in this order: select, target, allow or deny, rename, group."""

    select: Annotated[str | None, TextKind.TEMPLATE, ON_RESULT] = Field(
        None,
        description="JMESPath, or an expression in {{ }} that sees `this`.",
        examples=["data[].{id: id, name: name}"],
    )
    target: Annotated[str | None, ON_RESULT] = Field(
        None, description="Take only what is at this path.", examples=["data.user"]
    )
    allow: Annotated[tuple[str, ...], ON_RESULT] = Field(
        (), description="Keep only these paths; they go through lists.", examples=[["id", "address.city"]]
    )
    deny: Annotated[tuple[str, ...], ON_RESULT] = Field(
        (), description="Remove these paths; they go through lists.", examples=[["password"]]
    )
    rename: Annotated[dict[str, str], ON_RESULT] = Field(
        default_factory=dict, description="New names of paths, all applied at once.", examples=[{"id": "user_id"}]
    )
    group: Annotated[str | None, ON_RESULT] = Field(
        None, description="Put the result under this path.", examples=["user"]
    )


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
    needs: Annotated[tuple[str, ...], Works.PART | Works.RACE | Works.GROUP | Works.STREAM | Works.EACH] = Field(
        (), description="Calls that must have ended first, although no value of theirs is used."
    )
    for_each: Annotated[
        Annotated[EachSettings, BeforeValidator(_each, json_schema_input_type=str | EachSettings)] | None,
        ON_PART & IN_REQUEST,
    ] = Field(
        None,
        description="One call per item of a list; `item` and `index` are names in it.",
        examples=["{{ order.items }}"],
    )
    success: Annotated[SuccessSettings | None, IN_REQUEST] = Field(None, description="What counts as success.")
    status_map: Annotated[StatusMap, EVERYWHERE & ~Works.BACKGROUND] = Field(
        (), description="What failures of this call become."
    )
    fallback: Annotated[
        tuple[Annotated[CallSettings, BeforeValidator(short_call, json_schema_input_type=str)], ...],
        ON_PART & IN_REQUEST & ~Works.EACH,
    ] = Field((), description="Calls to try in order when this one fails.")
    choose: Annotated[tuple[ChoiceSettings, ...], IN_REQUEST] = Field(
        (),
        description="Several URLs in the place of `url`, of which each request gets one by its weight.",
        examples=[[{"url": "users:/quote/{id}", "weight": 95}, {"url": "next:/quote/{id}", "weight": 5}]],
    )
    sticky: Annotated[str | None, TextKind.CONDITION, IN_REQUEST] = Field(
        None,
        description="An expression for `choose`: requests for which it gives the same get the same URL.",
        examples=["{{ auth.subject }}"],
    )
    race: Annotated[
        tuple[Annotated[CallSettings, BeforeValidator(short_call, json_schema_input_type=str)], ...],
        ON_PART,
    ] = Field(
        (),
        description="Calls that start together; the first success is the result, the others are cancelled.",
    )
    fan_out: Annotated[FanOutSettings | None, ON_PART] = Field(
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
    cache: Annotated[CallCache | None, IN_REQUEST & ~(Works.BACKGROUND | Works.STREAM)] = Field(
        None,
        description="How long its replies are kept, in place of what the upstream says; `none` keeps none.",
        examples=["1h", {"ttl": "60s", "tags": ["user:{{ user_id }}"]}],
    )
    last_good: Annotated[Duration | None, ON_PART & ~(Works.CALL | Works.RUNNER)] = Field(
        None,
        description="How long its last good value stands in for it when it fails, but for a 4xx; `aggregator-parts` "
        "says `state=stale` then.",
        examples=["6h"],
    )
    coalesce: Annotated[bool | None, IN_REQUEST & ~(Works.BACKGROUND | Works.STREAM)] = Field(
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
        """What it asks for: one request, the first success of several calls, or a nested fan-out."""
        return "url" if self.url is not None else "race" if self.race else "fan_out"

    @model_validator(mode="after")
    def _one_kind(self) -> CallSettings:
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


def _moment(value: Any) -> Any:
    return "stored" if value is True else None if value is False else value


class BackgroundCallSettings(CallSettings):
    """A call that runs after the answer has gone out; nobody waits for it."""

    name: Annotated[str | None, EVERYWHERE] = Field(
        None,
        description="Its name in logs and counters; its method, upstream and path as the file writes them if left out.",
    )
    on: Annotated[Literal["success", "failure", "always"], EVERYWHERE] = Field(
        "success", description="After which answers: a success is a status below 400, also of a partial answer."
    )
    durable: Annotated[Literal["stored", "accepted"] | None, BeforeValidator(_moment), IN_REQUEST] = Field(
        None,
        description="It is kept in the folder of `state` and delivered at least once, after a restart too: `stored` "
        "before the answer leaves (`true` means this), or `accepted`, just after it.",
        examples=["stored", True],
    )
    retry: Annotated[DeliveryOrNone | None, IN_REQUEST] = Field(
        None,
        description="How often the call is sent when it fails, instead of what its upstream says; the number of "
        "retries alone, or `none`. A `durable` one is sent `{attempts: 12, backoff: 1s..1h, on: [network, timeout, "
        "429, 5xx]}` unless said.",
        examples=[{"attempts": 12, "backoff": "1s..1h"}],
    )
    order: Annotated[str | None, TextKind.TEMPLATE, IN_REQUEST] = Field(
        None,
        description="A key: `durable` calls of this name with the same are delivered one after the other.",
        examples=["{{ body.account }}"],
    )
    delay: Annotated[Duration | None, IN_REQUEST] = Field(
        None, description="How long a `durable` call waits at least before it is delivered.", examples=["10m"]
    )
    at: Annotated[str | None, TextKind.TEMPLATE, IN_REQUEST] = Field(
        None,
        description="When a `durable` call is delivered at the earliest: a moment as RFC 3339 writes it, or in Unix "
        "time; one that is past means at once.",
        examples=["{{ body.remind_at }}"],
    )
    dedupe: Annotated[DedupeSettings | None, IN_REQUEST] = Field(
        None, description="A `durable` call is kept once for a key.", examples=[{"key": "{{ body.email }}"}]
    )


BackgroundCall = Annotated[
    BackgroundCallSettings, BeforeValidator(short_call, json_schema_input_type=str | BackgroundCallSettings)
]

marks_of(CallSettings)  # a field without a mark ends the import here
marks_of(BackgroundCallSettings)
