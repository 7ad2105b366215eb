"""An event loop whose clock leaps: where nothing is to be done but wait, the time that is waited for has come at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Leaping(asyncio.SelectorEventLoop):
    """A loop that begins at the time 0 and sleeps for nothing but what comes from outside."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the seconds that have been waited for."""
        return self.now


class _Selector(selectors.DefaultSelector):
    """Waits for what comes over descriptors; a time-out is over at once, and moves the clock of *loop*."""

    def __init__(self, loop: Leaping) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what has come."""
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self._loop.now = round(self._loop.now + timeout, 9)
        return found


def leap(main: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of *main*, run by a loop whose clock leaps."""
    with asyncio.Runner(loop_factory=Leaping) as runner:
        return runner.run(main)


def in_leaps(test: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Return *test*, a coroutine function, as one that is run by a loop whose clock leaps."""

    @wraps(test)
    def run(*args: Arguments.args, **named: Arguments.kwargs) -> None:
        leap(test(*args, **named))

    return run
