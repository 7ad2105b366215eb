"""What became of background calls: counts for probes, and log lines at a rate that a dead sink cannot raise."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.background")
_PAUSE = 1.0
"""Seconds between two lines about the same call and the same kind of trouble."""


class EffectCounts(Struct):
    """What became of background calls since the start, by state, and by name for failures.

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


class Tally:
    """Counts, and tells of trouble: the first time at once, then with how many like it were not told."""

    __slots__ = ("_clock", "_told", "counts")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts = EffectCounts()
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def failed(self, call: str, sentence: str, level: int = logging.WARNING, **fields: Any) -> None:
        """Count *call* as failed."""
        self.counts.failed += 1
        self.counts.failures[call] = self.counts.failures.get(call, 0) + 1
        self._tell(call, sentence, level, fields)

    def dropped(self, call: str) -> None:
        """Count *call* as one that found no room."""
        self.counts.dropped += 1
        self._tell(call, "A background call was dropped: the queue is full.", logging.WARNING, {})

    def lost(self, number: int) -> None:
        """Count *number* calls as given up at shutdown."""
        self.counts.lost += number
        if number:
            log(_log, logging.WARNING, "Background calls were lost at shutdown.", count=number)

    def _tell(self, call: str, sentence: str, level: int, fields: dict[str, Any]) -> None:
        now, key = self._clock(), (call, sentence)
        last, more = self._told.get(key, (-_PAUSE, 0))
        if now - last < _PAUSE:
            self._told[key] = (last, more + 1)
            return
        self._told[key] = (now, 0)
        log(_log, level, sentence, call=call, **fields, **({"not_told": more} if more else {}))
