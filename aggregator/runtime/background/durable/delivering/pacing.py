"""How fast an upstream is tried that fails: one delivery at a time, with a pause behind each that grows.

    well ── FAILS deliveries fail one after the other ──▶ slow: one at a time, each a pause behind the last that failed
    ▲───── one arrives, if only to be refused ────────┘

Trying all that waits as fast as it fails would take its time from requests, and from an upstream that comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

FAILS: Final = 5
"""Deliveries that fail one after the other until an upstream counts as one that fails."""
FIRST: Final = 0.05
"""Seconds of the first pause; each is twice the one before."""
MOST: Final = 1.0
"""Seconds of a pause at most: so soon one that is back is noticed, and so rarely one that is dead costs a call."""
MOST_ASKED: Final = 60.0
"""Seconds of a pause at most that an upstream asks for by ``Retry-After``."""


class Pace(Struct):
    """How many deliveries to an upstream have *failed* in a row, the last *pause*, and *until* when it is (Unix time).

    It *is_told* once its pauses have grown to the longest: one that fails now and then is no news.
    """

    failed: int = 0
    pause: float = 0.0
    until: float = 0.0
    is_told: bool = False

    @property
    def is_slow(self) -> bool:
        """Whether the upstream gets one delivery at a time."""
        return self.failed >= FAILS

    def is_over(self, now: float) -> bool:
        """Return whether the next delivery may begin *now*; a clock that has jumped makes no pause longer."""
        return not 0 < self.until - now <= MOST_ASKED

    def failed_at(self, now: float, asked: float) -> None:
        """Take note that a delivery has failed, and that the upstream has *asked* for so many seconds of rest.

        Of those that were under way together the first one makes the pause.
        """
        self.failed += 1
        if not self.is_slow:
            return
        if self.is_over(now):
            self.pause = min(max(FIRST, 2 * self.pause), MOST)
            self.until = now + self.pause
        self.until = max(self.until, now + min(asked, MOST_ASKED))


class Paces:
    """The pace of each upstream to which deliveries fail."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = {}

    def failed(self, upstream: str, now: float, asked: float = 0.0) -> bool:
        """Take note that a delivery to *upstream* has failed; return whether that is to be told.

        The upstream has *asked* for so many seconds of rest.
        """
        pace = self._paces.setdefault(upstream, Pace())
        pace.failed_at(now, asked)
        is_news = not pace.is_told and pace.pause == MOST
        pace.is_told |= is_news
        return is_news

    def arrived(self, upstream: str) -> bool:
        """Take note that a delivery to *upstream* has arrived; return whether that is to be told."""
        pace = self._paces.pop(upstream, None)
        return pace is not None and pace.is_told

    def places(self, upstream: str, most: int, now: float) -> int:
        """Return how many deliveries to *upstream* may be under way *now*, of *most*."""
        pace = self._paces.get(upstream)
        if pace is None or not pace.is_slow:
            return most
        return int(pace.is_over(now))

    def next_at(self, upstreams: Iterable[str], now: float) -> float | None:
        """Return when the first pause of one of *upstreams* is over (Unix time); None if there is none."""
        paces = (self._paces.get(upstream) for upstream in upstreams)
        return min((pace.until for pace in paces if pace is not None and not pace.is_over(now)), default=None)

    def let_go(self) -> None:
        """End all pauses; those that follow grow from the first one."""
        for pace in self._paces.values():
            pace.pause = pace.until = 0.0

    def of(self, upstream: str) -> Pace | None:
        """Return the pace of *upstream* where it is slow."""
        pace = self._paces.get(upstream)
        return pace if pace is not None and pace.is_slow else None
