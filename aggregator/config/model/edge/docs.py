"""The documentation that is served: where, and to whom."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.config.model.auth import Auth
from aggregator.fields import Settings
from aggregator.templates import own_paths

_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+").fullmatch
_OTHERS = own_paths(docs=None, metrics=True)


def _path(value: str) -> str:
    if not _PATH(value):
        message, hint = "This is no path for a page.", "write it like /docs, or /internal/docs"
        raise PydanticCustomError("docs-path", message, {"hint": hint})
    if _OTHERS.holds(value):
        message = "The program itself answers at this path."
        raise PydanticCustomError("docs-path", message, {"hint": "write it like /docs, or /internal/docs"})
    return value


class DocsSettings(Settings):
    """A page to read the OpenAPI document, and the document beside it."""

    path: Annotated[str, AfterValidator(_path)] = Field(
        "/docs",
        description="Path of the page; `openapi.json` is beside it: below /internal for /internal/docs.",
        examples=["/internal/docs"],
    )
    auth: Auth | None = Field(None, description="Who may read it; left out, everybody may.", examples=["ops"])


def _switched(value: Any) -> Any:
    return {} if value is True else value


Docs = Annotated[DocsSettings | Literal[False], BeforeValidator(_switched, json_schema_input_type=bool | DocsSettings)]
"""`true`, `false`, or where and to whom."""
