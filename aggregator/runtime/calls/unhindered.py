"""A call whose policies have nothing to do, as nearly all are: one frame where it begins, and one where it ends.

    starts ── the breaker is closed, and a place is free ──▶ passing ── a good answer ──▶ over: counted, and told
      │                                                        │
      │                                                        └── anything else ──▶ handed over, as if it had been
      │                                                                              theirs since it began
      └── otherwise ──▶ the policies have it from the start

What retries, counts, breaks and limits a call stands around it in the order of ``plan/order/call.py``, and rules all
that happens there. Here stands only what they do to a call that succeeds at once, in the same order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Protocol

from msgspec import Struct

from aggregator.causes import State
from aggregator.parts.frame import Done, Frame, Part, Written
from aggregator.parts.result import Result
from aggregator.policies.breaker.breaker import CLOSED, Breaker
from aggregator.policies.breaker.breaking import BreakerCall, Broken
from aggregator.policies.concurrency.holding import Placed
from aggregator.policies.retry.retrying import Retried
from aggregator.runtime.calls.telling import Counted
from aggregator.telemetry.metrics.histogram import MOST_WAITING
from aggregator.transport.door import Cancelable


class _Over:
    """The ticket of a call that has ended."""

    def cancel(self) -> None:
        """Do nothing: nothing is under way."""


_OVER: Final = _Over()
_OK: Final = State.OK
_FEWEST: Final = 2


class _Step(Cancelable, Protocol):
    """The view of one policy on a call: it is called at the end, and *ticket* cancels what it waits for."""

    ticket: Cancelable | None

    def __call__(self, result: Result) -> None:
        """Handle the end of what the policy waits for."""


class Policies(Struct, frozen=True):
    """The policies around a call, from outside in, each None where it is not declared; *inner* is the call."""

    retried: Retried | None
    counted: Counted | None
    broken: Broken | None
    placed: Placed | None
    inner: Part


class Unhindered:
    """The call *whole*, which consists of *policies*."""

    __slots__ = ("_breakers", "_inner", "_retried", "_whole", "name", "places", "policies", "tally")

    def __init__(self, whole: Part, policies: Policies) -> None:
        self.name = whole.name
        self.policies = policies
        self.tally = None if policies.counted is None else policies.counted.tally
        self._whole = whole
        self._inner = policies.inner
        self._retried = policies.retried
        self._breakers = None if policies.broken is None else policies.broken.breakers
        self.places = None if policies.placed is None else policies.placed.places

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call directly, or through its policies when one of them has something to do."""
        breakers, places, retried = self._breakers, self.places, self._retried
        breaker, era = None, 0
        if breakers is not None:
            breaker = breakers.only
            if breaker is None or breaker.phase is not CLOSED:
                return self._whole.start(frame, done)
            era = breaker.era
        if places is not None:
            if places.queued or places.inside >= places.limit:
                return self._whole.start(frame, done)
            places.inside += 1
        now, first, written = frame.loop.time(), frame, None
        if retried is not None:  # as it does itself
            budget, due, written = retried.budget, now + retried.first, Written()
            if budget.begins <= now < budget.ends:
                budget.calls += 1
            else:
                budget.called(now)
            if due > frame.deadline:
                due = frame.deadline
            first = Frame(frame.exchange, frame.names, due, frame.loop, frame.wanted, frame.conditions, written)
        passing = _Passing(self, frame, written, done, now, breaker, era)
        ticket = self._inner.start(first, passing)
        if passing.ticket is None:
            passing.ticket = ticket
            return passing
        return None if passing.ticket is _OVER else passing


class _Passing(Struct, eq=False):
    """One call, *started* then (loop time) in *era* of *breaker*, which holds a place where *call* needs one.

    *ticket* is None while it begins, then what carries it, or the first of the *policies* that it was handed over to.
    """

    call: Unhindered
    frame: Frame
    written: Written | None
    done: Done
    started: float
    breaker: Breaker | None
    era: int
    ticket: Cancelable | None = None
    policies: tuple[_Step, ...] = ()

    def __call__(self, result: Result) -> None:
        """Count a good *result*, and pass it on; leave any other one to the policies."""
        if self.ticket is _OVER:
            return
        if result.state is not _OK or result.cause is not None or not 200 <= result.status < 300:
            self._hand_over()[-1](result)
            return
        self.ticket = _OVER
        ended, call = result.ended, self.call
        seconds = ended - result.started
        places, breaker, tally = call.places, self.breaker, call.tally
        if places is not None:
            places.leave(ended, seconds if result.attempts else None)
        if breaker is not None:
            breaker.ended(self.era, ended, failed=False, seconds=seconds)
        if tally is not None:  # as ``Counted`` does
            durations = tally.durations
            waiting = durations.waiting
            waiting.append(seconds)
            if len(waiting) >= MOST_WAITING:
                durations.fold()
        self.done(result)

    def cancel(self) -> None:
        """Cancel the call."""
        if self.ticket is not _OVER:
            policies = self.policies or self._hand_over()
            self.ticket = _OVER
            policies[0].cancel()

    def _hand_over(self) -> tuple[_Step, ...]:
        """Return what each policy would have made of the call by now, from outside in; they have it from here on."""
        declared, frame, done = self.call.policies, self.frame, self._ended
        steps: list[_Step] = []
        if declared.retried is not None and self.written is not None:
            steps.append(declared.retried.taken_up(frame, self.written, done, self.started))
        if declared.counted is not None:
            steps.append(declared.counted.taken_up(frame, steps[-1] if steps else done, self.started))
        if self.breaker is not None:
            steps.append(BreakerCall(self.breaker, self.era, frame.loop, steps[-1] if steps else done))
        if declared.placed is not None:
            steps.append(declared.placed.taken_up(frame, steps[-1]))
        for outer, inner in pairwise(steps):
            outer.ticket = inner
        steps[-1].ticket = self.ticket
        self.policies = tuple(steps)
        self.ticket = steps[0]
        return self.policies

    def _ended(self, result: Result) -> None:
        """Pass on what the policies have made of the call."""
        self.ticket = _OVER
        self.policies = ()
        self.done(result)


def unhindered(whole: Part) -> Part:
    """Return *whole*, a call with what is around it, so that policies with nothing to do cost little.

    What is around the call has to begin with a retry, a count, a breaker or places, in this order; what follows after
    them may be anything. One alone is left as it is.
    """
    part = whole
    retried = counted = broken = placed = None
    if isinstance(part, Retried):
        retried, part = part, part.inner
    if isinstance(part, Counted):
        counted, part = part, part.inner
    if isinstance(part, Broken):
        broken, part = part, part.inner
    if isinstance(part, Placed):
        placed, part = part, part.inner
    if sum(one is not None for one in (retried, counted, broken, placed)) < _FEWEST:
        return whole
    return Unhindered(whole, Policies(retried, counted, broken, placed, part))
