"""The action ``effect``, and what is shown of durable effects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from aggregator.errors import StoreError
from aggregator.server.admin.actions import Action, ActionError, Outcome
from aggregator.server.admin.effects.masking import masked
from aggregator.server.admin.effects.reading import KEYS, Unknown, listed, ordered, subject_in, wanted_of
from aggregator.server.generations.running import Running
from aggregator.stores.effects.contract import EffectStore

PATH = "/-/effects"
_T = TypeVar("_T")


async def effects_shown(running: Running, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the effects that are *asked* for, up to a thousand behind the place ``after``; raises ``ActionError``."""
    after = asked.get("after", "0")
    try:
        wanted = wanted_of(asked, running.now(), "after")
    except Unknown as error:
        raise ActionError(error.status, str(error)) from None
    if not after.isdecimal():
        raise ActionError(400, "`after` is the place of an effect.")
    found = await _asked(running, lambda store: listed(store, wanted, int(after)))
    return masked(found, running.outbox.masker, running.plan.server.log.hidden)


def effects_action(running: Running) -> Action:
    """Return the action that sends effects again, or removes them."""

    async def run(given: Mapping[str, Any]) -> Outcome:
        now = running.now()
        forgets = given.get("order") == "forget"
        found = {} if forgets and not running.outbox.is_open else await _asked(
            running, lambda store: ordered(store, given, now)
        )  # fmt: skip
        running.outbox.orders.update(found)
        if found:
            running.outbox.try_all()
        if forgets:
            found = {"forget": 0} | found | {"answers": await _forget(running, given)}
        return Outcome(found, f"{', '.join(f'{what} {count}' for what, count in found.items())}, by {_meant(given)}")

    return Action("effect", "Retry, replay, discard or forget durable effects.", run)


def _meant(given: Mapping[str, Any]) -> str:
    """Return which effects *given* means, as the log says it; a key may be the name of a customer, who is forgotten."""
    named = [f"{key} {given[key]}" for key in KEYS if key != "key" and given.get(key) is not None]
    return ", ".join(named if given.get("key") is None else [*named, "key"])


async def _forget(running: Running, given: Mapping[str, Any]) -> int:
    """Return how many answers to requests with a key were forgotten; raises ``ActionError``."""
    try:
        return await running.answers.forget(subject_in(given))
    except Unknown as error:
        raise ActionError(error.status, str(error)) from None
    except StoreError as error:
        raise ActionError(503, str(error)) from None


async def _asked(running: Running, work: Callable[[EffectStore], Awaitable[_T]]) -> _T:
    """Return what *work* gives; raises ``ActionError``, also for what is unknown."""
    try:
        return await running.outbox.ask(work)
    except Unknown as error:
        raise ActionError(error.status, str(error)) from None
    except StoreError as error:
        raise ActionError(503, str(error)) from None
