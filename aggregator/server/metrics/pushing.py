"""Pushes metrics to a collector from time to time; nobody waits for it, and pushes that it does not take are counted.

States of the task:

- *waiting*: until it is time for the next push;
- *gathering*: numbers are copied, in slices, while requests are served;
- *sending*: a thread of its own makes messages of them and sends them, for as long as the exporter tries;
- *ended*: ``close`` was called, which pushes a last time, or ``stop``.

Numbers are totals since the start, so a push that was lost is made good by the next one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

from aggregator.errors import StartupError
from aggregator.plan.telemetry import PushPlan
from aggregator.server.metrics.otlp import Frozen, build_exporter, build_maker, frozen
from aggregator.telemetry.logging import log
from aggregator.telemetry.metrics.exposition import Sample, Sampled

_log = logging.getLogger("aggregator.telemetry")
_AT_ONCE = 100
"""Samples that are copied between two looks at the event loop."""
_TOLD = 60.0
"""Seconds between lines about losses."""


class MetricExporter(Protocol):
    """The exporter of metrics."""

    def export(self, data: Any, /) -> Any:
        """Send *data*; the result says whether it was taken."""

    def shutdown(self) -> None:
        """Try no more."""


class MetricSender:
    """Tells a collector of the metrics by *plan*. ``sent`` and ``lost`` count pushes.

    *build* gives what sends, and what makes messages of frozen samples; *clock* is monotonic, in seconds.
    """

    def __init__(
        self, plan: PushPlan, build: Callable[[PushPlan], tuple[MetricExporter, Any]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.sent = self.lost = 0
        self._build = build or (lambda plan: (build_exporter(plan), build_maker(plan)))
        self._clock = clock
        self._means: tuple[MetricExporter, Any] | None = None
        self._gather: Callable[[], Iterator[Sampled]] = lambda: iter(())
        self._task: asyncio.Task[None] | None = None
        self._told: tuple[int, float] | None = None

    def prepare(self) -> None:
        """Load the libraries, which takes long, and make the exporter. Raises ``StartupError`` where it cannot be."""
        try:
            self._means = self._means or self._build(self.plan)
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise StartupError(f"Metrics cannot be pushed to {self.plan.otlp}: {reason}.") from error

    def follow(self, gather: Callable[[], Iterator[Sampled]]) -> None:
        """Push what *gather* yields from now on, in the running loop."""
        self._gather = gather
        self._task = self._task or asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Push no more; what is being sent is given up."""
        if self._task is not None:
            self._task.cancel()
        if self._means is not None:
            self._means[0].shutdown()

    async def close(self, seconds: float) -> None:
        """Push a last time, within *seconds*."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.push()
        self.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self.plan.every)
            try:
                await self.push()
            except Exception as error:  # a fault of ours must not be silent, nor end it
                log(_log, logging.ERROR, "Metrics were not pushed, by a fault of the program.", error=repr(error))

    async def push(self) -> None:
        """Push all metrics as they are now."""
        samples = await self._gathered()
        if await self._in_thread(samples):
            self.sent += 1
        else:
            self.lost += 1
            self._tell()

    async def _gathered(self) -> list[Frozen]:
        samples: list[Frozen] = []
        for family, found in self._gather():
            kept, more = list[Sample](), iter(found)
            while some := [frozen(sample) for sample in islice(more, _AT_ONCE)]:
                kept += some
                await asyncio.sleep(0)
            samples.append((family, kept))
        return samples

    async def _in_thread(self, samples: list[Frozen]) -> bool:
        """Return whether the collector took *samples*. The thread is one that no stopping process waits for."""
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[bool] = loop.create_future()

        def settle(value: bool) -> None:
            if not taken.done():
                taken.set_result(value)

        def run() -> None:
            value = self._send(samples)
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(settle, value)

        threading.Thread(target=run, name="metric-sender", daemon=True).start()
        return await taken

    def _send(self, samples: list[Frozen]) -> bool:
        try:
            self.prepare()
            assert self._means is not None
            exporter, maker = self._means
            return getattr(exporter.export(maker.data(samples, time.time_ns())), "name", "") == "SUCCESS"
        except Exception as error:
            _log.debug("Metrics could not be pushed.", exc_info=error)
            return False

    def _tell(self) -> None:
        """Log how many were lost, once a minute."""
        now, (before, at) = self._clock(), self._told or (0, -_TOLD)
        if self._told is None or now - at >= _TOLD:
            self._told = (self.lost, now)
            log(_log, logging.WARNING, "Metrics were lost: the collector did not take them.", count=self.lost - before)


def sender_for(plan: PushPlan | None, known: MetricSender | None) -> MetricSender | None:
    """Return what pushes by *plan*: *known* goes on if it does the same; None where nothing is pushed."""
    if plan is None:
        return None
    return known if known is not None and known.plan == plan else MetricSender(plan)
