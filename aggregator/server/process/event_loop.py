"""The event loop of the server: uvloop where it is installed, which serves about twice as much."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Literal, TypeVar

from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
Result = TypeVar("Result")


def event_loop() -> Literal["asyncio", "uvloop"]:
    """Return the name of the loop; what is lost without uvloop is logged, except on Windows, which has none."""
    if sys.platform == "win32":
        return "asyncio"
    try:
        import_module("uvloop")
    except ImportError as error:
        log(_log, logging.WARNING, "uvloop cannot be loaded, so asyncio's own loop serves, and slower: "
            "pip install uvloop.", reason=str(error))  # fmt: skip
        return "asyncio"
    return "uvloop"


def run_in_loop(
    main: Callable[[], Coroutine[Any, Any, Result]], make: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Result:
    """Return what the coroutine that *main* returns returns, run in a loop of its own, which *make* makes if given.

    Raises ``OSError`` where no loop can be made, as in a process without descriptors, and says nothing besides: uvloop
    logs the loop that it could not finish, and Python a coroutine that was made for it.
    """
    runner, logger = asyncio.Runner(loop_factory=make), logging.getLogger("asyncio")
    logger.addFilter(_is_worth_a_line)
    try:
        runner.get_loop()
    finally:
        logger.removeFilter(_is_worth_a_line)
    with runner:
        running = main()
        try:
            return runner.run(running)
        finally:
            running.close()  # a loop that cannot wake itself has not begun it


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return record.msg != "deallocating an open event loop"
