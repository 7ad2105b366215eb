"""Whether a request may come: several windows, of which all grant it or none is charged.

A request that was let through is counted once, whatever becomes of it: also when its client leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from aggregator.codecs import json as json_codec
from aggregator.durations import rate_text
from aggregator.edge.networks import client_key
from aggregator.errors import AggregatorError
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.registry import Draft, Kind
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate, Taken
from aggregator.templates import MISSING, Expression

Clock = Callable[[], float]
"""Gives seconds."""


def buckets(clock: Clock) -> Kind[Rate, Limiter]:
    """Return the kind of the buckets of one window, by caller; they outlive a reload, and a change of their rate."""
    return Kind("rate_limit", lambda rate: Limiter(rate, clock), Limiter.adopt)


_ALL = "all"


class BadCostError(AggregatorError):
    """What a request costs cannot be told from what the client sent."""


class Charge(NamedTuple):
    """What a window says of one request."""

    window: Window
    taken: Taken

    @property
    def plan(self) -> WindowPlan:
        """The plan of the window."""
        return self.window.plan


def _client_of(exchange: Exchange) -> Any:
    return exchange.client or None


_DIRECT: dict[Any, Callable[[Exchange], Any]] = {("request", "client"): _client_of}
"""What is read without the names of expressions: most limits count by it."""


def bucket_of(by: Expression | None, exchange: Exchange, names: Names, *, reads_caller: bool) -> Hashable:
    """Return what requests have in common that are counted together: the value of *by*, null where it cannot be told.

    What *reads_caller* is unique within a scheme and issuer alone. A client's address stands for its network.
    """
    if by is None:
        return _ALL
    try:
        value = by.evaluate(names)
    except AggregatorError:
        value = None
    if value is MISSING:
        value = None
    elif value == exchange.client and value:
        value = client_key(value)
    text = value if isinstance(value, str) else json_codec.encode(value)  # bytes: 1 and "1" differ
    caller = exchange.caller
    if caller is None or not reads_caller:
        return text
    return f"{len(caller.scheme)}:{caller.scheme}{len(caller.issuer)}:{caller.issuer}{text!r}"


class Window:
    """One limit, ready to be asked: *plan* and its *limiter*. *title* and *policy* are what its fields say always."""

    __slots__ = ("_direct", "_limiter", "is_simple", "plan", "policy", "title")

    def __init__(self, plan: WindowPlan, limiter: Limiter) -> None:
        self.plan = plan
        self.title = plan.title.encode()
        self.policy = policy_item(plan)
        self._limiter = limiter
        self._direct = None if plan.by is None else _DIRECT.get(plan.by.path)
        self.is_simple = plan.unless is None and plan.cost is None and (plan.by is None or self._direct is not None)

    def exempts(self, names: Names) -> bool:
        """Return whether *names* are those of a request that is not limited: only true exempts."""
        unless = self.plan.unless
        if unless is None:
            return False
        try:
            return unless.evaluate(names) is True
        except AggregatorError:
            return False

    def key(self, exchange: Exchange, names: Names) -> Hashable:
        """Return the bucket of a request; one whose value is null, or cannot be told, is in that of all such."""
        by = self.plan.by
        if by is None:
            return _ALL
        if self._direct is not None:
            value = self._direct(exchange)
            return b"null" if value is None else client_key(value)
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

    def look(self, key: Hashable, cost: int) -> Taken:
        """Return what taking *cost* would come to."""
        return self._limiter.look(key, cost)

    def take(self, key: Hashable, cost: int) -> Taken:
        """Take *cost*, all of it or nothing."""
        return self._limiter.take(key, cost)


class Decision(NamedTuple):
    """What the windows of one place say: the *charges* of those that do not exempt, the worst *refusal* of them."""

    charges: tuple[Charge, ...]
    refusal: Charge | None
    reported: tuple[Charge, ...] = ()


class Windows:
    """The windows at one place of the order, which decide together."""

    __slots__ = ("_alone", "windows")

    def __init__(self, windows: tuple[Window, ...]) -> None:
        self.windows = windows
        self._alone = windows[0] if len(windows) == 1 and not windows[0].plan.report else None

    def decide(self, exchange: Exchange) -> Decision:
        """Count the request of *exchange*, unless one of them refuses it; raises ``BadCostError``."""
        alone = self._alone
        if alone is None:
            return self._together(exchange, Names(exchange))
        if alone.is_simple:
            charge = Charge(alone, alone.take(alone.key(exchange, _NO_NAMES), 1))
            return Decision((charge,), None if charge.taken.wait == 0.0 else charge)
        names = Names(exchange)
        if alone.exempts(names):
            return _FREE
        charge = Charge(alone, alone.take(alone.key(exchange, names), alone.cost(names)))
        return Decision((charge,), None if charge.taken.wait == 0.0 else charge)

    def _together(self, exchange: Exchange, names: Names) -> Decision:
        asked = [
            (window, window.key(exchange, names), window.cost(names))
            for window in self.windows
            if not window.exempts(names)
        ]
        seen = [Charge(window, window.look(key, cost)) for window, key, cost in asked]
        refusing = [charge for charge in seen if not charge.taken.granted and not charge.plan.report]
        if refusing:
            return Decision(tuple(seen), max(refusing, key=lambda charge: charge.taken.wait))
        charges = tuple(Charge(window, window.take(key, cost)) for window, key, cost in asked)
        return Decision(charges, None, tuple(charge for charge in charges if not charge.taken.granted))


_FREE = Decision((), None)
_NO_NAMES = Names(Exchange("", "", b"", []))
"""For windows that read no names."""


def policy_item(plan: WindowPlan) -> bytes:
    """Return the window of *plan* as an item of ``RateLimit-Policy``: how many may come in how many seconds.

    Buckets refill as time goes by, so the window is what an empty one takes to be full; none is told below a second.
    """
    seconds = math.ceil(plan.rate.span) if plan.rate.span >= 1 else 0
    window = f";w={seconds}" if seconds else ""
    return f'"{plan.title}";q={plan.rate.burst}{window}'.encode()


class KeyWindow(Window):
    """The limit of a caller's key: each key has a bucket."""

    __slots__ = ()

    def key(self, exchange: Exchange, _: Names) -> Hashable:
        """Return the name of the key."""
        return str(exchange.caller.key)


def key_windows(scheme: str, rate: Rate, shared: tuple[WindowPlan, ...], states: Draft, clock: Clock) -> Windows:
    """Return what decides for keys of *scheme* that have *rate*: that, and the windows that endpoints share."""
    title = f"key {rate_text(rate.count, rate.period)}"
    state = f"{scheme} {title}"
    own = KeyWindow(WindowPlan(state, title, rate), states.hold(buckets(clock), state, rate))
    beside = build_windows(shared, states, clock)
    return Windows((own, *(() if beside is None else beside.windows)))


def build_windows(plans: tuple[WindowPlan, ...], states: Draft, clock: Clock) -> Windows | None:
    """Return what decides by *plans*, None when there are none; their buckets are those of *states*."""
    if not plans:
        return None
    kind = buckets(clock)
    return Windows(tuple(Window(plan, states.hold(kind, plan.state, plan.rate)) for plan in plans))
