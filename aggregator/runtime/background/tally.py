"""What became of background calls: counts for probes, and log lines at a rate that a dead sink cannot raise.

A listener of ``EffectEnded``, the first of each queue.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, assert_never

from msgspec import Struct, field
from msgspec.structs import asdict

from aggregator.parts.events import EffectEnded
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.background")
_RECENT, _LONGEST = 50, 500
"""Failures that are kept, and characters of why."""
_PAUSE = 1.0
"""Seconds between two lines about the same call and the same kind of trouble."""


class EffectCounts(Struct):
    """The counts of background calls since the start, by state, and by name for failures.

    *dropped* found the queue full; *lost* were given up when the process stopped.
    """

    queued: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    dropped: int = 0
    lost: int = 0
    failures: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as data."""
        return asdict(self)


class _Told(Struct, eq=False):
    """When a line was written, how *many* like it have come since, and the level and fields of the last of them."""

    at: float
    many: int = 0
    level: int = logging.NOTSET
    fields: dict[str, Any] = field(default_factory=dict)


def _call_later(delay: float, act: Callable[..., None], *arguments: object) -> object:
    return asyncio.get_running_loop().call_later(delay, act, *arguments)


class Tally:
    """Counts, and writes of trouble: the first time at once, then a second later of those like it.

    *later* has something done after some seconds, as the event loop does.
    """

    __slots__ = ("_clock", "_later", "_told", "counts", "ends", "recent")

    def __init__(self, clock: Callable[[], float] = time.monotonic, later: Callable[..., object] = _call_later) -> None:
        self.counts = EffectCounts()
        self.ends: dict[tuple[str, str], int] = {}
        """How often each call ended so, by its name and how."""
        self.recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        """The last that failed: when (Unix time), the call, its request, its cause, and why."""
        self._clock, self._later = clock, later
        self._told: dict[tuple[str, str], _Told] = {}

    def __call__(self, event: EffectEnded) -> None:
        """Count *event*, and write of it unless all went well."""
        counts, end = self.counts, (event.name, event.how)
        self.ends[end] = self.ends.get(end, 0) + 1
        match event.how:
            case "done":
                counts.done += 1
            case "skipped":
                counts.skipped += 1
            case "lost":
                counts.lost += 1
            case "dropped":
                counts.dropped += 1
                self.tell(event.name, "A background call was dropped: the queue is full.", logging.WARNING, {})
            case "failed":
                counts.failed += 1
                counts.failures[event.name] = counts.failures.get(event.name, 0) + 1
                self._failed(event)
            case _:
                assert_never(event.how)

    def stopped(self, lost: int) -> None:
        """Write of what is held back, and how many calls were *lost* when the process stopped, if any were."""
        self.tell_rest()
        if lost:
            log(_log, logging.WARNING, "Background calls were lost at shutdown.", count=lost)

    def _failed(self, event: EffectEnded) -> None:
        cause, reason = event.cause.value if event.cause else None, event.reason or event.fault
        self.recent.append({"at": round(time.time(), 3), "name": event.name, "request": event.request, "cause": cause,
                            "reason": reason[:_LONGEST]})  # fmt: skip
        if event.fault:
            sentence = "A background call failed by a fault of the program."
            self.tell(event.name, sentence, logging.ERROR, {"error": event.fault})
            return
        known = {"reason": event.reason, "request_id": event.request}
        if event.cause is None:
            self.tell(event.name, "The condition of a background call failed.", logging.WARNING, known)
        else:
            known = {"cause": event.cause.value, **known}
            self.tell(event.name, "A background call failed.", logging.WARNING, known)

    def tell(self, call: str, sentence: str, level: int, fields: dict[str, Any]) -> None:
        """Write *sentence* about *call* with *fields*; of those within a second of it the last, and their number."""
        now, key = self._clock(), (call, sentence)
        told = self._told.get(key)
        if told is None or now - told.at >= _PAUSE:
            self._write(key, level, fields, told.many if told else 0)
            return
        told.many += 1
        told.level, told.fields = level, fields
        if told.many == 1:
            self._later(told.at + _PAUSE - now, self._tell_last, key, told)

    def tell_rest(self) -> None:
        """Write now of what is held back, since the process stops."""
        for key, told in tuple(self._told.items()):
            self._tell_last(key, told)

    def _tell_last(self, key: tuple[str, str], told: _Told) -> None:
        if told.many and self._told[key] is told:
            self._write(key, told.level, told.fields, told.many - 1)

    def _write(self, key: tuple[str, str], level: int, fields: dict[str, Any], more: int) -> None:
        call, sentence = key
        self._told[key] = _Told(self._clock())
        log(_log, level, sentence, call=call, **fields, **({"not_told": more} if more else {}))
