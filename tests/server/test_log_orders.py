"""The log of a running process: its file, opened again by a signal, and what is ordered of it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from aggregator.errors import StartupError
from aggregator.server.admin.actions import ActionError, Actions, Asked
from aggregator.server.admin.logs import log_action
from aggregator.telemetry.control import LogControl, Order
from aggregator.telemetry.logging import log_state
from aggregator.telemetry.redaction import Masker

ROUTES = """
version: 1
server: {admin: {address: "127.0.0.1:0", secret: "administration-secret"}, port: 0}
telemetry: {log: {access: all, format: json, file: access.log}}
endpoints: {'GET /n/{id}': {respond: {body: 1}}}
"""


@pytest.fixture
def control():
    """A log on a stream, with level and format of no option."""
    return LogControl(io.StringIO(), Masker())


def asked(control, **given):
    """Return what orders come to, and the end of each that has one, as functions."""
    ends = []

    async def main():
        asyncio.get_running_loop().call_later = lambda seconds, end, order: ends.append((seconds, lambda: end(order)))
        return (await log_action(control, lambda: 1.8e9).run(given)).data

    return asyncio.run(main()), ends


def test_an_order_for_a_while(control):
    """Level and format change at once, and are as before when the time is over."""
    data, ends = asked(control, level="debug", **{"for": "5m"})
    assert data == {"level": "debug", "format": "text", "until": "2027-01-15T08:05:00Z"}
    assert log_state() == asked(control)[0] == data
    assert logging.getLogger().level == logging.DEBUG
    ((seconds, end),) = ends
    assert seconds == 300
    end()
    assert (control.level, logging.getLogger().level) == ("info", logging.INFO)
    assert log_state() == {"level": "info", "format": "text", "until": None}


@pytest.mark.parametrize("read", [{}, {"by": ""}, {"by": "ann"}])
def test_to_read_how_the_log_is_written_is_no_action(control, caplog, read):
    """Whoever only looks changes nothing, and the log does not say that something was asked for."""
    actions, action = Actions(), log_action(control)
    caplog.set_level(logging.INFO, "aggregator.admin")
    told = asyncio.run(actions.run(action, Asked("", ""), read))
    assert (told.data["level"], caplog.messages) == ("info", [])
    asyncio.run(actions.run(action, Asked("", ""), {**read, "level": "info"}))
    assert caplog.messages == ["An action was asked for."]


def test_how_the_log_is_written_now_is_told(control):
    """An order is told too, as long as it holds; of a log that somebody else has configured nothing is."""
    asked(control, level="debug", format="json")
    assert log_state() == {"level": "debug", "format": "json", "until": None}
    asked(control, level="auto", format="auto")
    assert log_state() == {"level": "info", "format": "text", "until": None}
    handlers, logging.root.handlers = logging.root.handlers, []
    try:
        assert log_state() is None
    finally:
        logging.root.handlers = handlers


def test_an_order_until_another(control):
    """One of the format leaves that of the level; `auto` takes it back."""
    asked(control, level="warning")
    assert asked(control, format="json")[0] == {"level": "warning", "format": "json", "until": None}
    assert asked(control)[0] == {"level": "warning", "format": "json", "until": None}
    assert asked(control, level="auto", format="auto")[0] == {"level": "info", "format": "text", "until": None}


def test_an_order_comes_before_an_option_and_that_before_the_file():
    """Whoever acts last at the process is meant."""
    control = LogControl(io.StringIO(), Masker(), "text", "error")
    control.follow("json", None)
    assert (control.format, control.level) == ("text", "error")
    control.order(Order("debug", "json"))
    assert (control.format, control.level) == ("json", "debug")


@pytest.mark.parametrize(
    "given", [{"level": "loud"}, {"format": "xml"}, {"for": "5m"}, {"level": "debug", "for": "now"}, {"lvl": "debug"},
              {"level": "debug", "for": "367d"}, {"level": "debug", "for": "999999999999999d"}],
)  # fmt: skip
def test_orders_that_cannot_be_followed(control, given):
    """They say what would do, and change nothing."""
    with pytest.raises(ActionError) as refusal:
        asked(control, **given)
    assert refusal.value.status == 400
    assert (control.level, control.format) == ("info", "text")


def test_a_refused_order_leaves_the_end_of_the_one_before(control):
    """A slip in the second must not make the first last for ever."""

    async def main():
        loop, action, timers = asyncio.get_running_loop(), log_action(control), []
        later = loop.call_later
        loop.call_later = lambda *given: timers.append(later(*given)) or timers[-1]
        await action.run({"level": "debug", "for": "5m"})
        with pytest.raises(ActionError, match="at most 366d"):
            await action.run({"level": "warning", "for": f"{400 * '9'}d"})
        assert [one.cancelled() for one in timers] == [False]
        assert control.ordered.until is not None

    asyncio.run(main())


def test_a_file_that_cannot_be_opened(tmp_path, control):
    """The process does not start with one; another, later, leaves the log where it was."""
    control.follow("text", tmp_path / "a.log")
    with pytest.raises(StartupError, match="cannot be opened: No such file or directory"):
        control.follow("text", tmp_path / "none" / "a.log")
    (tmp_path / "a.log").unlink()
    control.reopen()
    logging.getLogger("aggregator.test").info("Elsewhere.")
    control.close()
    assert (tmp_path / "a.log").read_text() == ""


@pytest.mark.processes
def test_lines_about_answers_go_to_their_file(tmp_path: Path):
    """All else stays on stderr; SIGUSR1 has a moved file written anew; a level is ordered by the command."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    command = [sys.executable, "-m", "aggregator"]
    log = tmp_path / "access.log"
    with subprocess.Popen([*command, "run", "--no-watch"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            greeting = json.loads(process.stderr.readline())
            url, admin = greeting["address"], greeting["admin"]
            httpx.get(f"{url}/n/1", timeout=60)
            wait_for(log, '"path":"/n/1"')
            log.rename(tmp_path / "access.log.1")
            os.kill(process.pid, signal.SIGUSR1)
            wait_for(log, "")
            httpx.get(f"{url}/n/2", timeout=60)
            wait_for(log, '"path":"/n/2"')
            assert "/n/2" not in (tmp_path / "access.log.1").read_text()
            ordered = subprocess.run(
                [*command, "log", "level", "debug", "--for", "5m", "--json", "--url", admin], cwd=tmp_path,
                env={**os.environ, "AGGREGATOR_ADMIN_SECRET": "administration-secret"}, capture_output=True, text=True,
                check=True,
            )  # fmt: skip
            assert json.loads(ordered.stdout) | {"until": None} == {"level": "debug", "format": "json", "until": None}
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
    assert process.returncode == 0
    records = [json.loads(line) for line in rest.splitlines()]
    assert {record["logger"] for record in records} >= {"aggregator.admin", "aggregator.server"}
    assert "aggregator.request" not in {record["logger"] for record in records}


def wait_for(log: Path, text: str) -> None:
    """Return when *text* stands in *log*; the test's own limit of time ends one that never comes."""
    while not log.exists() or text not in log.read_text():
        time.sleep(0.01)


def test_a_file_that_cannot_be_written_is_told_once():
    """On stderr, with what the system says, when that begins; lines are tried on, and counted."""
    stream = io.StringIO()
    control = LogControl(stream, Masker())
    control.follow("text", Path("/dev/full"))
    (handler,) = (one for one in logging.root.handlers if hasattr(one, "requests"))
    file = handler.requests.stream
    for number in (1, 2):
        file.write("a line\n")
        while file.lost < number:
            time.sleep(0.01)
    control.close()
    assert stream.getvalue().count("No space left on device") == 1
    assert "The log file cannot be written; its lines are lost until it can." in stream.getvalue()
