"""A request that is made of long values is written in a thread: sorting a body of 1 MiB takes a tenth of a second."""

from __future__ import annotations

from functools import partial
from typing import Any

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Written
from aggregator.plan.analysis.roots import roots_in
from aggregator.plan.calls import CallPlan
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.coding import LARGE, given, read_aside
from aggregator.runtime.parts.blame import blame
from aggregator.runtime.threads import Outcome
from aggregator.transport.door import Cancelable

_SHORT = frozenset({"params", "query", "headers", "cookies", "request", "auth", "index", "now"})
"""Names of what the head of a request bounds."""
_OF_A_LIST = frozenset({"item", "keys"})
"""Names of what a call for each item of a list, or for many of them, is made for."""
_LEAST = 8
"""Bytes that any value is counted as, so that one of many small ones is not walked through to its end."""


def written_aside(sender: Sender, plan: CallPlan, params: tuple[str, ...]) -> Sender | WrittenAside:
    """Return *sender*, or what has a thread write its request where the values that *plan* reads may be long.

    Path parameters, *params*, are short. Placeholders of a URL only look up single values, which takes no time.
    """
    request = plan.request
    short = _SHORT.union(name.partition(":")[0] for name in params)
    reads = roots_in((request.query, request.headers, request.body)) - short
    return WrittenAside(sender, reads) if reads else sender


class WrittenAside:
    """The call of *inner*, whose request is made of what is called *reads*.

    Whatever is short is written where it stands, without a thread.
    """

    __slots__ = ("_inner", "_of_a_list", "_reads")

    def __init__(self, inner: Sender, reads: frozenset[str]) -> None:
        self._inner = inner
        self._reads = reads
        self._of_a_list = reads & _OF_A_LIST

    @property
    def name(self) -> str:
        """The name of the call."""
        return self._inner.name

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Write the request, and send it."""
        written = frame.written
        if (written is not None and written.request is not None) or not self._is_long(frame):
            return self._inner.start(frame, done)
        return _Writing(self._inner, frame, done).begin()

    def _is_long(self, frame: Frame) -> bool:
        """Return whether writing may take more than a few milliseconds."""
        size = len(frame.exchange.content) if "body" in self._reads else 0
        names = frame.names
        if "calls" in self._reads:
            size += sum(result.size for result in names.results if result is not None)
        for name in self._reads:
            result = names.result(name)
            if result is not None:
                size += result.size
        return size > LARGE or any(is_larger(names.get(name), LARGE - size) for name in self._of_a_list)


def is_larger(value: Any, most: int) -> bool:
    """Return whether *value*, which is data, has more than about *most* bytes; it looks no further than that."""
    left, waiting = most, [value]
    while waiting and left >= 0:
        one = waiting.pop()
        many = isinstance(one, dict | list)
        left -= _LEAST * (len(one) + 1) if many else max(_LEAST, len(one)) if isinstance(one, str) else _LEAST
        if many and left >= 0:
            waiting += one
            if isinstance(one, dict):
                waiting += one.values()
    return left < 0


class _Writing:
    """One request. States: *writing* (the ticket is that of a thread), *sent* (it is that of the call), *over*."""

    __slots__ = ("_done", "_frame", "_inner", "_is_sent", "_started", "_ticket")

    def __init__(self, inner: Sender, frame: Frame, done: Done) -> None:
        self._inner = inner
        self._frame = frame
        self._done = done
        self._started = frame.loop.time()
        self._is_sent = False
        self._ticket: Cancelable | None = None

    def begin(self) -> Cancelable:
        """Have a thread write it; who has no way to the upstream is told so before."""
        frame = self._frame
        try:
            self._inner.identity(frame.exchange)
        except AggregatorError as error:
            self._refuse(error)
            return self
        ticket = read_aside(frame.loop, partial(self._inner.render, frame), self._written, frame.deadline)
        if not self._is_sent:
            self._ticket = ticket
        return self

    def _written(self, outcome: Outcome) -> None:
        self._is_sent, self._ticket, frame = True, None, self._frame
        try:
            rendered = given(outcome)
        except AggregatorError as error:
            self._refuse(error)
            return
        if frame.conditions:
            rendered = type(rendered)(rendered.target, rendered.headers + frame.conditions, rendered.body)
        written = frame.written or Written()
        written.request = rendered
        self._ticket = self._inner.start(frame.until(frame.deadline, written), self._done)

    def _refuse(self, error: AggregatorError) -> None:
        self._done(self._inner.refused(blame(error, self._frame.names), self._started))

    def cancel(self) -> None:
        """Give up what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()
