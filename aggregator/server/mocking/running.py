"""From the words of the command line to a mock that serves until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from aggregator.errors import ConfigError
from aggregator.server.generations.watching import watch_files
from aggregator.server.mocking.recording.recorder import Recorder, client_of
from aggregator.server.mocking.recording.tape import Tape
from aggregator.server.mocking.server import MockServer
from aggregator.server.mocking.source import MockSource
from aggregator.telemetry.hiding import Hidden

Refused = Callable[[ConfigError], None]
"""Told of a file that has problems; the last good one goes on answering."""


class Recording(Struct):
    """The upstream at *url*, whose answers are written down; *hidden* is masked in them."""

    url: str
    hidden: Hidden


async def serve_mock(
    path: Path, host: str, port: int, say: Callable[[str], None], refused: Refused, recording: Recording | None = None
) -> None:
    """Serve the mock in *path* until SIGINT or SIGTERM. *say* gets what the operator is told.

    Raises ConfigError when it is wrong at first, NotAppendableError when nothing can be recorded into it, and OSError.
    """
    if recording is None:
        await _serve(path, (host, port), say, refused, None)
        return
    tape = Tape(path)
    tape.begin()
    async with client_of(recording.url) as client:
        await _serve(path, (host, port), say, refused, Recorder(tape, client, recording.hidden, say))


async def _serve(
    path: Path, at: tuple[str, int], say: Callable[[str], None], refused: Refused, recorder: Recorder | None
) -> None:
    source, ended = MockSource(path), asyncio.Event()
    server = MockServer(source.load(), recorder)
    host, port = at
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
    is_wrong = False
    try:
        while True:
            await wake.wait()
            wake.clear()
            try:
                plan = await asyncio.to_thread(source.load)
            except ConfigError as error:
                refused(error)
                is_wrong = True
                continue
            if is_wrong or plan != server.plan:
                server.use(plan)
                say("the file has changed, and is served as it is now")
            is_wrong = False
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
