"""Whether a server keeps what it was given: it may lose all when it stops, or forget what it has no memory for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from msgspec import Struct

from aggregator.errors import StoreError

Ask = Callable[..., Awaitable[Any]]
"""Returns the reply of one server to a command; raises ``StoreError``."""


class Losses(Struct, frozen=True):
    """The sentences that tell how something is lost: with the server, with its machine, or for want of memory.

    *evicting* are the beginnings of the policies by which a server that is full forgets it: ``volatile`` only takes
    what expires.
    """

    stopped: str
    unsynced: str
    forgotten: str
    evicting: tuple[str, ...]


EFFECTS: Final = Losses(
    "Durable effects are lost when the shared store stops: it keeps no append-only file.",
    "The last durable effects may be lost when the machine of the shared store stops: not each is synced.",
    "Durable effects may be lost when the shared store is full: it forgets keys for want of memory.",
    ("allkeys",),
)
ANSWERS: Final = Losses(
    "Answers by idempotency key are lost when the shared store stops: it keeps no append-only file.",
    "The last answers by idempotency key may be lost when the machine of the shared store stops: not each is synced.",
    "Answers by idempotency key may be lost when the shared store is full: it forgets keys for want of memory.",
    ("allkeys", "volatile"),
)


async def warnings_about(ask: Ask, losses: Losses = EFFECTS) -> AsyncIterator[str]:
    """Yield the sentence of *losses* for each way in which the server that *ask* asks may lose what it keeps.

    What it does not tell is not known: services hide their settings, and users may be denied ``@dangerous`` commands.
    """
    info = await _info(ask, b"persistence")
    if info.get("aof_enabled") == "0":
        yield losses.stopped
    elif info.get("aof_enabled") == "1" and await _setting(ask, b"appendfsync") in ("everysec", "no"):
        yield losses.unsynced
    memory = await _info(ask, b"memory")
    if memory.get("maxmemory_policy", "noeviction").startswith(losses.evicting):
        yield losses.forgotten


async def _info(ask: Ask, section: bytes) -> dict[str, str]:
    """Return the fields of a *section* of what the server says of itself; none where it does not say them."""
    try:
        text: bytes | None = await ask(b"INFO", section)
    except StoreError:
        return {}
    lines = (text or b"").decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


async def _setting(ask: Ask, name: bytes) -> str:
    try:
        found = await ask(b"CONFIG", b"GET", name)
    except StoreError:
        return ""
    return found[1].decode() if found else ""
