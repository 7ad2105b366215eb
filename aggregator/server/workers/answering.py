"""The answers of a worker to the questions of the supervisor, which merges them for the admin address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aggregator.codecs import json as json_codec
from aggregator.errors import place_of
from aggregator.server.admin.actions import ActionError, Actions
from aggregator.server.admin.reading.views import CONFIG, shown
from aggregator.server.generations.running import Running
from aggregator.server.metrics.page import PATH as METRICS
from aggregator.server.metrics.page import metrics_answer
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.messages import TO_COUNT, Ask, Counted, Told

_LOOK = 0.3
"""Seconds that a look into the file of durable effects may take."""


class Answering:
    """Answers of the process of *running*, which *actions* change."""

    def __init__(self, running: Running, actions: Actions) -> None:
        self._running = running
        self._actions = actions
        self._counting = asyncio.Lock()

    async def answer(self, ask: Ask, channel: Channel) -> Told:
        """Return what there is to tell; a refusal and a fault are told as well. Metrics go over *channel* before."""
        try:
            if ask.is_action:
                return await self._act(ask)
            if ask.path in (METRICS, CONFIG):
                await self._running.outbox.look(_LOOK)
            if ask.path == METRICS:
                return Told(ask.number, 200 if await self.count(channel, ask.number) else 503, b"")
            asked = dict(parse_qsl(ask.query, keep_blank_values=True))
            return Told(ask.number, 200, json_codec.encode(await shown(self._running, ask.path, asked)))
        except ActionError as refusal:
            return Told(ask.number, refusal.status, json_codec.encode(str(refusal)), str(refusal))
        except Exception as error:
            fault = f"failed by a fault of the program: {place_of(error)}"
            return Told(ask.number, 500, json_codec.encode(fault), fault)

    async def _act(self, ask: Ask) -> Told:
        action = self._actions.get(ask.path)
        if action is None:
            raise ActionError(404, "This worker knows no such action.")
        given: Mapping[str, object] = json_codec.decode(ask.given)
        done = await (action.ordered or action.run)(given)
        return Told(ask.number, done.status, json_codec.encode(done.data), done.summary)

    async def count(self, channel: Channel, number: int = 0) -> bool:
        """Send all metrics over *channel* as pieces of this *number*; return whether all went within ``TO_COUNT``.

        Nothing is sent where nothing is counted. Requests are served between two pieces, and while the other side is
        slow to read. What is sent at the same time waits, so that the pieces of a text follow each other.
        """
        try:
            async with asyncio.timeout(TO_COUNT), self._counting:
                answer = await metrics_answer(self._running, "")
                if answer.status != 200:
                    return True
                for piece in answer.pieces or [answer.body]:
                    channel.send(Counted(number, piece))
                    await channel.sent()
                    await asyncio.sleep(0)  # one that reads at once would have nobody else get a turn
                channel.send(Counted(number, b"", is_last=True))
        except TimeoutError:
            return False
        return True
