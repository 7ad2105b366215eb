"""Functions of users: ``async def`` is awaited, plain ``def`` runs in a thread, so that neither blocks the loop."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

from aggregator.errors import AggregatorError, CallError, Cause, StartupError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.runtime.coding import LARGE, LATE, aside
from aggregator.runtime.jobs import Busy
from aggregator.runtime.plugins.code import code_digest
from aggregator.runtime.threads import NOT_BEGUN, Threads
from aggregator.telemetry.logging import log
from aggregator.telemetry.stacks import frames_of
from aggregator.transport.door import Cancelable

_log = logging.getLogger("aggregator.plugin")
THREADS = 32
_TOLD_EVERY = 60.0

Function = Callable[[Any], Awaitable[Any]]


class Plugins:
    """The modules and functions that a configuration names. A module is imported once in a process.

    Modules in *folder*, which is that of the configuration, can be imported, and come before installed ones: from the
    first plug-in on, since a file there may have the name of a module that a library imports later.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._threads = Threads(THREADS, self._tell_full)
        self._told_full = -math.inf
        self._functions: dict[str, Function] = {}
        self._stamps: dict[str, tuple[Path, int]] = {}
        self._codes: dict[str, bytes] = {}
        self.code = b""
        """What tells the code of the modules that were loaded last from other code; empty without modules."""
        self._folder = folder

    def load(self, modules: Iterable[str]) -> None:
        """Import *modules*; raises ``StartupError`` that names the fix. May be called in a thread."""
        names = tuple(modules)
        for module in names:
            self._import(module)
        self.code = b"".join(self._codes.get(name, b"") for name in names)

    def function(self, reference: str) -> Function:
        """Return the function ``module:name`` to be awaited; raises ``StartupError`` that names the fix."""
        known = self._functions.get(reference)
        if known is not None:
            return known
        module, _, name = reference.partition(":")
        found = self._import(module)
        for step in name.split("."):
            found = getattr(found, step, None)
        if found is None:
            raise StartupError(f"The plug-in '{module}' has no function '{name}'; define it, or correct the name.")
        if not callable(found):
            raise StartupError(f"'{reference}' is not a function.")
        function = self._functions[reference] = self._awaitable(found, reference)
        return function

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the modules were imported from."""
        return tuple(path for path, _ in self._stamps.values())

    def changed(self) -> tuple[str, ...]:
        """Return the modules whose files have changed since they were imported."""
        return tuple(name for name, (path, stamp) in self._stamps.items() if _stamp(path) not in (stamp, 0))

    def tell_changed(self) -> None:
        """Log which modules are not what their files hold now."""
        if stale := self.changed():
            log(_log, logging.WARNING, "Plug-ins have changed; restart the server to run the new code.", plugins=stale)

    def close(self) -> None:
        """End the threads."""
        self._threads.close()

    def _tell_full(self) -> None:
        """Log which functions have taken all threads, at most once a minute."""
        now = time.monotonic()
        if now - self._told_full < _TOLD_EVERY:
            return
        self._told_full = now
        running = self._threads.running
        names = Counter(work.name for work in running)
        log(_log, logging.ERROR, "Functions of plug-ins wait: all threads are taken.", threads=THREADS,
            functions=", ".join(f"{name} {count}" for name, count in names.most_common()),
            longest=round(now - running[0].since, 3) if running else 0.0,
            where=running[0].at.where if running else "")  # fmt: skip

    def tell_left_behind(self) -> None:
        """Log which functions still run: the process ends without waiting for them."""
        now = time.monotonic()
        for work in self._threads.running:
            log(_log, logging.WARNING, "A function of a plug-in still runs while the server stops; it is left behind.",
                function=work.name, seconds=round(now - work.since, 3), where=work.at.where)  # fmt: skip

    def _import(self, name: str) -> Any:
        if self._folder is not None and str(self._folder) not in sys.path:
            sys.path.insert(0, str(self._folder))
        try:
            invalidate_caches()  # the file may be younger than the last look into its folder
            module = import_module(name)
        except ModuleNotFoundError as error:
            missing = f" ('{error.name}' is missing)" if error.name != name else ""
            raise StartupError(
                f"The plug-in '{name}' cannot be imported{missing}; put it beside the configuration, or install it."
            ) from None
        except (Exception, SystemExit) as error:
            raise StartupError(f"The plug-in '{name}' failed while it was imported: {_place(error)}.") from None
        if name not in self._stamps and getattr(module, "__file__", None):
            path = Path(str(module.__file__))
            self._stamps[name] = (path, _stamp(path))
            self._codes[name] = code_digest(path)
        return module

    def _awaitable(self, function: Any, reference: str) -> Function:
        call = function if _is_async(function) else self._threaded(function, reference)

        async def guarded(value: Any) -> Any:
            try:
                return await call(value)
            except AggregatorError:
                raise
            except (Exception, SystemExit) as error:
                raise _failure_of(reference, error) from None
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                raise _failure_of(reference, error) from None  # nobody cancelled it: the function says so itself

        return guarded

    def _threaded(self, function: Callable[[Any], Any], reference: str) -> Function:
        threads = self._threads

        async def call(value: Any) -> Any:
            try:
                result, error = await threads.run(function, value, reference)
            except Busy:
                raise CallError(Cause.QUEUE_FULL, f"The system has no thread for the function '{reference}'.") from None
            if error is None:
                return await result if inspect.isawaitable(result) else result
            if isinstance(error, AggregatorError):
                raise error
            raise _failure_of(reference, error)  # raised as it is, some would end the task, and some the server

        return call


def _failure_of(reference: str, error: BaseException) -> CallError:
    """Return the failure that *error* is to the client, and log where it was raised."""
    log(_log, logging.ERROR, "A function of a plug-in failed.", function=reference, error=_place(error))
    return CallError(Cause.FAULT, f"The function '{reference}' failed.")


def _is_async(function: Any) -> bool:
    return any(inspect.iscoroutinefunction(found) for found in (function, getattr(type(function), "__call__", None)))  # noqa: B004


def _place(error: BaseException) -> str:
    """Return what *error* is, and the line that raised it."""
    frames = frames_of(error)
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"{text}, at {frames[-1]}" if frames else text


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


_TOOK = "A function of a plug-in took too long."
_WAITED = "A function of a plug-in waited too long for a thread."
_UNWRITTEN = "The time was over before the result of a function was written."


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
    """The call under way, then its function.

    States of the function: *reading* (a thread of bodies decodes a long body for it), *asked* (it runs, or waits for a
    thread of functions), *writing* (a thread of bodies encodes what it made of a long body). A body that is not long
    knows only the second. ``_late`` is what the client is told when the time is over in the present one.
    """

    __slots__ = ("_done", "_frame", "_function", "_late", "_task", "_ticket")

    def __init__(self, inner: Part, function: Function, frame: Frame, done: Done) -> None:
        self._function = function
        self._frame = frame
        self._done = done
        self._late = _TOOK
        self._task: asyncio.Task[None] | None = None
        self._ticket = inner.start(frame, self._ended)

    def _ended(self, result: Result) -> None:
        if not result.is_there:
            self._done(result)
            return
        self._task = self._frame.loop.create_task(self._apply(result))

    async def _apply(self, result: Result) -> None:
        is_long = result.size > LARGE
        try:
            async with asyncio.timeout_at(self._frame.deadline):
                if is_long:
                    await self._transform_long(result)
                else:
                    result.value = await self._function(result.own_value)
        except TimeoutError as late:
            waited = self._late is _TOOK and NOT_BEGUN in getattr(late.__cause__, "__notes__", ())
            self._fail(result, CallError(Cause.DEADLINE, _WAITED if waited else self._late))
        except AggregatorError as error:
            self._fail(result, error)
        else:
            result.ended = self._frame.loop.time()
            self._done(result)

    async def _transform_long(self, result: Result) -> None:
        """Transform *result*, whose body a thread decodes before and encodes after."""
        self._late = LATE
        given = await aside(lambda: result.own_value, self._frame.deadline)
        self._late = _TOOK
        result.value = await self._function(given)
        self._late = _UNWRITTEN
        with suppress(AggregatorError):  # told where it is written
            await aside(lambda: result.json, self._frame.deadline)

    def _fail(self, result: Result, error: AggregatorError) -> None:
        now = self._frame.loop.time()
        self._done(failed(result.name, error, result.started, now, upstream=result.upstream, status=result.status))

    def cancel(self) -> None:
        """Cancel the call or the function, whichever is under way."""
        if self._task is not None:
            self._task.cancel()
        elif self._ticket is not None:
            self._ticket.cancel()
