"""Settings of mocks."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Duration, Settings, TextKind
from aggregator.http import METHODS
from aggregator.policies.values import Share
from aggregator.templates import TemplateProblem, compile_pattern


class DelaySettings(Settings):
    """The delay of answers: half of them within `p50`, 99 of 100 within `p99`; or always the same."""

    p50: Duration = Field(description="Half of the answers take no longer.", examples=["20ms"])
    p99: Duration = Field(description="99 of 100 answers take no longer.", examples=["400ms"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 < self.p50 <= self.p99:
            hint = {"hint": "write the shorter one under `p50`"}
            raise PydanticCustomError("bad-mock", "This is no distribution of delays.", hint)
        return self


def _same(value: Any) -> Any:
    return {"p50": value, "p99": value} if isinstance(value, str) else value


DelaySetting = Annotated[DelaySettings, BeforeValidator(_same, json_schema_input_type=str | DelaySettings)]


class FailSettings(Settings):
    """A failure of a share of the calls: one of `status`, `timeout`, `reset` and `bytes`."""

    status: int | None = Field(None, ge=400, le=599, description="It answers so.", examples=[503])
    timeout: bool = Field(False, description="It never answers.")
    reset: bool = Field(False, description="The connection breaks before an answer.")
    bytes: int | None = Field(None, ge=0, description="The body ends after so many bytes.", examples=[10])
    share: Share = Field(1.0, description="Of how many calls.", examples=["2%"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        said = (self.status is not None, self.timeout, self.reset, self.bytes is not None)
        if sum(said) != 1:
            hint = {"hint": "write one of `status: 503`, `timeout: true`, `reset: true` and `bytes: 10`"}
            raise PydanticCustomError("bad-mock", "A fault is of one kind.", hint)
        return self


class MockRouteSettings(Settings):
    """One answer of a mock. Its texts may hold expressions, which see the request that the upstream would get."""

    status: int = Field(200, ge=200, le=599, description="Status of the answer.")
    json_: Annotated[Any, TextKind.TEMPLATE] = Field(
        None, alias="json", description="Body as JSON.", examples=[{"id": "{{ id }}", "cents": 1250}]
    )
    body: Annotated[str | None, TextKind.TEMPLATE] = Field(None, description="Body as text instead.")
    headers: Annotated[dict[str, str], TextKind.FIELDS] = Field(default_factory=dict, description="Headers.")
    delay: DelaySetting | None = Field(None, description="How long this answer takes.", examples=["40ms"])
    fail: FailSettings | None = Field(None, description="What goes wrong with it.")


def _keys(value: dict[str, Any]) -> dict[str, Any]:
    for key in value:
        method, _, target = key.partition(" ")
        path = target.partition("?")[0]
        try:
            compile_pattern(path)
            is_right = method in METHODS
        except TemplateProblem:
            is_right = False
        if not is_right:
            hint = "write a method and a path, such as `GET /balance/{id}` or `GET /balances?page=2`"
            raise PydanticCustomError("bad-mock", "`{key}` is no route.", {"key": key, "hint": hint})
    return value


class MockSettings(Settings):
    """Answers in the place of an upstream, and faults of it."""

    routes: Annotated[dict[str, MockRouteSettings], AfterValidator(_keys)] = Field(
        default_factory=dict,
        description="Answers by method and path, and by pairs of a query where they stand behind the path. What is "
        "asked for beside them goes to `url`, or is 404 without one.",
        examples=[{"GET /balance/{id}": {"json": {"id": "{{ id }}"}}}],
    )
    file: str | None = Field(
        None,
        min_length=1,
        description="Path of a file that holds more `routes`, from the folder of this file; it is read again when it "
        "changes.",
        examples=["mocks/ledger.yaml"],
    )
    delay: DelaySetting | None = Field(
        None,
        description="How long each call takes, beside what it takes anyway.",
        examples=[{"p50": "20ms", "p99": "400ms"}],
    )
    fail: FailSettings | None = Field(None, description="What goes wrong with some of all calls.")
    when: Annotated[str | None, TextKind.CONDITION] = Field(
        None,
        description="Expression; only calls for which it is true meet the mock.",
        examples=["{{ headers['x-fault'] == 'on' }}"],
    )
