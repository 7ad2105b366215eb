"""One call for each item of a list: what is asked once, and what for many at once."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from aggregator.fields import Settings, TextKind


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


def _each(value: Any) -> Any:
    return {"in": value} if isinstance(value, str) else value


EachOrList = Annotated[EachSettings, BeforeValidator(_each, json_schema_input_type=str | EachSettings)]
