"""An answer that is being made for whoever waits for it: its calls run, then it is put together, maybe at leisure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.contract import Answered
from aggregator.runtime.parts.fanout import Run


class Making:
    """States: running (*run* is under way), finishing (a task is), over. ``cancel`` ends either."""

    __slots__ = ("_task", "exchange", "made", "run")

    def __init__(self, exchange: Exchange, made: Answered) -> None:
        self.exchange = exchange
        self.made = made
        self.run: Run | None = None
        self._task: asyncio.Task[Answer] | None = None

    def await_answer(self, work: Coroutine[Any, Any, Answer], failed: Callable[[BaseException], Answer]) -> None:
        """Wait for what *work* makes; *failed* makes the answer when it raises."""
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(lambda task: self._done(task, failed))

    def _done(self, task: asyncio.Task[Answer], failed: Callable[[BaseException], Answer]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.made(failed(error), None)
        else:
            self.made(task.result(), self.run)

    def cancel(self) -> None:
        """Cancel the run."""
        if self._task is not None:
            self._task.cancel()
        elif self.run is not None:
            self.run.cancel()
