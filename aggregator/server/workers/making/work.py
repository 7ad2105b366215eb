"""The life of a worker process, forked or spawned."""

from __future__ import annotations

import faulthandler
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.listeners.opening import Listener
from aggregator.server.sharing.inlet import Way
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import tell_first
from aggregator.server.workers.messages import Failed, Spawn
from aggregator.server.workers.supervising.member import STACK_SIGNAL
from aggregator.server.workers.worker import Worker, deaf, group_signals
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import LogFormat, error_output
from aggregator.telemetry.redaction import Masker

FAILED, FAULT = 3, 70


class Work(Struct, frozen=True, eq=False):
    """The work of a worker process: it serves a plan, and reports to the supervisor when it cannot.

    One that *is_forked* shares the memory of what it was forked off.
    """

    files: PlanFiles
    listeners: Sequence[Listener]
    balance: Balance
    way: Way
    masker: Masker
    log_format: LogFormat | None
    log_level: str
    follow: Callable[[LogControl, Plan], None]
    is_forked: bool

    def __call__(self, served: Plan, order: Spawn, end: socket.socket) -> int:
        """Serve *served* as the worker of *order* until the supervisor at *end* has it stop; return the exit code."""
        with error_output(sys.stderr) as stream:
            control = LogControl(stream, self.masker, self.log_format, self.log_level)
            self.masker.learn(served.secrets)
            try:
                return self._serve(served, order, end, control)
            except AggregatorError as error:
                tell_first(end, Failed(str(error)))
                return FAILED
            except Exception as error:
                tell_first(end, Failed.by(error))
                return FAULT
            finally:
                control.close()

    def _serve(self, served: Plan, order: Spawn, end: socket.socket, control: LogControl) -> int:
        self.follow(control, served)
        worker = Worker(
            self.files, served, self.listeners, end=end, balance=self.balance, seat=order.seat,
            generation=order.generation, control=control, masker=self.masker,
            follow=lambda other: self.follow(control, other), is_forked=self.is_forked,
        )  # fmt: skip
        worker.share(self.way)
        return worker.run()


def begin(stack: int) -> None:
    """Make ``STACK_SIGNAL`` write the main thread's stack to the pipe *stack*; ignore signals of the process group."""
    deaf()
    if STACK_SIGNAL is not None:
        faulthandler.register(STACK_SIGNAL, stack, all_threads=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, unheard())


def unheard() -> set[int]:
    """Return the signals that would end a process which has not begun to hear them, each by a default of its own."""
    return {*group_signals(), *(() if STACK_SIGNAL is None else (STACK_SIGNAL,))}


def close(listeners: Sequence[Listener]) -> None:
    """Close the copies of *listeners* that this process has."""
    for listener in listeners:
        listener.socket.close()
