"""The keys by which limits count requests together."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.edge.networks import NO_NETWORKS, client_key
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.templates import MISSING, Expression

ALL = "all"
"""The key of a limit that counts all requests together."""
NULL = b"null"


def _client_of(exchange: Exchange) -> str | bytes:
    client = exchange.peer if exchange.trusted is NO_NETWORKS else exchange.origin.client
    if ":" in client:
        return client_key(client)
    return client or NULL


DIRECT: dict[Any, Callable[[Exchange], str | bytes]] = {("request", "client"): _client_of}
"""What is read without the names of expressions: most limits count by it."""


def value_of(by: Expression, exchange: Exchange, names: Names) -> str | bytes:
    """Return the value of *by*: a text as it is, else JSON, null where it cannot be told.

    A client's address stands for its network, also where it is a piece of the value: nobody gets a count of their own
    by another address of a network that is theirs.
    """
    try:
        value = by.evaluate(names)
    except AggregatorError:
        value = None
    if value is MISSING:
        value = None
    client = exchange.client
    if client is None or ":" not in client:
        return value if isinstance(value, str) else json_codec.encode(value)  # bytes: 1 and "1" differ
    if isinstance(value, str):
        return value.replace(client, client_key(client))
    return json_codec.encode(value).replace(client.encode(), client_key(client).encode())


def bucket_of(by: Expression | None, exchange: Exchange, names: Names, *, reads_caller: bool) -> str | bytes:
    """Return what requests have in common that are counted together: the value of *by*.

    What *reads_caller* is unique within a scheme and issuer alone.
    """
    if by is None:
        return ALL
    text = value_of(by, exchange, names)
    caller = exchange.caller
    if caller is None or not reads_caller:
        return text
    return f"{len(caller.scheme)}:{caller.scheme}{len(caller.issuer)}:{caller.issuer}{text!r}"


def counted(value: str | bytes, scheme: str = "", issuer: str = "") -> bytes:
    """Return the key by which a quota counts *value*, within the *scheme* and *issuer* of a caller.

    It is a hash, so that nothing of a caller is written to a disk. Those of one value end alike (``value_hash``).
    """
    within = blake2b(f"{len(scheme)}:{scheme}{issuer}".encode(errors="surrogatepass"), digest_size=8).digest()
    return within + value_hash(value)


@lru_cache(maxsize=4096)
def value_hash(value: str | bytes) -> bytes:
    """Return the hash of *value*, 16 bytes; a text and JSON that reads the same have different ones."""
    if isinstance(value, bytes):
        return blake2b(value, digest_size=16, person=b"json").digest()
    return blake2b(value.encode(errors="surrogatepass"), digest_size=16, person=b"text").digest()


def named_hashes(text: str) -> frozenset[bytes]:
    """Return the hashes of what an operator may mean by *text*: it, the network of an address, or JSON (``null``)."""
    hashes = {value_hash(text), value_hash(client_key(text))}
    try:
        value = json_codec.decode(text.encode(errors="surrogatepass"))
    except (AggregatorError, ValueError):
        return frozenset(hashes)
    if not isinstance(value, str):
        hashes.add(value_hash(json_codec.encode(value)))
    return frozenset(hashes)
