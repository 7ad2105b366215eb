"""Event streams of one worker that the supervisor forwards to clients."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from aggregator.server.admin.actions import ActionError
from aggregator.server.generations.running import Running
from aggregator.server.live.serving import Audience
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import Heard, Listen


class Listening:
    """Sends events of *running* over *channel*, as long as that takes them: who listens is told what was lost."""

    def __init__(self, running: Running, channel: Channel) -> None:
        self._audience = Audience(running)
        self._channel = channel
        self._listeners: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, order: Listen) -> None:
        """Send the events that *order* asks for, until ``end`` is called with its number."""
        gone = self._listeners[order.number] = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._serve(order, gone))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, number: int) -> None:
        """End the stream with this *number*."""
        if (gone := self._listeners.pop(number, None)) is not None:
            gone.set()

    def end_all(self) -> None:
        """End all streams."""
        for number in tuple(self._listeners):
            self.end(number)

    async def _serve(self, order: Listen, gone: asyncio.Event) -> None:
        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if body := message.get("body"):
                self._channel.send(Heard(order.number, body))
                await self._channel.sent()

        with suppress(ActionError):  # the supervisor has judged what is asked for, and how many listen
            await self._audience.serve(dict(parse_qsl(order.query, keep_blank_values=True)), receive, send)
