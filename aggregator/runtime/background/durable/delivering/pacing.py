"""How fast an upstream is sent what waits for it, when it fails, or takes no more at once.

    well ── FAILS deliveries fail one after the other ──▶ slow: one at a time, each a pause behind the last that failed
    ▲───── one arrives, if only to be refused ────────┘

    wide ── one finds no place, or no turn ──▶ narrow: as many as had found one, and one more for each that arrives
    ▲──────── as many as there may be ─────────────┘

Trying all that waits as fast as it fails would take its time from requests, and from an upstream that comes back; so
would looking at all that waits for the one place, or turn, that there is.
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

    It *is_told* once its pauses have grown to the longest: one that fails now and then is no news. As many as *width*
    go at once where the upstream has no place for more; 0 where that is not so.
    """

    failed: int = 0
    pause: float = 0.0
    until: float = 0.0
    is_told: bool = False
    width: int = 0

    @property
    def is_slow(self) -> bool:
        """Whether the upstream gets one delivery at a time."""
        return self.failed >= FAILS

    def is_over(self, now: float) -> bool:
        """Return whether the next delivery may begin *now*; a clock that has jumped makes no pause longer."""
        return not 0 < self.until - now <= MOST_ASKED

    def rest(self, now: float, asked: float) -> None:
        """Begin a pause, of *asked* seconds where that is longer; of those under way together the first one does."""
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
        pace.failed += 1
        if pace.is_slow:
            pace.rest(now, asked)
        is_news = not pace.is_told and pace.pause == MOST
        pace.is_told |= is_news
        return is_news

    def untried(self, upstream: str, others: int, now: float, seconds: float | None) -> None:
        """Take note that one found no place, or no turn, at *upstream*, while so many *others* are under way there.

        With none, one is tried again in so many *seconds*, or after a pause that grows where nobody knows how long.
        """
        pace = self._paces.setdefault(upstream, Pace())
        pace.width = max(1, others)
        if others:
            return
        if seconds is None:
            pace.rest(now, 0.0)
        else:
            pace.until = now + min(seconds, MOST_ASKED)

    def arrived(self, upstream: str) -> bool:
        """Take note that a delivery to *upstream* has arrived; return whether that is to be told."""
        pace = self._paces.pop(upstream, None)
        if pace is None:
            return False
        if pace.width:
            self._paces[upstream] = Pace(width=pace.width + 1)
        return pace.is_told

    def places(self, upstream: str, most: int, now: float) -> int:
        """Return how many deliveries to *upstream* may be under way *now*, of *most*."""
        pace = self._paces.get(upstream)
        if pace is None:
            return most
        if not pace.is_over(now):
            return 0
        return 1 if pace.is_slow else min(most, pace.width or most)

    def newest(self, upstreams: Iterable[str]) -> frozenset[str]:
        """Return those of *upstreams* that are slow and get what is new: every other time.

        So what it would take is not kept for hours behind many that it does not, as those to one path that is broken.
        """
        paces = ((name, self.of(name)) for name in upstreams) if self._paces else ()
        return frozenset(name for name, pace in paces if pace is not None and pace.failed % 2)

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
