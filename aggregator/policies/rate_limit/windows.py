"""Limits of requests: several windows, of which all grant a request or none is charged.

A request that was let through is counted once, whatever becomes of it: also when its client leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.rate_limit.keys import ALL, DIRECT, bucket_of
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.stores.rate import Rate, Taken
from aggregator.transport.door import Cancelable

Clock = Callable[[], float]
"""Returns a time in seconds."""


class BadCostError(AggregatorError):
    """The cost of a request cannot be computed from what the client sent."""


class Charge(NamedTuple):
    """The answer of a window to one request."""

    window: Window
    taken: Taken

    @property
    def plan(self) -> WindowPlan:
        """The plan of the window."""
        return self.window.plan


class Counts(Protocol):
    """The counts of a window by key: buckets of a rate, or the use of a quota."""

    def look(self, key: Any, cost: int) -> Taken:
        """Return what taking *cost* would come to."""

    def take(self, key: Any, cost: int) -> Taken:
        """Take *cost*, all of it or nothing."""


def _all(_: Exchange) -> str:
    return ALL


def policy_item(title: str, rate: Rate) -> bytes:
    """Return a window of *rate* as an item of ``RateLimit-Policy``: how many may come in how many seconds.

    Buckets refill as time goes by, so the window is what an empty one takes to be full; none is told below a second.
    """
    seconds = math.ceil(rate.span) if rate.span >= 1 else 0
    window = f";w={seconds}" if seconds else ""
    return f'"{title}";q={rate.burst}{window}'.encode()


class Window:
    """One limit, ready to be asked: *plan* and its *counts*. *title* is what its fields call it always.

    *take* and *look* are those of the counts, by key and cost. *opening* is how its item of ``RateLimit`` begins, up to
    what is left; *is_draft* tells whether there is one.
    """

    __slots__ = (
        "_direct", "_policy", "counts", "is_draft", "is_told", "look", "opening", "plan", "take", "title",
    )  # fmt: skip

    def __init__(self, plan: WindowPlan, counts: Counts, policy: bytes = b"") -> None:
        self.plan = plan
        self.title = plan.title.encode()
        self._policy = policy
        self.counts, self.take, self.look = counts, counts.take, counts.look
        self.opening = b'"%b";r=' % self.title
        self.is_told, self.is_draft = plan.fields != "none", plan.fields == "draft"
        self._direct = None if plan.by is None else DIRECT.get(plan.by.path)

    @property
    def policy(self) -> bytes:
        """The item of ``RateLimit-Policy``."""
        return self._policy

    @property
    def read(self) -> Callable[[Exchange], str | bytes] | None:
        """The function that reads the bucket of a request of cost 1; None where expressions need names."""
        plan = self.plan
        if plan.unless is not None or plan.cost is not None:
            return None
        return _all if plan.by is None else self._direct

    def exempts(self, names: Names) -> bool:
        """Return whether *names* are those of a request that is not limited: only true exempts."""
        unless = self.plan.unless
        if unless is None:
            return False
        try:
            return unless.evaluate(names) is True
        except AggregatorError:
            return False

    def key(self, exchange: Exchange, names: Names) -> str | bytes:
        """Return the bucket of a request; one whose value is null, or cannot be told, is in that of all such."""
        by = self.plan.by
        if by is None:
            return ALL
        if self._direct is not None:
            return self._direct(exchange)
        return bucket_of(by, exchange, names, reads_caller=self.plan.reads_caller)

    def cost(self, names: Names) -> int:
        """Return how many requests one counts for; raises ``BadCostError`` when it is no number."""
        if self.plan.cost is None:
            return 1
        try:
            value = self.plan.cost.evaluate(names)
        except AggregatorError:
            value = None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadCostError("What this request costs cannot be told from what was sent.")
        return max(1, math.ceil(value))

    def hear(self, key: str | bytes, taken: Taken) -> None:
        """Record what the store, which counts for all, has answered for *key*."""


class Decision(Struct, frozen=True, gc=False):
    """The decision of the windows at one place: the *charges* of those that do not exempt, the worst *refusal*."""

    charges: tuple[Charge, ...]
    refusal: Charge | None
    reported: tuple[Charge, ...] = ()


class Pending(Protocol):
    """A decision of which others have a part: they are asked once it is started."""

    def start(self, decided: Callable[[Decision], None]) -> Cancelable:
        """Ask; *decided* gets the decision once, maybe before this returns, unless the request is cancelled."""


class Decides(Protocol):
    """The contract of what decides at one place of the order."""

    def decide(self, exchange: Exchange) -> Decision | Pending:
        """Count the request of *exchange*, unless a window refuses it; raises ``BadCostError``."""


class Alone(NamedTuple):
    """A *window* that decides by itself, and what *reads* the bucket of a request."""

    window: Window
    reads: Callable[[Exchange], str | bytes]


class Windows:
    """The windows at one place of the order, which decide together by the counts of this process."""

    __slots__ = ("_alone", "_read", "windows")

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.windows = windows
        self._alone = windows[0] if len(windows) == 1 and not windows[0].plan.report else None
        self._read = None if self._alone is None else self._alone.read

    @property
    def alone(self) -> Alone | None:
        """The only window, with the function that reads its key; None with more windows, or where names are needed."""
        return None if self._alone is None or self._read is None else Alone(self._alone, self._read)

    def decide(self, exchange: Exchange) -> Decision:
        """Count the request of *exchange*, unless one of them refuses it; raises ``BadCostError``."""
        alone = self._alone
        if alone is None:
            return self._together(exchange, Names(exchange))
        if self._read is not None:
            taken = alone.take(self._read(exchange), 1)
            if taken.wait == 0.0 and not alone.is_told:
                return FREE
            return _decision(Charge(alone, taken))
        names = Names(exchange)
        if alone.exempts(names):
            return FREE
        return _decision(Charge(alone, alone.take(alone.key(exchange, names), alone.cost(names))))

    def _together(self, exchange: Exchange, names: Names) -> Decision:
        asked = [
            (window, window.key(exchange, names), window.cost(names))
            for window in self.windows
            if not window.exempts(names)
        ]
        seen = [Charge(window, window.look(key, cost)) for window, key, cost in asked]
        refusing = [charge for charge in seen if not charge.taken.granted and not charge.plan.report]
        if refusing:
            left = [
                Charge(window, window.look(key, 0)) if charge.taken.granted else charge
                for charge, (window, key, _) in zip(seen, asked, strict=True)
            ]
            return Decision(tuple(left), max(refusing, key=lambda charge: charge.taken.wait))
        charges = tuple(Charge(window, window.take(key, cost)) for window, key, cost in asked)
        return Decision(charges, None, tuple(charge for charge in charges if not charge.taken.granted))


def _decision(charge: Charge) -> Decision:
    return Decision((charge,), None if charge.taken.wait == 0.0 else charge)


FREE = Decision((), None)
"""The decision that lets a request through without header fields."""
NO_NAMES = Names(Exchange("", "", b"", []))
"""For windows that read no names."""
