"""From the words of the command line to a mock that serves until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from aggregator.errors import ConfigError
from aggregator.server.generations.watching import watch_files
from aggregator.server.mocking.server import MockServer
from aggregator.server.mocking.source import MockSource

Refused = Callable[[ConfigError], None]
"""Told of a file that has problems; the last good one goes on answering."""


async def serve_mock(path: Path, host: str, port: int, say: Callable[[str], None], refused: Refused) -> None:
    """Serve the mock in *path* until SIGINT or SIGTERM. Raises ConfigError when it is wrong at first, and OSError.

    *say* gets what the operator is told.
    """
    source, ended = MockSource(path), asyncio.Event()
    server = MockServer(source.load())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    bound = await server.start(host, port)
    say(f"{path} on http://{f'[{host}]' if ':' in host else host}:{bound}")
    following = asyncio.create_task(follow(source, server, say, refused))
    try:
        await ended.wait()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await server.aclose()


async def follow(source: MockSource, server: MockServer, say: Callable[[str], None], refused: Refused) -> None:
    """Read the file again whenever it has changed."""
    wake = asyncio.Event()
    watching = asyncio.create_task(watch_files(lambda: source.files, wake))
    known: object = _texts(source)
    try:
        while True:
            await wake.wait()
            wake.clear()
            try:
                plan = await asyncio.to_thread(source.load)
            except ConfigError as error:
                refused(error)
                known = None
                continue
            if _texts(source) != known:
                server.use(plan)
                say("the file has changed, and is served as it is now")
            known = _texts(source)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _texts(source: MockSource) -> list[str]:
    return [one.text for one in source.sources.values()]
