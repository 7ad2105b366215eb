"""What is kept of an answer, and who makes one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from aggregator.exchange import Exchange
from aggregator.http import without
from aggregator.parts.result import Result
from aggregator.runtime.answers.answer import Answer, Tail
from aggregator.runtime.keeping.failures import room_of_failure
from aggregator.runtime.parts.fanout import Run
from aggregator.transport.door import Cancelable

Answered = Callable[[Answer, Run | None], None]
"""Takes the answer and the run that it came from; None when there was none."""


class KeptAnswer(Struct, frozen=True, eq=False):
    """An answer, whose header fields are a *tail*, ready to be written, but for its *age* in seconds when it was made.

    *results* are those that it was made of, kept where background calls read them. *coded* is its body in content
    codings that clients have asked for. Of a *failure* no tail and no body are kept: each names the request that it
    answers, so it is made anew of the results.
    """

    status: int
    tail: Tail
    body: bytes
    results: tuple[Result | None, ...] = ()
    age: float = 0.0
    coded: dict[str, bytes] = field(default_factory=dict)
    failure: Result | None = None

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        failed = 0 if self.failure is None else room_of_failure(self.failure)
        own = len(self.body) + 2 * len(self.tail.lines) + failed
        return own + sum(result.size for result in self.results if result is not None)

    @classmethod
    def of(
        cls, answer: Answer, results: tuple[Result | None, ...], age: float = 0.0, failure: Result | None = None
    ) -> KeptAnswer:
        """Return what is kept of *answer*, which was made of *results*, or of a *failure*, and is of this *age*."""
        if failure is not None:
            return cls(answer.status, Tail.of([]), b"", results, age, failure=failure)
        return cls(answer.status, Tail.of(without(answer.headers, b"age")), answer.body, results, age)


class Maker(Protocol):
    """The maker of the answers of one endpoint."""

    @property
    def has_effects(self) -> bool:
        """Whether background calls follow its answers."""

    @property
    def budget(self) -> float:
        """The seconds that its calls may take."""

    def make(
        self, exchange: Exchange, loop: asyncio.AbstractEventLoop, deadline: float, made: Answered
    ) -> Cancelable | None:
        """Run its calls and make the answer; *made* gets it once."""

    def again(
        self, exchange: Exchange, loop: asyncio.AbstractEventLoop, results: tuple[Result | None, ...],
        failure: Result | None = None,
    ) -> Run:  # fmt: skip
        """Return a run that has ended with *results* before."""

    def fail(self, run: Run, made: Answered) -> Cancelable | None:
        """Make the answer to a *run* that failed; *made* gets it once."""
