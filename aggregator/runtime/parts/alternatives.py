"""Several calls for one result: one after another until one succeeds, or side by side until one wins.

What was tried before is kept with its reason. All by callback, no task.
"""

from __future__ import annotations

from aggregator.exchange import State
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.transport.door import Cancelable


class Fallback:
    """Alternatives in order: the next one starts when the one before failed; the reasons are kept."""

    __slots__ = ("_choices", "name")

    def __init__(self, name: str, choices: tuple[Part, ...]) -> None:
        self.name = name
        self._choices = choices

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Try the first one."""
        return _Trying(self._choices, self.name, frame, done)


class _Trying:
    __slots__ = ("_choices", "_done", "_frame", "_name", "_over", "_ticket", "_tried")

    def __init__(self, choices: tuple[Part, ...], name: str, frame: Frame, done: Done) -> None:
        self._choices = choices
        self._name = name
        self._frame = frame
        self._done = done
        self._over = False
        self._tried: list[Result] = []
        self._ticket: Cancelable | None = None
        self._next()

    def _next(self) -> None:
        number = len(self._tried)
        ticket = self._choices[number].start(self._frame, self._ended)
        if len(self._tried) == number:  # otherwise it has ended already, and maybe the next one runs
            self._ticket = ticket

    def _ended(self, result: Result) -> None:
        if self._over:
            return
        self._ticket = None
        self._tried.append(result)
        if result.state is State.FAILED and len(self._tried) < len(self._choices):
            self._next()
            return
        result.name = self._name
        result.attempts = sum(tried.attempts for tried in self._tried)
        result.started = self._tried[0].started
        if any(tried.met for tried in self._tried):
            result.has_met(tuple(word for tried in self._tried for word in tried.words))
        result.tried = (*self._tried[:-1], *result.tried)
        self._done(result)

    def cancel(self) -> None:
        """Cancel the one under way."""
        self._over = True
        if self._ticket is not None:
            self._ticket.cancel()


class Race:
    """Runners that start together; the first success is the result, the others are cancelled."""

    __slots__ = ("_runners", "name")

    def __init__(self, name: str, runners: tuple[Part, ...]) -> None:
        self.name = name
        self._runners = runners

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start all of them."""
        racing = _Racing(self._runners, self.name, done)
        racing.begin(frame)
        return racing


class _Racing:
    """One race. Without a winner the result is that of the first runner in declared order, whichever failed first."""

    __slots__ = ("_done", "_lost", "_name", "_over", "_runners", "_tickets")

    def __init__(self, runners: tuple[Part, ...], name: str, done: Done) -> None:
        self._runners = runners
        self._name = name
        self._done = done
        self._over = False
        self._lost: dict[int, Result] = {}
        self._tickets: dict[int, Cancelable] = {}

    def begin(self, frame: Frame) -> None:
        """Start the runners; those behind one that wins at once stay where they are."""
        for number, runner in enumerate(self._runners):
            if self._over:
                return
            ticket = runner.start(frame, lambda result, number=number: self._ended(number, result))  # type: ignore[misc]
            if ticket is not None and number not in self._lost and not self._over:
                self._tickets[number] = ticket

    def _ended(self, number: int, result: Result) -> None:
        if self._over:
            return
        self._tickets.pop(number, None)
        if result.is_there:
            self._finish(result, [self._lost[place] for place in sorted(self._lost)])
            return
        self._lost[number] = result
        if len(self._lost) == len(self._runners):
            in_order = [self._lost[place] for place in sorted(self._lost)]
            speaker = next((lost for lost in in_order if lost.state is State.FAILED), in_order[0])
            self._finish(speaker, [lost for lost in in_order if lost is not speaker])

    def _finish(self, result: Result, others: list[Result]) -> None:
        still_running = len(self._tickets)
        self.cancel()
        result.name = self._name
        result.attempts += still_running + sum(other.attempts for other in others)
        result.tried = (*others, *result.tried)
        self._done(result)

    def cancel(self) -> None:
        """Cancel all that are still running."""
        self._over = True
        for ticket in self._tickets.values():
            ticket.cancel()
        self._tickets.clear()
