"""What callers know by heart or keep in a file: keys, names and passwords."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.schemes.files import FileSettings
from aggregator.fields import Settings


class ApiKeySettings(Settings):
    """A random key that each caller sends."""

    header: str | None = Field(None, description="Header that carries the key.", examples=["x-api-key"])
    query: str | None = Field(None, description="Query parameter that carries it; masked wherever it is shown.")
    cookie: str | None = Field(None, description="Cookie that carries it; unsafe methods then need a page of our own.")
    keys: FileSettings = Field(
        description="YAML list with an entry a line: {name, sha256, scopes, not_before, not_after, rate_limit}.",
        examples=[{"file": "secrets/partners.yaml"}],
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.header, self.query, self.cookie)) != 1:
            raise PydanticCustomError(
                "key-place", "A key comes in one place.", {"hint": "name one of `header`, `query` and `cookie`"}
            )
        return self


class BasicSettings(Settings):
    """Names and passwords, as browsers ask for them."""

    users: FileSettings = Field(
        description="File of names and bcrypt or argon2 hashes, as `htpasswd -B` writes it.",
        examples=[{"file": "secrets/htpasswd"}],
    )
    realm: str = Field("api", description="Name of what is protected, shown by browsers.", examples=["operations"])
