"""The log: which answers have a line in it, and what a line looks like."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.telemetry.shares import Sample
from aggregator.fields import Settings, TextKind


def _by_text(value: Any) -> Any:
    """Return *value*, a mapping, with statuses as texts: YAML reads 404 as a number."""
    return {str(key).lower(): share for key, share in value.items()} if isinstance(value, dict) else value


Samples = Annotated[
    dict[str, Sample], BeforeValidator(_by_text),
    WithJsonSchema({
        "type": "object",
        "patternProperties": {"^[1-4]([0-9][0-9]|xx)$": {"type": "string", "pattern": r"^\d+(\.\d+)?%$"}},
        "additionalProperties": False,
    }),
]  # fmt: skip


class LogSettings(Settings):
    """One line for each answer that is told, and for all else that happens to the process."""

    access: Literal["all", "errors", "none"] = Field(
        "errors", description="Which answers are logged: all, refusals included; only 5xx and partial ones; or none."
    )
    sample: Samples = Field(
        default_factory=dict,
        description="The share of answers that have a line, by status or class; failures and partial answers all have "
        "one. A line that was chosen so says it as `sample`.",
        examples=[{"2xx": "1%"}],
    )
    format: Literal["text", "json", "combined"] = Field(
        "text",
        description="Form of the lines; `combined` is that of other web servers for answers, and text for all else.",
    )
    file: str | None = Field(
        None,
        description="File for the lines about answers, relative to this one; SIGUSR1 has it opened again. All else "
        "stays on stderr.",
        examples=["access.log"],
    )
    fields: Annotated[dict[str, Any], TextKind.FIELDS] = Field(
        default_factory=dict,
        description="Fields of your own in the lines about answers.",
        examples=[{"tenant": "{{ headers['x-tenant'] }}"}],
    )

    @model_validator(mode="after")
    def _of_lines(self) -> Self:
        if self.sample and self.access != "all":
            hint = "add `access: all`, or remove `sample`: failures are never sampled"
            raise _without_effect("sample", "access: all", hint)
        if self.access == "none" and (lost := [name for name in ("file", "fields") if getattr(self, name)]):
            raise _without_effect(
                lost[0], "lines", f"remove it, or `access: none`, which leaves no line for `{lost[0]}`"
            )
        if self.format == "combined" and self.fields:
            raise _without_effect("fields", "a format that has room for them", "write `format: json`")
        return self


def _without_effect(key: str, needed: str, hint: str) -> PydanticCustomError:
    message = "The key `{key}` has no effect without {needed}."
    return PydanticCustomError("no-effect", message, {"key": key, "needed": needed, "hint": hint})
