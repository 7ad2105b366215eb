"""From one process that has loaded a plan and opened its sockets to a supervisor, a fork server and workers."""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.opening import Listener
from aggregator.server.process.event_loop import event_loop
from aggregator.server.sharing.inlet import Inlet
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import tell_first
from aggregator.server.workers.forking import fork_server
from aggregator.server.workers.messages import Failed, Spawn
from aggregator.server.workers.supervising.member import STACK_SIGNAL
from aggregator.server.workers.supervising.supervisor import Supervisor
from aggregator.server.workers.worker import Worker
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import LogFormat, error_output
from aggregator.telemetry.redaction import Masker

_SEATS = 4
"""Processes for each worker that may be there at once: those that end their requests beside those that serve."""
FAILED, FAULT = 3, 70


def supervise(
    files: PlanFiles, plan: Plan, listeners: Sequence[Listener], count: int, *, control: LogControl, masker: Masker,
    log_format: LogFormat | None, log_level: str, watch: bool, follow: Callable[[LogControl, Plan], None],
    on_start: Callable[[], None], on_reload: Callable[[Plan, ReloadOutcome], None],
) -> int:  # fmt: skip
    """Serve *plan* of *files* on *listeners* by *count* workers until a signal ends them; return the exit code.

    No thread may run. *follow* lets the log of a process be as a plan says. Raises ``StartupError``.
    """
    inlet = Inlet()
    balance = Balance(_SEATS * count + _SEATS)
    own = [one for one in listeners if one.role != "admin"]
    event_loop()  # is imported once, here, for all
    work = _Work(files, own, balance, inlet, masker, log_format, log_level, follow)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        inlet.close()
        control.close()
        for one in listeners:
            if one.role == "admin":
                one.socket.close()
        fork_server(theirs, files, plan, work, partial(_close, own))
    theirs.close()
    supervisor = Supervisor(
        files, plan, listeners, ours, balance, count=count, control=control, watch=watch, on_start=on_start,
        on_reload=on_reload, inlet=inlet,
    )  # fmt: skip
    return supervisor.run()


class _Work(Struct, frozen=True, eq=False):
    """What a worker does, from the fork on: it serves, and tells the supervisor when it cannot."""

    files: PlanFiles
    listeners: Sequence[Listener]
    balance: Balance
    inlet: Inlet
    masker: Masker
    log_format: LogFormat | None
    log_level: str
    follow: Callable[[LogControl, Plan], None]

    def __call__(self, served: Plan, order: Spawn, end: socket.socket, stack: int) -> int:
        """Serve *served* as the worker of *order* until the supervisor at *end* has it stop; return the exit code.

        Its frames are written to the file *stack* when it is asked where it hangs.
        """
        if STACK_SIGNAL is not None:
            faulthandler.register(STACK_SIGNAL, stack, all_threads=False)
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
            follow=lambda other: self.follow(control, other),
        )  # fmt: skip
        worker.share(self.inlet.way)
        return worker.run()


def _close(listeners: Sequence[Listener]) -> None:
    for listener in listeners:
        listener.socket.close()
