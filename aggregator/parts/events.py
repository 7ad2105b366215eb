"""What is told of calls, requests and background calls that have ended, however they ended, and who hears it.

A call may have been answered, failed, been cancelled, lost a race or been streamed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field

from aggregator.causes import Cause, State
from aggregator.exchange import Exchange
from aggregator.parts.result import Result
from aggregator.telemetry.metrics.histogram import Histogram

_log = logging.getLogger("aggregator.request")

WELL = frozenset(range(200, 300))
"""Statuses of calls that went well."""
NO_EXCHANGE = Exchange("", "", b"", [])
"""The request of a connection that never came to send one."""


class CallEnded(Struct, frozen=True):
    """One call to an upstream, or one attempt at it.

    *part* is the name of the call in its *endpoint* (a key, ``GET /x``), *request* the id of the client's request,
    *attempt* which of the alternatives of the part it was, from 1. *status* is that of the upstream, 0 without one,
    *size* the bytes of its body, decoded. *started* and *ended* are loop time, *sent* and *first_byte* lie between
    them and are 0.0 when there was no answer.
    """

    endpoint: str
    part: str
    upstream: str
    request: str
    attempt: int
    state: State
    cause: Cause | None
    status: int
    size: int
    started: float
    ended: float
    sent: float = 0.0
    first_byte: float = 0.0


class RequestEnded(Struct, frozen=True):
    """One request to an endpoint (its key), with its *request* id and the loop times of its beginning and end.

    *how*: it was ``answered`` with *status*; the client was ``gone`` before (499, which nobody got); or the answer
    ``broke`` off after its head with *status*. *cause* is why it failed, *is_partial* whether parts were missing.
    *size* is what was sent of the body, in bytes, as it left here: before content coding and framing. *parts* are the
    results that an answer was made of, none where it was refused; *failure* is the one that failed it. *reason* says
    why an answer broke off, or why a request met no endpoint; the latter has an empty *endpoint*. *exchange* is the
    request itself, with as much as is known of it, *answer* what was sent (an ``Answer``), None where it was a stream.
    """

    endpoint: str
    request: str
    method: str
    how: Literal["answered", "gone", "broke"]
    status: int
    cause: Cause | None
    is_partial: bool
    started: float
    ended: float
    size: int = 0
    parts: tuple[Result, ...] = ()
    failure: Result | None = None
    reason: str = ""
    exchange: Exchange = field(default_factory=lambda: NO_EXCHANGE)
    answer: Any = None

    @property
    def is_bad(self) -> bool:
        """Whether the answer is a failure of ours, or lacks parts."""
        return self.status >= 500 or self.is_partial


class EffectEnded(Struct, frozen=True):
    """One background call, by its *name*, of the client's *request* (its id).

    *how*: it is ``done`` or ``failed``; its condition had it ``skipped``; it was ``dropped`` where the queue was full,
    or ``lost`` when the process stopped. Of one that failed *reason* says why; *cause* is None where its condition
    could not be evaluated, and *fault* is the place in the program of a fault of ours.
    """

    name: str
    request: str
    how: Literal["done", "failed", "skipped", "dropped", "lost"]
    cause: Cause | None = None
    reason: str = ""
    fault: str = ""


CallListener = Callable[[CallEnded], object]
"""A listener to calls, called in the event loop before their part continues."""
RequestListener = Callable[[RequestEnded], object]
"""A listener to requests, called in the event loop after their answer has left."""
EffectListener = Callable[[EffectEnded], object]
"""A listener to background calls, called in the event loop."""


class AnswerListener(Protocol):
    """A listener to every request; a good answer that lacks nothing is told without an event.

    Nearly all answers are so, and to build the event costs more than to count one.
    """

    def answered(
        self,
        endpoint: str,
        exchange: Exchange,
        status: int,
        parts: tuple[Result, ...],
        seconds: float,
        size: int,
        smooth: bool,
    ) -> bool:
        """Called for a good answer, with the values of ``RequestEnded``; *seconds* is the time that it took.

        It is *smooth* where all its *parts* are there as their upstreams have them now, and tell of nothing inside.
        Return whether its event is wanted after all.
        """

    def __call__(self, event: RequestEnded) -> object:
        """Called for any other end of a request."""


class RationedListener(Protocol):
    """A listener to requests that is asked by ``lets`` before an event is built for it."""

    def lets(self, endpoint: str, status: int) -> bool:
        """Return whether it is to hear of an answer with *status* to *endpoint* (a key); it counts those that are."""

    def __call__(self, event: RequestEnded) -> object:
        """Called for *event*, if ``lets`` has accepted it."""


class CallTally(Protocol):
    """Counts the ends of calls to one upstream: those that went well with a status of 2xx, and all others.

    Who ends a call puts a good one down in ``durations.waiting`` itself: that happens for every call.
    """

    @property
    def durations(self) -> Histogram:
        """The seconds that calls took; those that were good wait here first."""

    def add(self, state: State, cause: Cause | None, status: int, seconds: float) -> None:
        """Count one end of a call: its state, cause, status (0 without one), and the seconds it took."""


class Visitors(list[RequestListener]):
    """Temporary listeners: while there are none, nothing is built for them.

    All of them hear of bad ends. Of good answers *every* has those who hear of each, *answers* those among them who do
    so without an event, as an ``AnswerListener``.
    """

    __slots__ = ("answers", "every")

    def __init__(self) -> None:
        super().__init__()
        self.every: tuple[RequestListener, ...] = ()
        self.answers: tuple[AnswerListener, ...] = ()

    def join(self, one: RequestListener, *, is_content: bool = False) -> None:
        """Add *one*, a listener to every request, or only to bad ends where it *is_content* with these."""
        self.append(one)
        if not is_content:
            self.every += (one,)

    def join_counting(self, one: AnswerListener) -> None:
        """Add *one*, a listener to every request that needs no event for good answers."""
        self.append(one)
        self.answers += (one,)

    def leave(self, one: RequestListener) -> None:
        """Remove the listener *one*."""
        self.remove(one)
        self.every = tuple(other for other in self.every if other != one)
        self.answers = tuple(other for other in self.answers if other != one)


NO_VISITORS = Visitors()
"""Nobody will ever come."""


class Listeners(NamedTuple):
    """The listeners to ended calls, requests and background calls.

    *troubles* hear only of requests to endpoints whose answer is bad, broke off, or was not waited for, *rationed* of
    those of them that they let, *answers* of every request, but of good answers without an event, *late* of good
    answers that took as many seconds or more, *traced* of requests whose trace is told, *given_up* of calls that were
    cancelled: others build no event for them. *visitors* hear of every request, too, and come and go. *tallies* return,
    once a generation, what counts the calls to the upstream of a label: no event is built for those either.
    """

    calls: tuple[CallListener, ...] = ()
    requests: tuple[RequestListener, ...] = ()
    effects: tuple[EffectListener, ...] = ()
    troubles: tuple[RequestListener, ...] = ()
    visitors: Visitors = NO_VISITORS
    tallies: tuple[Callable[[str], CallTally], ...] = ()
    late: tuple[tuple[RequestListener, float], ...] = ()
    traced: tuple[RequestListener, ...] = ()
    given_up: tuple[CallListener, ...] = ()
    rationed: tuple[RationedListener, ...] = ()
    answers: tuple[AnswerListener, ...] = ()

    def beside(self, others: Listeners) -> Listeners:
        """Return these and *others*."""
        return Listeners(
            self.calls + others.calls,
            self.requests + others.requests,
            self.effects + others.effects,
            self.troubles + others.troubles,
            others.visitors if self.visitors is NO_VISITORS else self.visitors,
            self.tallies + others.tallies,
            self.late + others.late,
            self.traced + others.traced,
            self.given_up + others.given_up,
            self.rationed + others.rationed,
            self.answers + others.answers,
        )


NO_LISTENERS = Listeners()
"""Nobody listens, so nothing is built for telling."""


Event = TypeVar("Event", CallEnded, RequestEnded, EffectEnded)


def tell(listeners: Iterable[Callable[[Event], object]], event: Event) -> None:
    """Call each of *listeners* with *event*; one that raises harms no other."""
    for listener in listeners:
        try:
            listener(event)
        except Exception as error:
            tell_failed_listener(error)


def tell_failed_listener(error: Exception) -> None:
    """Log that a listener has raised *error*."""
    _log.error("A listener failed by a fault of the program: %r", error, exc_info=error)
