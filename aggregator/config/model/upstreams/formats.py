"""How bodies of upstreams are read, where their format alone does not tell."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.codecs.formats.csv import is_delimiter
from aggregator.fields import Settings

FormatName = Literal["auto", "json", "text", "xml", "csv", "form", "raw"]


def _path(value: str) -> str:
    if not value or not all(value.split(".")) or any(sign in value for sign in "/[]@ "):
        hint = "name the elements from the root on, with dots between them: `rss.channel.item`"
        raise PydanticCustomError("bad-path", "This is not a path of elements.", {"hint": hint})
    return value


def _delimiter(value: str) -> str:
    if not is_delimiter(value):
        hint = r'write one character, such as `";"`, or `"\t"` for a tab'
        raise PydanticCustomError("bad-delimiter", "This cannot stand between cells.", {"hint": hint})
    return value


class XmlSettings(Settings):
    """How XML is read."""

    lists: tuple[Annotated[str, AfterValidator(_path)], ...] = Field(
        description="Elements that are lists however often they come, each by its path from the root on.",
        examples=[["rss.channel.item"]],
    )


class CsvSettings(Settings):
    """How CSV is read."""

    delimiter: Annotated[str, AfterValidator(_delimiter)] = Field(
        ",", description="The character between two cells.", examples=[";"]
    )
