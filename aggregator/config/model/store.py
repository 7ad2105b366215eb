"""The store: where processes keep what they share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, Timeout
from aggregator.stores.shared.address import store_address


def _url(text: str) -> str:
    try:
        store_address(text)
    except ValueError as error:
        hint = "write `memory`, or a URL like redis://cache.internal:6379/0"
        raise PydanticCustomError("bad-store", "{why}", {"why": str(error), "hint": hint}) from None
    return text


class StoreTlsSettings(Settings):
    """Whom to trust as the store, and who we are. Files are in PEM form, and are read again when they change."""

    ca: str | None = Field(
        None,
        description="File with the authorities to trust instead of those that this machine trusts.",
        examples=["./tls/cache-ca.pem"],
    )
    cert: str | None = Field(None, description="File with our client certificate.", examples=["./tls/client.pem"])
    key: str | None = Field(None, description="File with the key of our client certificate.")


class StoreSettings(Settings):
    """Where the counts of rate limits and quotas lie, and what caches share; by way of it processes tell each other of
    purges and switches; a text alone is the `url`.
    """

    url: Annotated[str, AfterValidator(_url)] = Field(
        description="`memory`: in this process, of several workers in their supervisor. `redis://host:6379/0`, by TLS "
        "`rediss://`, `unix:///run/valkey.sock`, `redis+sentinel://host:26379,host:26379/name` and "
        "`redis+cluster://host:6379,host:6379`: in Redis or Valkey, for all processes that name it; "
        "`user:password@` may stand before the hosts.",
        examples=["redis://cache.internal:6379/0"],
    )
    timeout: Timeout | None = Field(
        None,
        description="How long a reply of the store may take; left out, 20ms, and 250ms where it is a supervisor. One "
        "that takes longer is not waited for: each process grants its share of the limits until the store answers in "
        "time again.",
        examples=["20ms"],
    )
    tls: StoreTlsSettings | None = Field(
        None,
        description="Whom to trust, of addresses by TLS (`rediss://`); paths begin in the folder of this file.",
        examples=[{"ca": "./tls/cache-ca.pem"}],
    )
    prefix: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")] = Field(
        "aggregator:",
        description="What every key in the store begins with. Processes that are to count together have the same.",
        examples=["shop:"],
    )


def _store(value: Any) -> Any:
    return value if isinstance(value, dict) else {"url": value}


Store = Annotated[StoreSettings, BeforeValidator(_store, json_schema_input_type=str | StoreSettings)]
"""A text alone is the URL."""
