"""Workers that are no copies: they are told what was committed, by a pipe, and whatever the files say since."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.workers.balance import Balance, balance_file
from aggregator.server.workers.fitting import obstacle, start_of
from aggregator.server.workers.making.handing import Head, own_version
from aggregator.server.workers.making.spawns import arguments
from aggregator.server.workers.messages import Failed, Message, decoded
from tests.server.workers.conftest import PATIENCE, Workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need descriptors that are inherited")

Start = Callable[..., Workers]
ROUTES = "version: 1\nserver: {{workers: {{count: 2{more}}}}}\nendpoints:\n  GET /n: {{respond: {{body: {n}}}}}\n"


@pytest.fixture
def way() -> str:
    """Return how workers start here."""
    return "spawn"


def test_workers_are_spawned_where_a_fork_is_unsafe(tmp_path: Path) -> None:
    """By `auto`; `fork` is refused there with a sentence, and `spawn` works everywhere."""
    assert [start_of(WorkersPlan(), forks=forks) for forks in (True, False)] == ["fork", "spawn"]
    assert start_of(WorkersPlan(start="spawn"), forks=True) == "spawn"
    for start, why in (("auto", False), ("spawn", False), ("fork", True)):
        (tmp_path / "routes.yaml").write_text(ROUTES.format(more=f", start: {start}", n=1))
        plan = PlanFiles(tmp_path / "routes.yaml").load()
        assert obstacle(plan, forks=True) is None
        assert (obstacle(plan, forks=False) is not None) is why


def test_what_is_handed_on_makes_the_same_plan(tmp_path: Path) -> None:
    """A configuration that went through a pipe gives the plan of its files, though they are another now, or gone."""
    file, secret = tmp_path / "routes.yaml", tmp_path / "secret"
    secret.write_text("from-a-file")
    file.write_text(
        f"version: 1\nupstreams: {{a: {{url: 'http://a.internal', headers: {{x-key: '${{file:{secret}}}'}}}}}}\n"
        "endpoints:\n  GET /n: {call: 'a:/n'}\n"
    )
    files = PlanFiles(file, name="routes.yaml", keeps=True)
    plan = files.load()
    handed = pickle.dumps(files.config)
    file.unlink()
    secret.write_text("another")
    told = PlanFiles(file, name="routes.yaml")
    again = told.resume(pickle.loads(handed))
    assert (again.digest, again.secrets) == (plan.digest, plan.secrets)
    assert "from-a-file" in again.secrets
    assert (told.texts, told.files) == (files.texts, files.files)


def test_nothing_is_kept_for_nobody(tmp_path: Path) -> None:
    """A process that hands nothing on holds no configuration beside its plan, after a reload neither."""
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTES.format(more="", n=1))
    files = PlanFiles(file, keeps=True)
    files.load()
    assert files.config is not None
    files.forget()
    file.write_text(ROUTES.format(more="", n=2))
    files.load()
    assert files.config is None


def test_the_balance_is_in_a_file_that_has_no_name() -> None:
    """Whoever has its descriptor sees what others have, and who comes later changes nothing of it."""
    descriptor = balance_file(2)
    try:
        one = Balance(2, descriptor)
        assert one.fewer(10) == {}
        one.tell(0, 3)
        assert Balance(2, descriptor).fewer(10) == {0: 3}
    finally:
        os.close(descriptor)


class Told:
    """A spawned process that is told it runs as *version*, and *rest*; ``heard`` is the message of it, if any."""

    def __init__(self, version: str, rest: bytes) -> None:
        stack, written = os.pipe()
        ours, theirs = socket.socketpair()
        head: Head = {"path": sys.path, "version": version, "channel": theirs.fileno(), "stack": written}
        with ours:
            done = subprocess.run(
                arguments(), input=json.dumps(head).encode() + b"\n" + rest, pass_fds=[theirs.fileno(), written],
                capture_output=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
            for one in (stack, written):
                os.close(one)
            theirs.close()
            length = int.from_bytes(ours.recv(4), "big")
            self.heard: Message | None = decoded(ours.recv(length, socket.MSG_WAITALL)) if length else None
        self.code, self.said = done.returncode, done.stderr.decode()


@pytest.mark.processes
def test_another_version_of_the_program_is_no_worker_of_this_one() -> None:
    """As after an upgrade beside a server that runs: it says so, and reads nothing of what it was told."""
    told = Told("0.0.0.before", b"")
    assert (told.code, told.said) == (3, "")
    heard = told.heard
    assert isinstance(heard, Failed)
    assert heard.reason.startswith("The program was replaced: 0.0.0.before runs, and ")


@pytest.mark.processes
def test_a_supervisor_that_goes_in_the_middle_leaves_no_words() -> None:
    """The worker that was being told ends, without a traceback."""
    told = Told(own_version(), pickle.dumps(("a", "b"))[:-5])
    assert (told.code, told.said, told.heard) == (3, "", None)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_secrets_are_in_no_argument_and_no_variable(workers: Start, tmp_path: Path) -> None:
    """What a value of the file is, is told by a pipe alone; the environment is that of the supervisor."""
    (tmp_path / "secret").write_text("word-of-nobody")
    more = "upstreams: {a: {url: 'http://127.0.0.1:1', headers: {x-key: '${file:secret}'}}}\n"
    running = workers(f"{ROUTES.format(more='', n=1)}  GET /a: {{call: 'a:/n'}}\n{more}")
    assert running.get("/n").json() == 1
    surroundings = Path(f"/proc/{running.process.pid}/environ").read_bytes()
    for pid in running.pids():
        assert b"word-of-nobody" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")) == set(surroundings.split(b"\0"))
    running.process.terminate()
    assert running.end() == 0


def test_a_worker_that_loads_when_all_stop_holds_no_socket(workers: Start) -> None:
    """It is ended at once: who connects is refused, and not left waiting until it has loaded."""
    running = workers(ROUTES.format(more="", n=1))
    assert running.get("/n").json() == 1
    running.process.send_signal(signal.SIGUSR2)  # two more are started
    running.until_said("The workers are replaced")
    running.process.terminate()
    assert running.end() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])))


def test_a_signal_to_the_group_ends_no_worker_that_begins(workers: Start) -> None:
    """By default it would, before the worker can say that signals are the supervisor's."""
    running = workers(ROUTES.format(more="", n=1))
    assert running.get("/n").json() == 1
    running.process.send_signal(signal.SIGUSR2)

    def others_serve() -> bool:
        running.group(signal.SIGHUP)
        return len(running.pids("A worker has stopped.")) == 2

    running.until(others_serve)
    assert not running.said("could not be started")
    assert len(running.pids()) == 4
    running.process.terminate()
    assert running.end() == 0
