"""From one process that has loaded a plan and opened its sockets to a supervisor, and what makes workers."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial

from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.opening import Listener
from aggregator.server.process.event_loop import event_loop
from aggregator.server.sharing.inlet import Inlet
from aggregator.server.workers.balance import Balance, balance_file
from aggregator.server.workers.fitting import start_of
from aggregator.server.workers.making.forking import fork_server
from aggregator.server.workers.making.forks import Forks
from aggregator.server.workers.making.handing import Handed, Place
from aggregator.server.workers.making.spawns import Spawns
from aggregator.server.workers.making.work import Work, close
from aggregator.server.workers.supervising.supervisor import Make, Supervisor
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import LogFormat
from aggregator.telemetry.redaction import Masker

_SEATS = 4
"""Processes for each worker that may be there at once: those that end their requests beside those that serve."""


def supervise(
    files: PlanFiles, plan: Plan, listeners: Sequence[Listener], count: int, *, control: LogControl, masker: Masker,
    log_format: LogFormat | None, log_level: str, watch: bool, follow: Callable[[LogControl, Plan], None],
    on_start: Callable[[], None], on_reload: Callable[[Plan, ReloadOutcome], None],
) -> int:  # fmt: skip
    """Serve *plan* of *files* on *listeners* by *count* workers until a signal ends them; return the exit code.

    No thread may run where workers are forked. *follow* lets the log of a process be as a plan says. Raises
    ``StartupError``.
    """
    inlet = Inlet()
    seats = _SEATS * count + _SEATS
    own = [one for one in listeners if one.role != "admin"]
    event_loop()  # is imported once, here, for all that are forked
    if start_of(plan.server.workers) == "spawn":
        descriptor = balance_file(seats)
        balance = Balance(seats, descriptor)
        handed = Handed(
            files.path, files.name, [Place.of(one) for one in own], seats, descriptor, inlet.theirs.fileno(),
            log_format, log_level,
        )  # fmt: skip
        make: Make = lambda ended, _: Spawns(files, handed, ended)  # noqa: E731
    else:
        files.forget()
        balance = Balance(seats)
        work = Work(files, own, balance, inlet.way, masker, log_format, log_level, follow, is_forked=True)
        make = partial(Forks, _forked(files, plan, listeners, work, inlet, control))
    supervisor = Supervisor(
        files, plan, listeners, make, balance, count=count, control=control, watch=watch, on_start=on_start,
        on_reload=on_reload, inlet=inlet,
    )  # fmt: skip
    return supervisor.run()


def _forked(
    files: PlanFiles, plan: Plan, listeners: Sequence[Listener], work: Work, inlet: Inlet, control: LogControl
) -> socket.socket:
    """Return the way to a fork server that was just made."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        inlet.close()
        control.close()
        close([one for one in listeners if one.role == "admin"])
        fork_server(theirs, files, plan, work, partial(close, work.listeners))
    theirs.close()
    return ours
