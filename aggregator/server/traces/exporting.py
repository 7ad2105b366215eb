"""Sends traces to a collector from a thread; nobody waits for it, and what it cannot send is counted as lost.

States of the thread:

- *waiting*: until some seconds are over, or a batch is full;
- *sending*: spans of a batch are made and sent, for as long as the exporter tries;
- *ended*: ``close`` was called; what was not sent in time is lost.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from aggregator.errors import StartupError
from aggregator.parts.events import Listeners, RequestEnded
from aggregator.plan.telemetry import TracesPlan
from aggregator.server.traces.otlp import build_exporter, build_maker
from aggregator.server.traces.snapshots import Snapshot, snapshot
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.telemetry")
MOST, BATCH = 2048, 256
"""Requests that wait to be sent, and those that are sent at once."""
MOST_BYTES, BATCH_BYTES = 16 * 1024 * 1024, 1024 * 1024
"""What their spans may take, about: a collector that is spoken to by gRPC takes 4 MiB where nobody has set more."""
PAUSE = 5.0
"""Seconds between batches that are not full, as the batch processor of OpenTelemetry has it.

A batch costs a request to the collector, and code that has left the processor's caches since the one before.
"""
_TOLD = 60.0
"""Seconds between lines about losses."""


class SpanExporter(Protocol):
    """The exporter of spans."""

    def export(self, batch: Any, /) -> Any:
        """Send a *batch*; the result says whether it was taken."""

    def shutdown(self) -> None:
        """Try no more."""


class TraceSender:
    """Tells a collector of the traces that are sampled. ``sent`` and ``lost`` count requests.

    *build* gives what sends and what makes spans.
    """

    def __init__(
        self, plan: TracesPlan, secrets: frozenset[str] = frozenset(),
        build: Callable[[TracesPlan, frozenset[str]], tuple[SpanExporter, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.sent = self.lost = 0
        self.listeners = Listeners(traced=(self.request,))
        self._secrets = secrets
        self._build = build or (lambda plan, secrets: (build_exporter(plan), build_maker(plan, secrets)))
        self._waiting: deque[Snapshot] = deque()
        self._bytes_in = self._bytes_out = 0  # the loop counts what comes, the thread what goes
        self._wake, self._ending, self._done = threading.Event(), threading.Event(), threading.Event()
        self._means: tuple[SpanExporter, Any] | None = None
        self._told = (0, 0.0)
        self._thread: threading.Thread | None = None

    def does(self, plan: TracesPlan, secrets: frozenset[str]) -> bool:
        """Return whether it does what is asked for."""
        return (self.plan, self._secrets) == (plan, secrets)

    def prepare(self) -> None:
        """Load the libraries, which takes long, and make the exporter. Raises ``StartupError`` where it cannot be."""
        try:
            self._means = self._means or self._build(self.plan, self._secrets)
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise StartupError(f"Traces cannot be told to {self.plan.otlp}: {reason}.") from error

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="trace-sender", daemon=True)
        self._thread.start()

    def request(self, event: RequestEnded) -> None:
        """Keep a request that has ended, whose trace is told."""
        kept = self._bytes_in - self._bytes_out
        if len(self._waiting) >= MOST or kept >= MOST_BYTES or self._ending.is_set():
            self.lost += 1
            return
        one = snapshot(event, time.time() - asyncio.get_running_loop().time())
        self._bytes_in += one.told_bytes
        self._waiting.append(one)
        if len(self._waiting) >= BATCH or kept + one.told_bytes >= BATCH_BYTES:
            self._wake.set()

    def close(self, seconds: float) -> None:
        """Send what waits, within *seconds*, and end the thread."""
        self._ending.set()
        self._wake.set()
        in_time = self._thread is None or self._done.wait(seconds)
        if not in_time and self._means is not None:
            self._means[0].shutdown()

    def _run(self) -> None:
        try:
            self.prepare()
            assert self._means is not None
            exporter, maker = self._means
            while not (self._ending.is_set() and not self._waiting):
                self._wake.wait(PAUSE)
                self._wake.clear()
                self._send(exporter, maker)
            exporter.shutdown()
        except Exception as error:  # a fault of ours, or of the library, must not be silent
            log(_log, logging.ERROR, "Traces are told no more, by a fault of the program.", error=repr(error))
        finally:
            self._done.set()

    def _send(self, exporter: SpanExporter, maker: Any) -> None:
        """Send what waits; what comes meanwhile waits for the next time, unless the thread is to end."""
        left = len(self._waiting)
        while batch := self._batch():
            left -= len(batch)
            try:
                taken = exporter.export(maker.batch(batch))
                is_taken = getattr(taken, "name", "") == "SUCCESS"
            except Exception as error:
                _log.debug("A batch could not be sent.", exc_info=error)
                is_taken = False
            if is_taken:
                self.sent += len(batch)
            else:
                self.lost += len(batch)
                self._tell()
            if left <= 0 and len(self._waiting) < BATCH and not self._ending.is_set():
                return

    def _batch(self) -> list[Snapshot]:
        """Return the requests that are sent next; none when none waits."""
        batch, size = list[Snapshot](), 0
        while self._waiting and len(batch) < BATCH and size < BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1].told_bytes
        self._bytes_out += size
        return batch

    def _tell(self) -> None:
        """Log how many spans were lost, at most once a minute."""
        before, at = self._told
        if not before or time.monotonic() - at > _TOLD:
            self._told = (self.lost, time.monotonic())
            log(_log, logging.WARNING, "Traces were lost: the collector did not take them.", count=self.lost - before)


def sender_for(plan: TracesPlan | None, known: TraceSender | None, secrets: frozenset[str]) -> TraceSender | None:
    """Return what tells traces by *plan*: *known* goes on if it does the same; None where nobody is told."""
    if plan is None or plan.otlp is None:
        return None
    goes_on = known is not None and known.does(plan, secrets)
    return known if goes_on else TraceSender(plan, secrets)
