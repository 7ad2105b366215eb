"""The process of a spawned worker: it compiles what it was told, and serves as a forked one does."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from typing import NoReturn

from aggregator.errors import AggregatorError
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.process.starting import follow
from aggregator.server.sharing.inlet import Way
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import tell_first
from aggregator.server.workers.making.handing import Handed, Head, own_version
from aggregator.server.workers.making.work import FAILED, FAULT, Work, begin
from aggregator.server.workers.messages import Failed, Spawn
from aggregator.telemetry.redaction import Masker


def main(head: Head) -> NoReturn:
    """Run as the worker that *head* describes; the rest of its data comes on standard input."""
    code = FAULT
    try:
        begin(head["stack"])
        end = socket.socket(fileno=head["channel"])
        for one in (head["stack"], head["channel"]):
            os.set_inheritable(one, False)
        code = _serve(head, end)
    finally:
        os._exit(code)


def _serve(head: Head, end: socket.socket) -> int:
    """Return the exit code once the worker has ended, or its *end* of the channel was told why it cannot begin."""
    try:
        if (here := own_version()) != head["version"]:
            raise AggregatorError(f"The program was replaced: {head['version']} runs, and {here} is here. Restart it.")
        order, handed, files = _told()
        plan = files.resume(pickle.load(sys.stdin.buffer))  # noqa: S301 - of the supervisor, by a pipe of its own
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), sys.stdin.fileno())
    except (EOFError, pickle.UnpicklingError):
        return FAILED  # the supervisor has gone in the middle of it
    except AggregatorError as error:
        tell_first(end, Failed(str(error)))
        return FAILED
    except Exception as error:
        tell_first(end, Failed.by(error))
        return FAULT
    return _work(handed, files)(plan, order, end)


def _told() -> tuple[Spawn, Handed, PlanFiles]:
    order, handed = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the supervisor, by a pipe of its own
    for one in handed.descriptors:
        os.set_inheritable(one, False)
    return order, handed, PlanFiles(handed.path, name=handed.name)


def _work(handed: Handed, files: PlanFiles) -> Work:
    listeners = [place.listener() for place in handed.places]
    way = Way(socket.socket(fileno=handed.entrance))
    return Work(
        files, listeners, Balance(handed.seats, handed.balance), way, Masker(()), handed.log_format, handed.log_level,
        lambda control, plan: follow(control, plan, files), is_forked=False,
    )  # fmt: skip
