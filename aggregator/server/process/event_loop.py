"""Which event loop the server runs on: uvloop where it can be had, which serves about twice as much."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Literal

from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")


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
