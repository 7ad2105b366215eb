"""What every answer carries: who may read it from a page of another origin, and headers."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from aggregator.edge.cors import ANY, origin_problem
from aggregator.fields import Duration, Settings, TextKind, unwritten
from aggregator.http import Method

_FORM = "write scheme and host alone, as in https://shop.example.com"


def _any(value: Any) -> Any:
    return [ANY] if value == "any" else value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value if value != (ANY,) else ():
        if problem := origin_problem(origin):
            context = {"why": problem[0], "hint": problem[1], "form": _FORM}
            raise PydanticCustomError("bad-origin", "{why}.", context)
    return value


Origins = Annotated[
    tuple[str, ...],
    BeforeValidator(_any, json_schema_input_type=Literal["any"] | tuple[str, ...]),
    AfterValidator(_origins),
]
"""Origins, in which ``*`` is one or more labels, or `any`."""
NamesOrAny = Annotated[tuple[str, ...], BeforeValidator(_any, json_schema_input_type=Literal["any"] | tuple[str, ...])]
MethodsOrAny = Annotated[
    tuple[Method, ...] | None,
    BeforeValidator(
        lambda value: None if value == "any" else value, json_schema_input_type=Literal["any"] | tuple[Method, ...]
    ),
]
"""Methods, or None for all that a path declares."""


class CorsSettings(Settings):
    """Which pages of other origins may read the answers (CORS)."""

    origins: Origins = Field(
        description="Origins, in which `*` stands for one or more labels; or `any`.",
        examples=[["https://shop.example.com", "https://*.preview.example.com"]],
    )
    headers: NamesOrAny = Field(
        (),
        description="Request headers that pages may send, beside those that need no leave; or `any`.",
        examples=[["authorization", "content-type"]],
    )
    expose: tuple[str, ...] = Field(
        (), description="Response headers that pages may read.", examples=[["x-request-id"]]
    )
    credentials: bool = Field(False, description="Whether pages may send cookies and other credentials along.")
    max_age: Duration | None = Field(None, description="How long a browser may keep what a preflight said.")

    @model_validator(mode="after")
    def _not_all_with_credentials(self) -> Self:
        if self.credentials and ANY in self.origins:
            hint = "name the origins, or leave `credentials` out"
            message = "Browsers refuse credentials where any origin is allowed."
            raise PydanticCustomError("cors-credentials", message, {"hint": hint})
        return self


class WideCorsSettings(CorsSettings):
    """The same for many endpoints."""

    methods: MethodsOrAny = Field(
        None, description="Methods that pages may use; `any` are those that the path declares.", examples=["any"]
    )


NO_CORS = WideCorsSettings.model_construct(origins=())


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    return NO_CORS if value == "none" else read(value)


Cors = Annotated[CorsSettings, WrapValidator(_or_none, json_schema_input_type=Literal["none"] | CorsSettings)]
WideCors = Annotated[
    WideCorsSettings, WrapValidator(_or_none, json_schema_input_type=Literal["none"] | WideCorsSettings)
]
"""What is allowed; ``NO_CORS`` for `none`."""


class HeaderSettings(Settings):
    """Headers of answers, and on which of them they are."""

    on: Literal["success", "always"] = Field(
        "success",
        description="`always` sends them with failures and refusals too, so that they can read the request alone.",
        examples=["always"],
    )
    values: Annotated[dict[str, Any], TextKind.FIELDS] = Field(
        description="Headers; may hold expressions, null ones are left out. `set-cookie` may be a list.",
    )

    @property
    def below(self) -> tuple[str, ...]:
        """The steps from where they stand to the single headers, as they are written."""
        return ("values",)


class PlainHeaders(HeaderSettings):
    """Headers alone, which successes have."""

    values: Annotated[dict[str, Any], TextKind.FIELDS] = Field(default_factory=dict, description="Headers.")

    @property
    def below(self) -> tuple[str, ...]:
        """No steps: the headers stand there."""
        return ()


def _long_form(value: Any) -> Any:
    if not isinstance(value, dict) or {"on", "values"} & value.keys():
        return value
    is_plain = all(isinstance(name, str) for name in value)
    return PlainHeaders.model_construct(values=value) if is_plain else {"values": value}


ResponseHeaders = Annotated[
    HeaderSettings, BeforeValidator(_long_form, json_schema_input_type=dict[str, Any] | HeaderSettings)
]
"""Headers by name, or `{on: always, values: {…}}`."""


def _error_key(value: Any) -> str:
    text = str(value).strip().lower()
    if re.fullmatch(r"[45](\d\d|xx)", text) and not isinstance(value, bool):
        return text
    hint = {"hint": "write a status, such as 404, or a class: 4xx or 5xx"}
    raise PydanticCustomError("bad-status-key", "This is not a status or a class of errors.", hint)


ErrorKey = Annotated[
    str,
    BeforeValidator(_error_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 400, "maximum": 599},
                {"type": "string", "pattern": "^[45]([0-9][0-9]|xx|XX)$"},
            ],
            "examples": [404, "5xx"],
        }
    ),
]


class ErrorSettings(Settings):
    """What an error of the server's own becomes: problems, of endpoints too, but no body that the file declares."""

    status: int | None = Field(
        None, ge=200, le=599, description="Another status; that in the problem follows.", examples=[400]
    )
    body: Annotated[Any, TextKind.TEMPLATE] = Field(
        None,
        description="Body in place of the problem; its expressions read `problem` and the request.",
        examples=[{"error": "{{ problem.title }}", "id": "{{ request.id }}"}],
    )
    html: Annotated[str | None, TextKind.TEMPLATE] = Field(
        None,
        description="Page for clients whose `Accept` prefers one.",
        examples=["<h1>{{ problem.title | xml_escape }}</h1>"],
    )


class ErrorRow(ErrorSettings):
    """The same with what it is for."""

    on: ErrorKey = Field(description="A status or a class (5xx); a status counts before its class.", examples=[404])


def _error_rows(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"on": key, **row} if isinstance(row, dict) else row for key, row in value.items()]
    return value


ErrorMap = Annotated[
    tuple[ErrorRow, ...],
    BeforeValidator(_error_rows, json_schema_input_type=dict[str, ErrorSettings] | list[ErrorRow]),
]
"""A mapping from a status or class to what becomes of it, or a list of rows."""


class CarriedSettings(Settings):
    """What the answers of many endpoints carry."""

    headers: Annotated[ResponseHeaders, TextKind.FIELDS] = Field(
        default_factory=unwritten(PlainHeaders),
        description="Headers of the answers; the nearest of one name counts.",
    )
