"""A quota beside other limits, and what an operator asks of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.rate_limit.keys import ALL, DIRECT, counted, named_hashes, value_of
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.windows import NO_NAMES, Counts, Window
from aggregator.stores.rate import Taken
from aggregator.stores.used import Used


class QuotaWindow(Window):
    """One quota, ready to be asked: its *plan*, its use (*used*), and *counts*, which asks a store in place of it."""

    __slots__ = ("_used",)

    def __init__(self, plan: WindowPlan, used: Used, counts: Counts | None = None) -> None:
        super().__init__(plan, used if counts is None else counts)
        self._used = used

    @property
    def policy(self) -> bytes:
        """The item of ``RateLimit-Policy``: a day has 23 to 25 hours, a month 28 to 31 days."""
        period = self._used.present()
        return b'"%b";q=%d;w=%d' % (self.title, self.plan.limit.burst, period.end - period.start)

    @property
    def read(self) -> Callable[[Exchange], str | bytes] | None:
        """The function that reads the hashed key of a request of cost 1; None where expressions need names."""
        return None if super().read is None else partial(self.key, names=NO_NAMES)

    def key(self, exchange: Exchange, names: Names) -> bytes:
        """Return the hash by which a request is counted."""
        by, caller = self.plan.by, exchange.caller
        if by is None:
            return _TOGETHER
        direct = DIRECT.get(by.path)
        value = value_of(by, exchange, names) if direct is None else direct(exchange)
        if caller is None or not self.plan.reads_caller:
            return counted(value)
        return counted(value, caller.scheme, caller.issuer)

    def hear(self, key: str | bytes, taken: Taken) -> None:
        """Record the use that the store last reported, for operators."""
        assert isinstance(key, bytes)
        self._used.note(key, self.plan.limit.burst - taken.remaining)


_TOGETHER = counted(ALL)


class Use(NamedTuple):
    """The use of a quota by one key, and what is *left*."""

    key: bytes
    used: int
    left: int


def uses(used: Used, text: str | None) -> list[Use]:
    """Return what is used by those whose value an operator calls *text*; by all without it, who used most first."""
    named = None if text is None else named_hashes(text)
    found = [
        Use(key, count, max(0, used.quota.count - count))
        for key, count in used.counts()
        if named is None or key[-16:] in named
    ]
    return sorted(found, key=lambda use: -use.used)
