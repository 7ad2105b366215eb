"""What one worker does and tells, message by message; its supervisor is the test."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from aggregator.errors import StartupError
from aggregator.plan.types import Plan
from aggregator.policies.switches.table import Change, Switch, Target
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.listeners.opening import open_listeners
from aggregator.server.process import memory
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import tell_first
from aggregator.server.workers.messages import (
    Ask,
    Beat,
    Commit,
    Counted,
    Drop,
    Failed,
    Go,
    Heard,
    Imported,
    Listen,
    Look,
    Made,
    Message,
    Opened,
    Prepare,
    Quit,
    Ready,
    Reopen,
    Stop,
    Switched,
    Told,
    decoded,
)
from aggregator.server.workers.worker import Worker
from aggregator.telemetry.control import LogControl, Order
from aggregator.telemetry.redaction import Masker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

PATIENCE = 120.0  # only what hangs takes so long
ROUTES = """version: 1
server: {{watchdog: 0s, workers: {{count: 2, blocked: 600s}}, admin: "127.0.0.1:0"}}
{more}endpoints: {{GET /n: {{respond: {{body: {n}}}}}}}
"""
METRICS = "telemetry: {metrics: {}}\n"
WITH_SECRET = "upstreams: {up: {url: 'http://127.0.0.1:9', headers: {x-key: '${KEY}'}}}\n"
M = TypeVar("M")


class Log:
    """The log of the worker, which counts how often it is opened again."""

    ordered, level, format = Order(), "info", "text"
    reopened = 0

    def reopen(self) -> None:
        """Count."""
        self.reopened += 1


class Alone:
    """A worker of the second seat of two, whose first generation is the fourth; *before* comes before all."""

    def __init__(self, folder: Path, *before: Message, n: int = 1, more: str = "") -> None:
        self.path = folder / "routes.yaml"
        self.write(n=n, more=more)
        files = PlanFiles(self.path, {"KEY": "word-of-nobody"})
        self.plan = files.load()
        self._opened = open_listeners(self.plan.server, "127.0.0.1", 0)
        self.listeners = [one for one in self._opened if one.role != "admin"]  # that one is the supervisor's
        self._end, theirs = socket.socketpair()
        self._end.settimeout(PATIENCE)
        self.balance, self.log, self.masker = Balance(2), Log(), Masker()
        self.followed: list[Plan] = []
        self.codes: list[object] = []
        worker = Worker(
            files, self.plan, self.listeners, end=theirs, balance=self.balance, seat=1, generation=4,
            control=cast("LogControl", self.log), masker=self.masker, follow=self.followed.append,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run, args=[worker])
        self._thread.start()
        self.order(*before)

    def _run(self, worker: Worker) -> None:
        try:
            self.codes.append(worker.run())
        except StartupError as error:
            self.codes.append(str(error))

    def write(self, *, n: int, more: str = "") -> None:
        """Save a file whose endpoint answers *n*."""
        self.path.write_text(ROUTES.format(n=n, more=more))

    def order(self, *messages: Message) -> None:
        """Send *messages* to it."""
        for message in messages:
            tell_first(self._end, message)

    def told(self) -> Message | None:
        """Return its next message; None once it has closed the channel."""
        head = self._end.recv(4, socket.MSG_WAITALL)
        return decoded(self._end.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)) if head else None

    def until(self, kind: type[M]) -> list[Any]:
        """Return its messages up to the first of this *kind*, without heartbeats before that."""
        found: list[Any] = []
        while not isinstance(message := self.told(), kind):
            assert message is not None, found
            found += [] if isinstance(message, Beat) else [message]
        return [*found, message]

    def next(self, kind: type[M]) -> M:
        """Return its next message of this *kind*."""
        found: M = self.until(kind)[-1]
        return found

    def ask(self, path: str, query: str = "", **order: Any) -> Told:
        """Return what it answers at *path*, or to the order of this name."""
        given = {"given": json.dumps(order["given"]).encode(), "is_action": True} if order else {}
        self.order(Ask(11, path, query, **given))
        return self.next(Told)

    def rest(self) -> list[Message]:
        """Return what else it tells to its end, without heartbeats."""
        found = []
        while (message := self.told()) is not None:
            found += [] if isinstance(message, Beat) else [message]
        return found

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Have one connection to it, over which it has answered one request."""
        with socket.create_connection(("127.0.0.1", self.listeners[0].socket.getsockname()[1])) as client:
            client.settimeout(PATIENCE)
            client.sendall(b"GET /n HTTP/1.1\r\nhost: a\r\n\r\n")
            assert client.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
            yield

    def ended(self) -> object:
        """Return how it has ended: its exit code, or why it could not begin."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.codes[0]

    def close(self) -> None:
        """End it."""
        self._end.close()
        self.ended()
        for listener in self._opened:
            listener.close()


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Alone]]:
    """Starts workers whose supervisor is the test."""
    monkeypatch.setattr(memory, "is_plain", lambda: True)
    started: list[Alone] = []

    def start(*before: Message, **options: Any) -> Alone:
        started.append(Alone(tmp_path, *before, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


Start = Callable[..., Alone]


def test_a_worker_opens_waits_and_serves(alone: Start) -> None:
    """It is alive before it serves anything, asks what operators have done, and tells what it serves before `Ready`."""
    worker = alone()
    assert worker.until(Opened) == [Opened()]
    worker.order(Go())
    assert worker.next(Imported) == Imported((), ())
    beat = worker.next(Beat)
    assert (beat.generation, beat.config, beat.in_flight, beat.connections) == (4, worker.plan.digest, 0, 0)
    assert beat.memory > 1_000_000
    ready = worker.told()
    assert isinstance(ready, Ready)
    assert [name for name, _ in ready.actions] == [
        "reload", "revoke", "breaker", "switch", "cache_purge", "quota_reset", "try", "replay", "effect", "log",
    ]  # fmt: skip


def test_what_was_ordered_before_is_done_before_it_serves(alone: Start) -> None:
    """No request reaches what an operator has switched off while the worker was being made."""
    off = {"turn": "off", "kind": "endpoint", "name": "GET /n", "since": 1000.0}
    order = Ask(7, "switch", given=json.dumps(off).encode(), is_action=True)
    told = alone(order, Go()).until(Ready)
    (at,) = [place for place, message in enumerate(told) if isinstance(message, Told)]
    assert (told[at].number, told[at].status, told[at].summary) == (7, 200, "off endpoint GET /n")
    assert [type(one) for one in told[:at]] in ([], [Opened])


@pytest.mark.long
def test_a_worker_that_has_taken_a_connection_tells_it(alone: Start) -> None:
    """In its own seat of the balance, where the others look."""
    worker = alone(Go())
    worker.next(Ready)
    with worker.connected():
        while not (beat := worker.next(Beat)).connections:
            pass
        assert (beat.connections, worker.balance.fewer(100)) == (1, {1: 1})


@pytest.mark.parametrize(
    ("path", "query", "status", "body"),
    [
        ("/-/switches", "", 200, []),
        ("/-/background", "", 200, None),
        ("/-/endpoints", "endpoint=", 404, "There is no endpoint ``; `aggregator routes` lists what is."),
        ("/-/endpoints", "endpoint=GET%20/m", 404, "There is no endpoint `GET /m`; did you mean `GET /n`?"),
        ("/-/requests/a", "", 404, None),
    ],
)
def test_what_a_worker_answers_is_what_one_process_shows(
    alone: Start, path: str, query: str, status: int, body: Any
) -> None:
    """With the number of the question; a refusal has its status, and its words as data and as summary."""
    worker = alone(Go())
    worker.next(Ready)
    told = worker.ask(path, query)
    said = json.loads(told.body)
    assert (told.number, told.status) == (11, status)
    assert body is None or said == body
    assert told.summary == (said if status == 404 else "")


def test_a_fault_of_the_program_is_an_answer(alone: Start) -> None:
    """The worker goes on, and the supervisor hears of it in words."""
    worker = alone(Go())
    worker.next(Ready)
    told = worker.ask("/-/nothing")
    assert (told.number, told.status, json.loads(told.body)) == (11, 500, told.summary)
    assert told.summary.startswith("failed by a fault of the program: KeyError")
    assert worker.ask("/-/switches").status == 200


def test_an_action_is_done_in_the_words_of_the_supervisor(alone: Start) -> None:
    """With its time; one that nobody knows is refused, and metrics that nobody counts are no text."""
    worker = alone(Go())
    worker.next(Ready)
    off = {"turn": "off", "kind": "endpoint", "name": "GET /n", "since": 2_000_000_000.0, "by": "ops"}
    told = worker.ask("switch", given=off)
    shown = [{"kind": "endpoint", "name": "GET /n", "part": None, "until": None, "by": "ops", "why": "",
              "since": 2_000_000_000}]  # fmt: skip
    assert told == Told(11, 200, told.body, "off endpoint GET /n")
    assert json.loads(told.body) == shown
    assert json.loads(worker.ask("/-/switches").body) == shown
    unknown = "This worker knows no such action."
    assert worker.ask("none", given={}) == Told(11, 404, json.dumps(unknown).encode(), unknown)
    assert worker.ask("/metrics") == Told(11, 200, b"", "")


def test_an_action_without_an_order_of_its_own_is_run(alone: Start) -> None:
    """As at the address of administration of one process."""
    worker = alone(Go())
    worker.next(Ready)
    told = worker.ask("log", given={})
    assert told == Told(11, 200, told.body, "level info, format text")
    assert json.loads(told.body) == {"level": "info", "format": "text", "until": None}


def test_what_other_machines_have_switched_off_is_learnt(alone: Start) -> None:
    """By the table that the supervisor sends."""
    target = Target("endpoint", "GET /n")
    worker = alone(Go())
    worker.next(Ready)
    worker.order(Switched(((target, Change(2e9, Switch(None, 2e9, "ops", ""))),)))
    assert [one["name"] for one in json.loads(worker.ask("/-/switches").body)] == ["GET /n"]


def test_a_worker_serves_what_was_prepared_once_it_is_told_to(alone: Start) -> None:
    """It says what it has made of the files, and what it has imported; masks and log follow the new plan."""
    worker = alone(Go())
    worker.next(Ready)
    worker.write(n=2, more=WITH_SECRET)
    worker.order(Prepare("of the supervisor"))
    imported, made = worker.until(Made)
    assert (imported, made.problem, len(made.digest)) == (Imported((), ()), "", len(worker.plan.digest))
    assert made.digest != worker.plan.digest
    worker.order(Drop(), Commit(5))
    assert worker.next(Beat).generation == 5
    assert (worker.ask("/-/endpoints").status, worker.followed) == (200, [])
    worker.order(Prepare("of the supervisor"), Commit(6))
    assert worker.next(Made) == made
    while (beat := worker.next(Beat)).generation != 6:
        pass
    assert (beat.config, [plan.digest for plan in worker.followed]) == (made.digest, [made.digest])
    assert worker.masker("a word-of-nobody b") == "a ******** b"


def test_a_worker_that_prepares_anew_gives_up_what_it_had(alone: Start) -> None:
    """Else it would wait for itself to the end of its days."""
    worker = alone(Go())
    worker.next(Ready)
    for number in (2, 3):
        worker.write(n=number)
        worker.order(Prepare("of the supervisor"))
        assert worker.next(Made).problem == ""
    worker.write(n=1)
    worker.order(Prepare("of the supervisor"))
    assert worker.next(Made) == Made(worker.plan.digest)


def test_a_worker_that_cannot_serve_the_files_says_why(alone: Start) -> None:
    """And serves what it did; asked again it tells what it has imported."""
    worker = alone(Go())
    worker.next(Ready)
    worker.path.write_text("version: 1\nendpoints: {GET /n: {respnd: 1}}\n")
    worker.order(Prepare("of the supervisor"))
    made = worker.next(Made)
    assert (made.digest, "respnd" in made.problem) == ("", True)
    worker.order(Look())
    assert worker.next(Imported) == Imported((), ())


@pytest.mark.long
def test_events_are_sent_until_nobody_listens(alone: Start) -> None:
    """Under the number of who does; another one hears nothing of that."""
    worker = alone(Go())
    worker.next(Ready)
    worker.order(Listen(21, "show=counts"), Listen(22, "show=none"))
    heard = [worker.next(Heard) for _ in range(2)]
    assert {one.number for one in heard} <= {21}
    assert heard[0].text == b'event: config\ndata: {"generation":4,"refused":null}\n\n'
    assert heard[1].text.startswith(b'event: counts\ndata: {"at":')
    worker.order(Quit(99), Quit(21), Stop())
    worker.rest()
    assert worker.ended() == 0


def test_the_log_is_opened_again_and_stays(alone: Start) -> None:
    """Once an order."""
    worker = alone(Go())
    worker.next(Ready)
    worker.order(Reopen(), Reopen(), Look())
    worker.next(Imported)
    assert worker.log.reopened == 2


@pytest.mark.long
@pytest.mark.parametrize("more", ["", METRICS])
def test_the_last_counts_outlive_a_worker(alone: Start, more: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where any are: they are sent when no request comes any more, and the channel is closed after them."""
    worker = alone(Go(), more=more)
    worker.next(Ready)
    with worker.connected(), caplog.at_level(logging.INFO, logger="aggregator.server"):
        worker.order(Stop())
        rest = worker.rest()
    pieces = cast("list[Counted]", rest)
    assert [(type(one), one.number, one.is_last) for one in pieces] == (
        [(Counted, 0, False), (Counted, 0, True)] if more else []
    )
    counted = b'aggregator_requests_total{endpoint="GET /n",status="2xx"} 1\n'
    assert not more or counted in pieces[0].piece
    assert worker.ended() == 0
    assert [record.getMessage() for record in caplog.records] == ["A worker stops."]


def test_a_worker_that_stops_drops_what_was_prepared(alone: Start) -> None:
    """No reload holds up its end."""
    worker = alone(Go())
    worker.next(Ready)
    worker.write(n=2)
    worker.order(Prepare("of the supervisor"), Stop())
    worker.rest()
    assert (worker.ended(), worker.followed) == (0, [])


def test_a_worker_ends_with_its_supervisor(alone: Start, caplog: pytest.LogCaptureFixture) -> None:
    """It says so, and ends what it has."""
    worker = alone(Go())
    worker.next(Ready)
    with caplog.at_level(logging.INFO, logger="aggregator.server"):
        worker.close()
    assert worker.ended() == 0
    assert [record.getMessage() for record in caplog.records] == [
        "The supervisor has gone; this worker ends what it has and stops.", "A worker stops.",
    ]  # fmt: skip


def test_a_worker_whose_supervisor_goes_before_it_serves_ends(alone: Start) -> None:
    """It waits for no `Go` that nobody sends."""
    worker = alone()
    worker.next(Opened)
    worker.close()
    assert worker.ended() == 0


def test_a_worker_that_cannot_begin_says_why(alone: Start) -> None:
    """In the words that the supervisor tells; it never serves."""
    worker = alone(Go(), more="plugins: [missing_of_all]\n")
    (failed,) = worker.rest()
    assert isinstance(failed, Failed)
    assert "missing_of_all" in failed.reason
    assert worker.ended() == failed.reason
