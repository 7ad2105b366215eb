"""Who waits for a place at an upstream, and who need not: the one queue in front of its connections.

A caller that joins is in one of three states, and leaves each of them once:

    judged    `join`: refused at once when it could not be served in time, or there is no room
    waiting   in line; those whose request is under way go before first calls, each line first in, first out
    served    `take`: the next one for whom a place is still of use
    dropped   its use has passed: found by `take`, or by `join` when room is needed
    gone      `leave`: it gave up by itself, or its time is over

A queue that only holds calls until their deadlines serves nobody once it is longer than they are: every place goes to a
call that has no time left. So the time that calls take is observed, and what cannot be answered is not sent.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

_GAIN, _SPREAD_GAIN = 1 / 8, 1 / 4  # RFC 6298 §2
_SPREADS = 4  # RFC 6298 §2: so many deviations above the mean are still in time
_REMEMBERED = 32  # calls in a row after which what was known before weighs a seventieth
_PACE_GAIN = 1 / 16
_MOST_TO_SPARE = 1 / 4  # of what is left, so that an uneven upstream is kept busy
_CAUTION = 1.25  # the estimate of a wait is an average: those who are let in should hardly ever be dropped later


class Waiter(Protocol):
    """A waiter; *started*, *deadline* and *waits_until* are in loop time.

    *steps* is how many calls must follow this one before its request is answered; *under_way* tells that an upstream
    has answered a call of that request before.
    """

    started: float
    deadline: float
    waits_until: float
    steps: int
    under_way: bool


W = TypeVar("W", bound=Waiter)


def _tell_nobody(_: object) -> None:
    """Ignore a waiter dropped by a line that has stopped."""


class WaitingLine(Generic[W]):
    """The queue before so many *places*, for *most* callers; *drop* is told of each whose use has passed.

    Those who wait are the *first* calls of requests, and those *following* others of theirs. *observe* records
    that a call took so many seconds in its place. It is called for every call, so it only appends to a list of the
    latest ``_REMEMBERED``; the mean is computed when somebody joins or leaves the line.
    """

    __slots__ = (
        "_drop", "_handed", "_mean", "_most", "_pace", "_places", "_seen", "_spread", "first", "following", "observe",
    )  # fmt: skip

    def __init__(self, places: int, most: int, drop: Callable[[W], None]) -> None:
        self._places = places
        self._most = most
        self._drop = drop
        self.first: OrderedDict[W, None] = OrderedDict()
        self.following: OrderedDict[W, None] = OrderedDict()
        self._mean = self._spread = 0.0
        self._seen: deque[float] = deque(maxlen=_REMEMBERED)
        self.observe: Callable[[float], None] = self._seen.append
        self._pace = self._handed = 0.0

    def __len__(self) -> int:
        return len(self.first) + len(self.following)

    def __iter__(self) -> Iterator[W]:
        yield from self.following
        yield from self.first

    def resize(self, places: int, most: int) -> None:
        """Set the number of *places* and of waiters (*most*); present waiters stay."""
        self._places, self._most = places, most

    # What is known of the upstream.

    def _update(self) -> None:
        """Include the durations observed since the last time in the mean and spread (smoothed as in RFC 6298 §2)."""
        mean, spread = self._mean, self._spread
        for seconds in self._seen:
            off = seconds - mean
            if mean:
                spread += _SPREAD_GAIN * (abs(off) - spread)
                mean += _GAIN * off
            else:
                mean, spread = seconds, seconds / 2
        self._mean, self._spread = mean, spread
        self._seen.clear()

    def learn(self, other: WaitingLine[W]) -> None:
        """Copy the observations of *other*, a line to the same places."""
        other._update()
        self._seen.clear()
        self._mean, self._spread = other._mean, other._spread

    def observe_at_least(self, seconds: float) -> None:
        """Record that a call was cancelled after *seconds*, if that is longer than the mean."""
        self._update()
        if seconds > self._mean:
            self.observe(seconds)

    # In and out.

    def join(self, waiter: W, now: float) -> bool:
        """Put *waiter* in line; return False when it could not be served in time."""
        line = self.following if waiter.under_way else self.first
        self._update()
        if not self._is_in_time(waiter, len(line) + 1, now):
            return False
        if len(self) >= self._most and not self._make_room(waiter, now):
            return False
        if not self.first:
            self._pace, self._handed = self._mean / self._places, now
        line[waiter] = None
        return True

    def take(self, now: float) -> W | None:
        """Return who is served next, None when nobody waits to whom it would be of use."""
        self._update()
        while self.following:
            waiter = self.following.popitem(last=False)[0]
            if not self._is_useless(waiter, now):
                return waiter
            self._drop(waiter)
        while self.first:
            waiter = self.first.popitem(last=False)[0]
            self._pace += _PACE_GAIN * (now - self._handed - self._pace)
            self._handed = now
            if not self._is_useless(waiter, now):
                return waiter
            self._drop(waiter)
        return None

    def leave(self, waiter: W) -> bool:
        """Remove *waiter*; return whether it was in line."""
        for line in (self.following, self.first):
            if waiter in line:
                del line[waiter]
                return True
        return False

    def pop(self) -> W:
        """Remove and return the next waiter. Raises ``KeyError`` when there is none."""
        return (self.following or self.first).popitem(last=False)[0]

    def stop(self) -> None:
        """Drop the callback for dropped waiters: there will be no more waiters."""
        self._drop = _tell_nobody

    # Judgement.

    def _is_in_time(self, waiter: W, position: int, now: float) -> bool:
        """Return whether *waiter*, at *position* of its line, has time for the wait, its call and those that follow.

        A first call may wait for an equal share of what is left, so that as much is kept for each of the others, and
        needs some time to spare. One under way is let in while there is hope: work has been done for it.
        """
        if not self._mean:
            return True
        left = waiter.deadline - now
        rest = self._needed(waiter)
        if waiter.under_way:
            wait = position * self._mean / self._places
        else:
            wait = position * self._pace_now(now) * _CAUTION
            rest += min(_SPREADS * self._spread, _MOST_TO_SPARE * left)
            if wait * (1 + waiter.steps) > left:
                return False
        return wait + rest <= left and now + wait <= waiter.waits_until

    def _pace_now(self, now: float) -> float:
        """Return the seconds from one first call to the next; a line that stands still gets slower."""
        if not self.first:
            return self._mean / self._places
        return max(self._pace, (now - self._handed) * _PACE_GAIN)

    def _needed(self, waiter: W) -> float:
        """Return the seconds that *waiter* and the calls after it will take once it is served.

        What is given less time than that is another kind of call than most, of which the mean tells little.
        """
        needed, whole = (1 + waiter.steps) * self._mean, waiter.deadline - waiter.started
        return needed if needed < whole else whole / 2

    def _is_useless(self, waiter: W, now: float) -> bool:
        return waiter.deadline - now < self._needed(waiter)

    def _make_room(self, waiter: W, now: float) -> bool:
        """Drop those whose use has passed, the longest waiting first; for one under way, then the newest first call."""
        for line in (self.first, self.following):
            while line and self._is_useless(oldest := next(iter(line)), now):
                del line[oldest]
                self._drop(oldest)
        if len(self) >= self._most and waiter.under_way and self.first:
            self._drop(self.first.popitem()[0])
        return len(self) < self._most
