"""Endpoints: what the client may send, what is called, what it gets, what happens afterwards."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.auth import AdmissionSettings
from aggregator.config.model.calls.background import BackgroundCall
from aggregator.config.model.calls.call import Call, FanOutSettings
from aggregator.config.model.edge.lifecycle import Deprecated
from aggregator.config.model.failure import StatusMap
from aggregator.config.model.response import ResponseSettings, StaticSettings
from aggregator.config.model.telemetry.metrics import SloSettings
from aggregator.config.model.upstreams.forward import ForwardSettings
from aggregator.fields import ByteSize, TextKind, Timeout
from aggregator.policies.cache.settings import AnswerCache
from aggregator.policies.call_budget.settings import CallBudgetSettings
from aggregator.policies.idempotency.settings import IdempotencySettings
from aggregator.policies.routing.settings import ShadowSettings


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class EndpointSettings(AdmissionSettings):
    """One endpoint: methods and a path, and what answers it."""

    summary: str = Field("", description="One line for the OpenAPI document.")
    description: str = Field("", description="Text for the OpenAPI document (Markdown).")
    tags: tuple[str, ...] = Field((), description="Tags in the OpenAPI document.")
    operation_id: str | None = Field(
        None,
        description="operationId in the OpenAPI document, of several methods with each behind it: `file_get`; "
        "from method and path if left out.",
    )
    deprecated: Deprecated | None = Field(
        None,
        description="Marked as deprecated in the OpenAPI document; with dates every answer says so, too: "
        "`Deprecation`, `Sunset`, `Link`.",
        examples=[True, {"since": "2026-06-01", "sunset": "2027-01-01", "see": "/v2"}],
    )
    hidden: bool = Field(False, description="Left out of the OpenAPI document.")
    params: Annotated[dict[str, Any], TextKind.PARAMETERS] = Field(
        default_factory=dict,
        description="Path parameters: a type name or a JSON Schema.",
        examples=[{"user_id": {"type": "integer", "minimum": 1}}],
    )
    query: Annotated[dict[str, Any], TextKind.PARAMETERS] = Field(
        default_factory=dict,
        description="Query parameters: a type name or a JSON Schema with `required` and `default`, which may hold "
        "expressions over the request.",
        examples=[{"page": {"type": "integer", "default": 1}}],
    )
    headers: Annotated[dict[str, Any], TextKind.PARAMETERS] = Field(
        default_factory=dict,
        description="Request headers: a type name or a JSON Schema with `required` and `default`, as in `query`.",
    )
    cookies: Annotated[dict[str, Any], TextKind.PARAMETERS] = Field(
        default_factory=dict,
        description="Cookies of the client: a type name or a JSON Schema with `required` and `default`, as in `query`.",
        examples=[{"session": {"type": "string", "minLength": 10}}],
    )
    body: Any = Field(
        None,
        description="JSON Schema of the request body.",
        examples=[{"type": "object", "required": ["email"]}],
    )
    max_body: ByteSize | None = Field(None, description="Largest request body of this endpoint.")
    timeout: Timeout | None = Field(None, description="Deadline over everything in this endpoint.", examples=["3s"])
    forward: ForwardSettings | None = Field(
        None, description="What of the client's request goes with every call of this endpoint."
    )
    call: Call | None = Field(None, description="One call; its status, body and content type pass through.")
    fan_out: FanOutSettings | None = Field(
        None, description="Calls side by side; the answer is an object with their results."
    )
    respond: StaticSettings | None = Field(None, description="A static answer, without any call.")
    stream: bool = Field(False, description="Send the body of `call` on as it comes: downloads and server-sent events.")
    idle_timeout: Timeout | None = Field(
        None,
        description="Longest silence of a stream, which has no deadline unless its `timeout` is set; left out, it is "
        "`timeout.read` of the upstream, or 60s.",
        examples=["30s"],
    )
    status_map: StatusMap = Field((), description="What failures become.")
    response: ResponseSettings | None = Field(None, description="The answer, when it is not simply the result.")
    slo: SloSettings | None = Field(
        None,
        description="What clients are promised; needs `telemetry.metrics`.",
        examples=[{"objective": "99.5%", "latency": "800ms"}],
    )
    cache: AnswerCache | None = Field(
        None,
        description="How long whole answers are kept, by all inputs that they are made of and by who asks.",
        examples=["10s", {"ttl": "10s", "stale": "30s", "public": True, "query": ["q", "page"]}],
    )
    purge: Annotated[
        tuple[str, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str]), TextKind.TEMPLATE
    ] = Field(
        (),
        description="Tags of what is kept that a success (a status below 400) makes old; it is forgotten before the "
        "answer leaves.",
        examples=[["user:{{ user_id }}"]],
    )
    idempotency: IdempotencySettings | None = Field(
        None,
        description="A request that comes again, under the same key, gets the answer that it got, and its calls are "
        "made once.",
        examples=[{"key": "{{ headers['idempotency-key'] }}", "ttl": "24h"}],
    )
    call_budget: CallBudgetSettings | None = Field(
        None,
        description="What one request may spend on calls; those in the background are not counted.",
        examples=[{"calls": 40, "bytes": "20MiB", "over": "cut"}],
    )
    background: Annotated[tuple[BackgroundCall, ...], BeforeValidator(_one_or_many)] = Field(
        (), description="Calls that run after the answer has gone out."
    )
    shadow: tuple[ShadowSettings, ...] = Field(
        (),
        description="Upstreams that get a share of the requests as well, after the answer has gone out; as the `call` "
        "of the endpoint sends them, but for the URL.",
        examples=[[{"url": "next:/quote/{id}", "share": "10%"}]],
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [name for name in ("call", "fan_out", "respond") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise PydanticCustomError(
                "endpoint-kind",
                "These exclude each other: {kinds}."
                if kinds
                else "An endpoint needs one of call, fan_out and respond.",
                {
                    "kinds": ", ".join(kinds),
                    "hint": "`call` for one upstream, `fan_out` for several, `respond` for a static answer",
                },
            )
        return self


EndpointSettings.model_rebuild()  # once, instead of for the root and for endpoints by themselves
