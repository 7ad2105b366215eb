"""Several workers: they serve together, follow each other, reload together, and end together."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from tiers import other_cell

from tests.server.workers.conftest import PATIENCE, Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

Start = Callable[..., Workers]


@pytest.fixture(params=["fork", other_cell("spawn")])
def way(request: pytest.FixtureRequest) -> str:
    """Return how workers start: whichever it is, all that is said here holds."""
    found: str = request.param
    return found


of_supervisor = pytest.mark.parametrize("way", ["fork"])
"""What only the supervisor does, with workers that have started: it is shown once, with those that start sooner."""


def routes_of(answer: int, *, count: int = 2, settings: str = "", more: str = "") -> str:
    """Return a file whose two workers, or *count*, answer *answer* at /n."""
    return (
        f"version: 1\nserver: {{workers: {{count: {count}{settings}}}}}\n"
        f"endpoints:\n  GET /n: {{respond: {{body: {answer}}}}}\n{more}"
    )


def is_there(pid: int) -> bool:
    """Return whether the process *pid* runs."""
    try:
        return state_of(pid) != "Z"
    except OSError:
        return False


def state_of(pid: int) -> str:
    """Return in which state the process *pid* is, as a letter. Raises ``OSError`` when there is none."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def parent_of(pid: int) -> int:
    """Return the process that has made *pid*."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def holds(file: Path, pid: int) -> bool:
    """Return whether the process *pid* has *file* open."""
    return any(os.path.realpath(one) == str(file) for one in Path(f"/proc/{pid}/fd").iterdir())


def threads_of(pid: int) -> int:
    """Return how many threads the process *pid* has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.promise
def test_a_signal_to_the_group_ends_all_of_them_once(workers: Start) -> None:
    """Both workers serve; a signal to the whole group brings each to its end once, and the code is 0."""
    running = workers(routes_of(1))
    assert running.get("/n").json() == 1
    assert len(set(running.pids())) == 2
    if running.way == "fork":  # beside threads it copies their locks
        assert {threads_of(parent_of(pid)) for pid in running.pids()} == {1}
    running.group(signal.SIGTERM)
    assert running.end() == 0
    assert sorted(running.pids("A worker stops.")) == sorted(running.pids())
    assert running.said("All workers have stopped.")


def test_the_option_counts_before_the_file(workers: Start) -> None:
    """`--workers 2` has two of them serve, and what they grant of a limit they count together."""
    few = "  GET /few: {rate_limit: 5/h, respond: {body: 1}}\nstore: {url: memory, timeout: 60s}\n"
    running = workers(routes_of(1, count=3, more=few), "--workers", "2")
    running.until_said("A worker serves.", 2)
    assert running.get("/n").json() == 1
    assert [running.get("/few").status_code for _ in range(15)].count(200) == 5
    running.process.terminate()
    assert running.end() == 0
    assert len(running.pids()) == 2


def test_a_worker_that_is_killed_is_replaced_by_what_was_reloaded(workers: Start) -> None:
    """The one in its place serves what all others serve now, not what was served at the start or what is saved since."""
    running = workers(routes_of(1), "--no-watch")
    assert running.get("/n").json() == 1
    running.write(routes_of(2))
    running.process.send_signal(signal.SIGHUP)
    running.until_said("All workers serve the new configuration.")
    running.write(routes_of(3))
    killed = running.pids()[0]
    os.kill(killed, signal.SIGKILL)
    line = running.until_said("A worker has ended; another one takes its place.")[0]
    assert f"pid={killed}" in line
    assert "signal 9" in line
    other = running.pids()[1]
    running.until_said("A worker serves.", 3)
    os.kill(other, signal.SIGSTOP)  # so that the new one answers
    running.until(lambda: state_of(other) == "T")
    try:
        assert running.get("/n").json() == 2
    finally:
        os.kill(other, signal.SIGCONT)
    running.process.send_signal(signal.SIGHUP)
    running.until_said("All workers serve the new configuration.", 2)
    assert {running.get("/n").json() for _ in range(4)} == {3}
    running.process.terminate()
    assert running.end() == 0


CLAIMED = """
import os
os.close(os.open("claimed", os.O_CREAT | os.O_EXCL))  # for one process alone

async def same(data):
    return data
"""
WITH_PLUGIN = "plugins: [claims]\n"


@of_supervisor
def test_nobody_swaps_when_one_cannot(workers: Start) -> None:
    """A plug-in that one worker can import and the other cannot: both go on as they were, and it is said who and why.

    When the plug-in is mended both serve it, by a worker in the place of the one that had imported it before.
    """
    running = workers(routes_of(1))
    assert running.get("/n").json() == 1
    (running.folder / "claims.py").write_text(CLAIMED)
    running.write(f"{WITH_PLUGIN}{routes_of(2)}upstreams: {{}}\n")
    refusals = running.until_said("Nobody serves it, since worker ")
    assert any(f"worker {pid} cannot" in refusals[0] for pid in running.pids())
    assert "claims" in refusals[0]
    assert [running.get("/n").json() for _ in range(6)] == [1] * 6
    assert not running.said("All workers serve the new configuration.")
    (running.folder / "claims.py").write_text("# another length, for the cache of compiled files\n")
    running.process.send_signal(signal.SIGHUP)
    running.until_said("All workers serve the new configuration.")
    (stopped,) = running.until(lambda: running.pids("A worker has stopped."))
    assert f"worker {stopped} cannot" not in refusals[0]
    assert [running.get("/n").json() for _ in range(6)] == [2] * 6
    running.process.terminate()
    assert running.end() == 0


def test_a_start_that_never_served_fails_with_its_words(workers: Start) -> None:
    """A plug-in that cannot be imported ends the start after three tries: exit code 3, and the reason."""
    running = workers(f"plugins: [missing_of_all]\n{routes_of(1)}")
    assert running.end() == 3
    assert "missing_of_all" in running.said("error: ")[0]
    assert not running.said("A worker serves.")


def test_nothing_is_orphaned_when_the_supervisor_is_killed(workers: Start) -> None:
    """Workers end what they have, and the fork server goes too, where there is one."""
    running = workers(routes_of(1))
    assert running.get("/n").json() == 1
    maker = parent_of(running.pids()[0])
    assert (maker == running.process.pid) is (running.way == "spawn")
    running.process.kill()
    running.end()
    running.until(lambda: not any(map(is_there, [*running.pids(), maker])))


def test_workers_are_replaced_one_after_another(workers: Start) -> None:
    """SIGUSR2 puts another worker in the place of each; every request meanwhile is answered."""
    running = workers(routes_of(1))
    assert running.get("/n").json() == 1
    first = set(running.pids())
    over, failures = threading.Event(), []

    def ask() -> None:
        while not over.is_set():
            try:
                if running.get("/n").json() != 1:
                    failures.append("another answer")
            except httpx.HTTPError as error:
                failures.append(repr(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        running.process.send_signal(signal.SIGUSR2)
        running.until(lambda: set(running.pids("A worker has stopped.")) == first)
    finally:
        over.set()
        asking.join(PATIENCE)
    assert failures == []
    assert len(set(running.pids()) - first) == 2
    running.process.terminate()
    assert running.end() == 0


CALLED = """
plugins: [marks]
upstreams: {up: {mock: {routes: {GET /x: {json: 1}}}}}
"""
ENDPOINT = "  GET /m: {call: {url: up:/x, transform: 'marks:mark'}}\n"


@of_supervisor
def test_new_code_of_a_plug_in_replaces_workers(workers: Start) -> None:
    """The file of a plug-in is saved, and no other: every worker is replaced by one that has the new code."""
    marks = "async def mark(data):\n    return {}\n"
    running = workers(routes_of(1, more=f"{ENDPOINT}{CALLED}"), marks=marks.format(1))
    assert running.get("/m").json() == 1
    first = set(running.pids())
    (running.folder / "marks.py").write_text(marks.format(1000))
    running.until(lambda: set(running.pids("A worker has stopped.")) >= first)
    assert [running.get("/m").json() for _ in range(4)] == [1000] * 4
    running.process.terminate()
    assert running.end() == 0


LEAKS = """
import os

held = []

async def leak(data):
    held.append(b"x" * 300 * 2**20)
    return os.getpid()
"""


@of_supervisor
def test_a_worker_that_holds_too_much_is_replaced(workers: Start) -> None:
    """The one that leaks, and no other, stops once another one serves."""
    more = f"{ENDPOINT.replace('marks:mark', 'leaks:leak')}{CALLED.replace('marks', 'leaks')}"
    running = workers(routes_of(1, settings=", memory: 300MiB", more=more), leaks=LEAKS)
    leaking = running.get("/m").json()
    running.until(lambda: running.pids("A worker has stopped.") == [leaking])
    assert running.pids("A worker holds too much memory; another one takes its place.") == [leaking]
    assert len(running.pids()) == 3
    assert running.get("/n").json() == 1
    running.process.terminate()
    assert running.end() == 0


def test_a_moved_log_is_written_anew_by_all(workers: Start) -> None:
    """After SIGUSR1 neither the supervisor nor a worker has the file open that was moved away."""
    running = workers(routes_of(1, more="telemetry: {log: {access: all, file: access.log}}\n"))
    assert running.get("/n").json() == 1
    processes = [running.process.pid, *running.pids()]
    assert len(processes) == 3
    moved = running.folder / "moved.log"
    (running.folder / "access.log").rename(moved)
    assert all(map(partial(holds, moved), processes))
    running.process.send_signal(signal.SIGUSR1)
    running.until(lambda: not any(map(partial(holds, moved), processes)))
    assert all(map(partial(holds, running.folder / "access.log"), processes))
    running.process.terminate()
    assert running.end() == 0


BLOCKS = """
import time

async def hold(data):
    time.sleep(600)
"""


def test_a_worker_that_stands_still_is_told_with_its_stack_and_replaced(workers: Start) -> None:
    """A plug-in that blocks the loop is named by the place where it stood, and another worker serves."""
    more = (
        "  GET /held: {call: {url: up:/x, transform: 'blocks:hold'}}\nplugins: [blocks]\n"
        "upstreams: {up: {mock: {routes: {GET /x: {json: 1}}}}}\n"
    )
    running = workers(routes_of(1, settings=", blocked: 5s", more=more), blocks=BLOCKS)
    told = ""
    while "in hold" not in told:  # one that got no time to write its stack is ended without it
        before = len(running.said("A worker stands still"))
        with suppress(httpx.HTTPError):
            running.get("/held")
        told = running.until_said("A worker stands still", before + 1)[-1]
    running.until_said("A worker serves.", 3)
    assert running.get("/n").json() == 1
    running.process.terminate()
    assert running.end() == 0


@of_supervisor
def test_a_second_signal_ends_all_at_once(workers: Start) -> None:
    """The first one waits for a request that nobody answers; the second does not."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        url = f"http://127.0.0.1:{upstream.getsockname()[1]}"
        more = f"  GET /held: {{timeout: 500s, call: held:/x}}\nupstreams: {{held: {{url: '{url}'}}}}\n"
        running = workers(routes_of(1, more=more).replace("server: {", "server: {shutdown_grace: 600s, "))
        address = running.url

        def ask() -> None:
            with suppress(httpx.HTTPError):
                httpx.get(f"{address}/held", timeout=PATIENCE)

        asking = threading.Thread(target=ask)
        asking.start()
        upstream.settimeout(PATIENCE)
        held, _ = upstream.accept()
        with held:
            running.process.terminate()
            running.until_said("A worker stops.", 2)
            assert running.process.poll() is None
            running.process.terminate()
            assert running.end() == 0
        asking.join(PATIENCE)
    assert [line for line in running.said("A worker stops.") if "in_flight=1" in line]
