"""The action ``log``: level and format of a running process, for a while or until it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, get_args

from msgspec.structs import replace

from aggregator.server.admin.actions import Action, ActionError, Outcome, seconds_in
from aggregator.telemetry.control import LogControl, Order
from aggregator.telemetry.logging import LogFormat

LEVELS = ("debug", "info", "warning", "error")
_CHOICES = {"level": LEVELS, "format": get_args(LogFormat)}
_KEYS = frozenset({*_CHOICES, "for", "by"})
_AUTO = "auto"


def log_action(control: LogControl, clock: Callable[[], float] = time.time) -> Action:
    """Return the action that changes what *control* writes; without an order it tells what is written."""
    ends: list[asyncio.TimerHandle] = []

    def end(order: Order) -> None:
        ends.clear()
        control.order(order)

    async def run(given: Mapping[str, Any]) -> Outcome:
        order, seconds = _read(given, control.ordered)
        if order != control.ordered or seconds is not None:
            until = None if seconds is None else _moment(clock() + seconds)
            before = Order() if ends else control.ordered  # what a timer was to end, ends with the order after it
            for timer in ends:
                timer.cancel()
            ends.clear()
            order = replace(order, until=until)
            if seconds is not None:
                ends.append(asyncio.get_running_loop().call_later(seconds, end, before))
            control.order(order)
        said = f"level {control.level}, format {control.format}"
        return Outcome(_shown(control), said, was_asked_for=any(given.get(key) is not None for key in _CHOICES))

    return Action("log", "Write another level or format, for a while or until the process ends.", run)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _shown(control: LogControl) -> dict[str, str | None]:
    return {"level": control.level, "format": control.format, "until": control.ordered.until}


def _read(given: Mapping[str, Any], known: Order) -> tuple[Order, float | None]:
    """Return the order that *given* changes *known* to, and its seconds. Raises ``ActionError``."""
    if unknown := [key for key in given if key not in _KEYS]:
        raise ActionError(400, f"An order to the log has `level`, `format`, `for` and `by`, and no `{unknown[0]}`.")
    wanted = {"level": known.level, "format": known.format, "until": known.until}
    for key, choices in _CHOICES.items():
        value = given.get(key)
        if value is not None and value not in (*choices, _AUTO):
            raise ActionError(400, f"`{key}` is one of {', '.join((*choices, _AUTO))}.")
        if value is not None:
            wanted[key] = None if value == _AUTO else value
    seconds = seconds_in(given)
    if seconds is not None and not any(given.get(key) for key in _CHOICES):
        raise ActionError(400, "`for` needs a `level` or a `format`.")
    return Order(**wanted), seconds  # type: ignore[arg-type]
