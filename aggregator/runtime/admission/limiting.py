"""The gates of limits: 429 with the time to wait for whoever comes too often."""

from __future__ import annotations

import math
from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.policies.callers.counting import AtOnce
from aggregator.policies.rate_limit.windows import (
    FREE,
    Alone,
    BadCostError,
    Charge,
    Decides,
    Decision,
    Pending,
    Windows,
)
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.runtime.finish.limits import ToldCharges, Words, charged
from aggregator.runtime.request.gates import Gate, Told, Verdict
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.transport.door import Cancelable

TOO_MANY = "Too many requests."
AT_ONCE = "Too many requests at once."
TOO_DEAR = "This request costs more than the limit ever grants."
_DAY = 86400


class LimitGate:
    """Asks *windows*; what they say stands in the exchange, for the fields of its answer."""

    __slots__ = ("_refusals", "_windows")

    def __init__(self, windows: Decides, refusals: Refusals) -> None:
        self._windows = windows
        self._refusals = refusals

    def check(self, exchange: Exchange) -> Verdict:
        """Return 429 for a request that comes too often, 400 for one whose cost cannot be told."""
        try:
            decision = self._windows.decide(exchange)
        except BadCostError as error:
            return problem(400, str(error), request_id=exchange.id)
        if decision is FREE:
            return None
        if isinstance(decision, Decision):
            return _judged(decision, exchange, self._refusals)
        return _Asking(decision, exchange, self._refusals)


class LoneLimitGate:
    """Asks the only window of a place, counted by this process, as most limits are: what it says is no decision."""

    __slots__ = ("_is_told", "_reads", "_refusals", "_take", "_window")

    def __init__(self, alone: Alone, refusals: Refusals) -> None:
        self._window, self._reads = alone.window, alone.reads
        self._take, self._is_told = self._window.take, self._window.is_told
        self._refusals = refusals

    def check(self, exchange: Exchange) -> Answer | None:
        """Return 429 for a request that comes too often."""
        taken = self._take(self._reads(exchange), 1)
        charge = Charge(self._window, taken)
        if taken.wait == 0.0:  # as nearly always
            if self._is_told:
                exchange.charges = (*exchange.charges, charge) if exchange.charges else (charge,)
            return None
        return _judged(Decision((charge,), charge), exchange, self._refusals)


class LoneRateGate:
    """The same of a rate, by its *buckets*: nothing is made for a request that is let through.

    What it is told is known by what is left, and after how many seconds the bucket is full again; *first* is what
    the first one from a full bucket is told, as are all that come seldom.
    """

    __slots__ = (
        "_first", "_grant", "_interval", "_known", "_reads", "_refusals", "_seconds", "_slack", "_span", "_window",
        "_words",
    )  # fmt: skip

    def __init__(self, alone: Alone, buckets: Limiter, rate: Rate, refusals: Refusals, words: Words) -> None:
        self._window, self._reads = alone.window, alone.reads
        self._grant = buckets.grant
        self._refusals = refusals
        self._words = words
        self._known: dict[int, ToldCharges] = words.of_one() if self._window.is_told else {}
        self._interval, self._span, self._slack = rate.interval, rate.span, rate.slack
        self._seconds = max(_DAY, ceil(rate.span)) + 1
        self._first = self._tells(rate.interval) if self._window.is_told else None

    def check(self, exchange: Exchange) -> Answer | None:
        """Return 429 for a request that comes too often."""
        used = self._grant(self._reads(exchange))
        if used < 0.0:
            return self._again(exchange)
        first = self._first
        if first is not None:
            told = first if used == self._interval else self._tells(used)
            exchange.charges = (*exchange.charges, *told) if exchange.charges else told
        return None

    def _tells(self, used: float) -> ToldCharges:
        """Return what is told of a bucket that is full again after *used* seconds."""
        left = int((self._span - used) / self._interval + self._slack)
        number = left * self._seconds + ceil(used)
        told = self._known.get(number)
        if told is None:
            told = self._words.keep(self._known, number, ToldCharges.of(charged(self._window, left, used)))
        return told

    def _again(self, exchange: Exchange) -> Answer | None:
        """Return 429 with the time to wait, as the window tells it."""
        charge = Charge(self._window, self._window.take(self._reads(exchange), 1))
        return _judged(Decision((charge,), None if charge.taken.wait == 0.0 else charge), exchange, self._refusals)


def limit_gate(windows: Decides, refusals: Refusals, words: Words) -> Gate:
    """Return the gate that asks *windows*; *words* are what limits tell, which are remembered."""
    alone = windows.alone if isinstance(windows, Windows) else None
    if alone is None:
        return LimitGate(windows, refusals)
    counts, plan = alone.window.counts, alone.window.plan
    if isinstance(counts, Limiter) and isinstance(plan.limit, Rate) and plan.fields != "legacy":
        return LoneRateGate(alone, counts, plan.limit, refusals, words)
    return LoneLimitGate(alone, refusals)


class AtOnceGate:
    """Asks *at_once*; the place of the request stands in the exchange, and is left when its answer has been sent."""

    __slots__ = ("_at_once", "_refusals")

    def __init__(self, at_once: AtOnce, refusals: Refusals) -> None:
        self._at_once = at_once
        self._refusals = refusals

    def check(self, exchange: Exchange) -> Answer | None:
        """Return 429 for a caller who has as many requests under way as there may be."""
        exchange.place = self._at_once.enter(exchange)
        if exchange.place is not None:
            return None
        scheme = "" if exchange.caller is None else exchange.caller.scheme
        self._refusals.tell(exchange, 429, Cause.LIMITED, "concurrency", scheme)
        after = [(b"retry-after", b"1")]
        return problem(429, AT_ONCE, request_id=exchange.id, headers=after, cause=Cause.LIMITED.value)


class KeyRate(NamedTuple):
    """The rate that the file of keys grants a caller of *scheme*."""

    scheme: str
    rate: Rate


class CallerLimitGate:
    """Asks the windows of *keys* for a caller whose key has a rate of its own, *windows* for all others."""

    __slots__ = ("_gate", "_keys")

    def __init__(
        self, windows: Decides | None, keys: Mapping[KeyRate, Decides], refusals: Refusals, words: Words
    ) -> None:
        self._gate = None if windows is None else limit_gate(windows, refusals, words)
        self._keys = {key: limit_gate(one, refusals, words) for key, one in keys.items()}

    def check(self, exchange: Exchange) -> Verdict:
        """Return 429 for a caller who comes too often."""
        caller, gate = exchange.caller, self._gate
        if caller is not None and caller.rate is not None:
            gate = self._keys.get(KeyRate(caller.scheme, caller.rate), gate)
        return None if gate is None else gate.check(exchange)


class _Asking:
    """The verdict of a limit, once what is *pending* is decided."""

    __slots__ = ("_exchange", "_pending", "_refusals", "_told")

    def __init__(self, pending: Pending, exchange: Exchange, refusals: Refusals) -> None:
        self._pending = pending
        self._exchange = exchange
        self._refusals = refusals

    def start(self, told: Told) -> Cancelable:
        """Ask the store that counts for all processes."""
        self._told = told
        return self._pending.start(self._judge)

    def _judge(self, decision: Decision) -> None:
        self._told(_judged(decision, self._exchange, self._refusals))


def _judged(decision: Decision, exchange: Exchange, refusals: Refusals) -> Answer | None:
    """Return the answer of a *decision* that refuses; what it charges stands in the exchange."""
    exchange.charges = (*exchange.charges, *decision.charges) if exchange.charges else decision.charges
    for charge in decision.reported:
        refusals.tell_reported(exchange, f"rate_limit {charge.plan.title}")
    return None if decision.refusal is None else _refused(decision.refusal, exchange, refusals)


def _refused(charge: Charge, exchange: Exchange, refusals: Refusals) -> Answer:
    scheme = "" if exchange.caller is None else exchange.caller.scheme
    refusals.tell(exchange, 429, Cause.LIMITED, f"rate_limit {charge.plan.title}", scheme)
    cause, wait = Cause.LIMITED.value, charge.taken.wait
    if math.isinf(wait):
        return problem(429, TOO_DEAR, request_id=exchange.id, cause=cause)
    after = [(b"retry-after", b"%d" % ceil(wait))]
    return problem(429, TOO_MANY, request_id=exchange.id, headers=after, cause=cause)
