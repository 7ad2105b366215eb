"""Requests for durable effects: filters and orders read from a query or body, and carried out on the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from aggregator.durations import duration_of
from aggregator.stores.effects.contract import ORDERS, EffectStore, Filter
from aggregator.stores.effects.records import STATES

KEYS: Final = ("id", "name", "state", "key", "request", "since")


class Unknown(Exception):  # noqa: N818 - it becomes an answer, or a line of a command
    """A request for effects that do not exist, or that makes no sense; *status* is the HTTP status of the answer."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


def wanted_of(given: Mapping[str, Any], now: float, *others: str) -> Filter:
    """Return which effects *given* means; it may hold *others*, too. Raises ``Unknown``."""
    if wrong := [key for key in given if key not in (*KEYS, *others)]:
        raise Unknown(400, f"Effects are named by {', '.join(KEYS)}, and by no `{wrong[0]}`.")
    said = {key: str(given[key]) for key in KEYS[:-1] if given.get(key) is not None}
    if said.get("state") not in (None, *STATES):
        raise Unknown(400, f"`state` is one of {', '.join(STATES)}.")
    wanted = msgspec.convert(said, Filter)
    if given.get("since") is None:
        return wanted
    seconds = duration_of(str(given["since"]))
    if not seconds:
        raise Unknown(400, "`since` is a duration such as 2h, up to now.")
    return replace(wanted, since=max(0.0, now - seconds))


def subject_in(given: Mapping[str, Any]) -> str:
    """Return the key of the subject that *given* names; raises ``Unknown``."""
    key = given.get("key")
    if key is None:
        raise Unknown(400, "Say which effects are meant: by `key`.")
    return str(key)


async def listed(store: EffectStore, wanted: Filter, after: int = 0) -> list[dict[str, Any]]:
    """Return the effects that are *wanted*; raises ``Unknown`` for an id that is none, and says all of a single one."""
    if wanted.id is None:
        return await store.find(wanted, after)
    found = await store.show(wanted.id)
    if found is None:
        raise Unknown(404, f"There is no effect `{wanted.id}`.")
    return [found]


async def ordered(store: EffectStore, given: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what came of the order that is *given*; raises ``Unknown``."""
    what, wanted = given.get("order"), wanted_of(given, now, "order", "by")
    if what not in ORDERS:
        raise Unknown(400, f"`order` is one of {', '.join(ORDERS)}.")
    if wanted.is_empty or (what == "forget" and wanted.key is None):
        named = "`key`" if what == "forget" else ", ".join(f"`{key}`" for key in KEYS)
        raise Unknown(400, f"Say which effects are meant: by {named}.")
    if wanted.id is not None and await store.show(wanted.id) is None:
        raise Unknown(404, f"There is no effect `{wanted.id}`.")
    return {what: await store.order(str(what), wanted, now)}
