"""Functions of users: ``async def`` is awaited, plain ``def`` runs in a thread, so that neither blocks the loop."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from aggregator.errors import AggregatorError, CallError, Cause, StartupError
from aggregator.runtime.frame import Cancelable, Done, Frame, Part
from aggregator.runtime.result import Result, failed
from aggregator.exchange import State

Function = Callable[[Any], Awaitable[Any]]


def load_function(reference: str, executor: ThreadPoolExecutor) -> Function:
    """Give the function ``module:name`` as one that can be awaited; raises ``StartupError`` that names the fix."""
    module_name, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module_name), name)
    except ImportError as error:
        raise StartupError(f"The plug-in '{module_name}' cannot be imported: {error}.") from None
    except AttributeError:
        raise StartupError(f"The plug-in '{module_name}' has no function '{name}'.") from None
    except Exception as error:
        raise StartupError(f"The plug-in '{module_name}' failed while it was imported: {error!r}.") from None
    if not callable(found):
        raise StartupError(f"'{reference}' is not a function.")
    return _guarded(found if _is_async(found) else _threaded(found, executor), reference)


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def _threaded(function: Callable[[Any], Any], executor: ThreadPoolExecutor) -> Function:
    async def call(value: Any) -> Any:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(executor, context.run, function, value)

    return call


def _guarded(function: Function, reference: str) -> Function:
    async def call(value: Any) -> Any:
        try:
            return await function(value)
        except AggregatorError:
            raise
        except Exception as error:
            raise CallError(Cause.EXPRESSION, f"The function '{reference}' failed.") from error

    return call


class Transformed:
    """A part whose successful result goes through a function; the time for it counts against the deadline."""

    __slots__ = ("_function", "_inner", "name")

    def __init__(self, inner: Part, function: Function) -> None:
        self.name = inner.name
        self._inner = inner
        self._function = function

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the inner part; its success is handed to the function in a task."""
        return _Transforming(self._inner, self._function, frame, done)


class _Transforming:
    __slots__ = ("_done", "_frame", "_function", "_task", "_ticket")

    def __init__(self, inner: Part, function: Function, frame: Frame, done: Done) -> None:
        self._function = function
        self._frame = frame
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self._ticket = inner.start(frame, self._ended)

    def _ended(self, result: Result) -> None:
        if result.state is not State.OK:
            self._done(result)
            return
        self._task = self._frame.loop.create_task(self._apply(result))

    async def _apply(self, result: Result) -> None:
        try:
            async with asyncio.timeout_at(self._frame.deadline):
                result.value = await self._function(result.value)
        except TimeoutError:
            result = self._failure(result, CallError(Cause.DEADLINE, "A function of a plug-in took too long."))
        except CallError as error:
            result = self._failure(result, error)
        except AggregatorError as error:
            result = self._failure(result, CallError(Cause.EXPRESSION, str(error)))
        result.ended = self._frame.loop.time()
        self._done(result)

    def _failure(self, result: Result, error: CallError) -> Result:
        failure = failed(result.name, error, upstream=result.upstream, status=result.status)
        failure.started = result.started
        return failure

    def cancel(self) -> None:
        """Give up the call or the function, whichever is under way."""
        if self._task is not None:
            self._task.cancel()
        elif self._ticket is not None:
            self._ticket.cancel()
