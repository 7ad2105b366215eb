"""Whether a server keeps what it was given: it may lose all when it stops, or forget what it has no memory for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aggregator.errors import StoreError


async def warnings_about(ask: Callable[..., Awaitable[Any]]) -> AsyncIterator[str]:
    """Yield a sentence for each way in which the server that *ask* asks may lose what it keeps.

    What it does not tell is not known: services hide their settings, and users may be denied ``@dangerous`` commands.
    """
    info = await _info(ask, b"persistence")
    if info.get("aof_enabled") == "0":
        yield "Durable effects are lost when the shared store stops: it keeps no append-only file."
    elif info.get("aof_enabled") == "1" and await _setting(ask, b"appendfsync") in ("everysec", "no"):
        yield "The last durable effects may be lost when the machine of the shared store stops: not each is synced."
    memory = await _info(ask, b"memory")
    if memory.get("maxmemory_policy", "noeviction").startswith("allkeys"):
        yield "Durable effects may be lost when the shared store is full: it forgets keys for want of memory."


async def _info(ask: Callable[..., Awaitable[Any]], section: bytes) -> dict[str, str]:
    """Return the fields of a *section* of what the server says of itself; none where it does not say them."""
    try:
        text: bytes | None = await ask(b"INFO", section)
    except StoreError:
        return {}
    lines = (text or b"").decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


async def _setting(ask: Callable[..., Awaitable[Any]], name: bytes) -> str:
    try:
        found = await ask(b"CONFIG", b"GET", name)
    except StoreError:
        return ""
    return found[1].decode() if found else ""
