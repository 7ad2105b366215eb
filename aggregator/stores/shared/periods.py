"""The periods of quotas, which are reckoned once each."""

from __future__ import annotations

from aggregator.stores.quota import Period, Quota

_MOST = 10_000


class Periods:
    """The present periods of quotas."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Quota, Period] = {}

    def at(self, quota: Quota, now: float) -> Period:
        """Return the period of *quota* that the Unix time *now* lies in."""
        known = self._known.get(quota)
        if known is None or not known.start <= now < known.end:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[quota] = quota.period(now)
        return known
