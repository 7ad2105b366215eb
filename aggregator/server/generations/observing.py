"""The listeners to requests that the served plan declares: metrics, traces, recorder, history, OTLP push."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from aggregator.parts.events import Listeners
from aggregator.plan.types import Plan
from aggregator.server.live.history import History, history_for
from aggregator.server.metrics import pushing
from aggregator.server.metrics.counting import Counts, counts_for
from aggregator.server.metrics.pushing import MetricSender
from aggregator.server.recorder.recorder import Recorder, recorder_for
from aggregator.server.traces.exporting import TraceSender, sender_for
from aggregator.telemetry.metrics.exposition import Sampled

LAST_SECONDS = 2.0
"""What a stopping process gives a collector at most to take the last traces and metrics."""


class Observers(NamedTuple):
    """The listeners of one plan: metrics, traces, recorder, OTLP push, history; None where the file declares none.

    *sample* yields all metrics as they are.
    """

    metrics: Counts | None = None
    traces: TraceSender | None = None
    recorder: Recorder | None = None
    pushing: MetricSender | None = None
    history: History | None = None
    sample: Callable[[Counts], Iterator[Sampled]] = lambda _: iter(())

    def beside(self, listeners: Listeners) -> Listeners:
        """Return *listeners* and these."""
        for one in (self.metrics, self.traces, self.recorder, self.history):
            listeners = listeners if one is None else listeners.beside(one.listeners)
        return listeners

    def for_plan(self, plan: Plan) -> Observers:
        """Return those of *plan*; those of these that do the same go on."""
        return Observers(
            counts_for(plan.metrics, self.metrics),
            sender_for(plan.traces, self.traces, plan.secrets),
            recorder_for(plan.recorder, self.recorder),
            pushing.sender_for(None if plan.metrics is None else plan.metrics.push, self.pushing),
            history_for(plan, self.history),
            self.sample,
        )

    async def prepare(self) -> None:
        """Do the slow imports before the plan is served. Raises ``StartupError``."""
        if self.traces is not None:
            await asyncio.to_thread(self.traces.prepare)
        if self.pushing is not None:
            await asyncio.to_thread(self.pushing.prepare)

    def begin(self, plan: Plan, before: Observers) -> Observers:
        """Return these, which observe what *plan* serves from now on, in place of *before*."""
        if self.metrics is not before.metrics and before.metrics is not None:
            before.metrics.lag.stop()
        if self.metrics is not None:
            self.metrics.follow(plan)
            if self.metrics is not before.metrics:
                self.metrics.lag.start()
        if self.recorder is not None:
            self.recorder.follow(plan)
        if self.history is not None:
            self.history.follow(plan)
        if self.traces is not before.traces:
            if before.traces is not None:
                asyncio.get_running_loop().run_in_executor(None, before.traces.close, LAST_SECONDS)
            if self.traces is not None:
                self.traces.start()

        if before.pushing is not None and self.pushing is not before.pushing:
            before.pushing.stop()
        if self.pushing is not None and self.metrics is not None:
            self.pushing.follow(partial(self.sample, self.metrics))
        return self

    async def close(self, grace: float) -> None:
        """Stop all listeners; traces and metrics not yet exported have *grace* seconds, at most ``LAST_SECONDS``."""
        if self.metrics is not None:
            self.metrics.lag.stop()
        seconds = min(LAST_SECONDS, grace)
        async with asyncio.TaskGroup() as last:
            if self.pushing is not None:
                last.create_task(self.pushing.close(seconds))
            if self.traces is not None:
                last.create_task(asyncio.to_thread(self.traces.close, seconds))


async def tell_nobody() -> None:
    """Do nothing with the last counts: they end with this process."""
