"""The process from its first line to its exit code: what starts, what does not, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tiers import starts_processes

from aggregator.server.process.starting import start
from tests.server.conftest import PATIENCE, Stage

ROUTES = "version: 1\nupstreams: {up: {url: '${UP}'}}\nendpoints: {GET /n: {respond: {body: 1}}, GET /held: {timeout: 500s, call: up:/held}}"


class Process:
    """`aggregator run` in a process of its own; *lines* are what it wrote to stderr so far."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "aggregator", "run", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "UP": "http://127.0.0.1:1", **(env or {})},
        )  # fmt: skip
        self.lines: list[str] = []

    def until_ready(self) -> int:
        """Wait for the greeting; give the port in it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if "http://127.0.0.1:" in line:
                port = int(line.split("http://127.0.0.1:")[1].split()[0])
                _until_it_answers(port)
                return port
        raise AssertionError(self.lines)

    def until_said(self, text: str) -> None:
        """Wait for a line with *text*."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if text in line:
                return
        raise AssertionError(self.lines)

    def end(self) -> int:
        """Wait for the end; give the exit code."""
        out, err = self.process.communicate(timeout=PATIENCE)
        self.lines += err.splitlines()
        assert out == ""
        assert not [line for line in self.lines if "Traceback" in line], self.lines
        return self.process.returncode

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def signal_until_the_end(self, number: int) -> None:
        """Send a signal again and again: two are one for a process that did not run between them."""
        while self.process.poll() is None:
            self.signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)


def _until_it_answers(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.recv(100)


@pytest.fixture
@starts_processes
def run(tmp_path: Path) -> Iterator[object]:
    """Starts processes in a folder with a routes.yaml, and ends what is left of them."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    started: list[Process] = []

    def start(*arguments: str, text: str | None = None, env: dict[str, str] | None = None) -> Process:
        if text is not None:
            (tmp_path / "routes.yaml").write_text(text)
        started.append(Process(tmp_path, *arguments, env=env))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_a_port_that_is_taken(run):
    """One line that names the fix; 3."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run("--port", str(port))
        assert process.end() == 3
    assert process.lines == [
        f"error: Cannot listen on 127.0.0.1:{port}: the port is taken; stop what uses it, or choose another with --port."
    ]


def test_a_port_that_is_taken_ends_several_workers_before_the_first(tmp_path, monkeypatch, capsys):
    """It is told in the words of one process, and no process has been made for it."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nendpoints: {GET /a: {respond: {body: 1}}}\n")
    monkeypatch.delattr(os, "fork")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert start(str(path), None, port, watch=False, log_format=None, log_level="info", workers=2) == 3
    assert capsys.readouterr().err == (
        f"error: Cannot listen on 127.0.0.1:{port}: the port is taken; stop what uses it, or choose another with --port.\n"
    )


@pytest.mark.promise
def test_sigterm_ends_with_0_after_the_last_answer(run, stage):
    """What is being answered is answered, with Connection: close; nothing is accepted any more; the code is 0."""
    import threading

    gate = threading.Event()
    upstream = stage.upstream()
    upstream["/held"] = [gate, stage.reply({"late": True})]
    process = run("--port", "0", env={"UP": upstream.url})
    port = process.until_ready()
    wires = [stage.wire(port) for _ in range(2)]
    busy, idle = wires
    assert idle.ask("GET", "/n").status == 200
    busy.write("GET", "/held")
    stage.until(lambda: upstream.requests)
    process.signal(signal.SIGTERM)
    assert idle.ended
    stage.until(lambda: _is_closed(port))
    gate.set()
    answer = busy.reply()
    assert (answer.status, answer.json, answer["connection"]) == (200, {"late": True}, "close")
    assert process.end() == 0
    for wire in wires:
        wire.close()


def _is_closed(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_second_signal_leaves_at_once(run, stage):
    """A request that takes long does not hold up who insists."""
    upstream = stage.upstream()
    upstream["/held"] = [stage.HANG]
    text = ROUTES.replace("upstreams:", "server: {shutdown_grace: 600s}\nupstreams:")
    process = run("--port", "0", text=text, env={"UP": upstream.url})
    wire = stage.wire(process.until_ready()).write("GET", "/held")
    stage.until(lambda: upstream.requests)
    process.signal(signal.SIGINT)
    process.until_said("The server stops.")
    process.signal(signal.SIGINT)
    assert process.end() == 0
    wire.close()


def test_a_hung_thread_does_not_keep_the_process(run, stage, tmp_path):
    """A function of a plug-in that never returns is left behind."""
    (tmp_path / "hung_plugin.py").write_text("import time\ndef f(value):\n    time.sleep(3600)\n")
    upstream = stage.upstream()
    upstream["/n"] = stage.reply({})
    text = (
        "version: 1\nserver: {shutdown_grace: 200ms}\nplugins: [hung_plugin]\nupstreams: {up: {url: '${UP}'}}\n"
        "endpoints: {GET /n: {timeout: 200ms, call: {url: up:/n, transform: 'hung_plugin:f'}}}"
    )
    process = run("--port", "0", text=text, env={"UP": upstream.url})
    wire = stage.wire(process.until_ready())
    assert wire.ask("GET", "/n").status == 504
    process.signal(signal.SIGTERM)
    assert process.end() == 0
    wire.close()


@pytest.mark.promise
def test_sighup_reloads(run, stage, tmp_path):
    """Without a watcher, the signal does it; a bad file prints its diagnostics, and the old one goes on."""
    process = run("--port", "0", "--no-watch")
    wire = stage.wire(process.until_ready())
    (tmp_path / "routes.yaml").write_text(ROUTES.replace("body: 1", "body: 2"))
    process.signal(signal.SIGHUP)
    stage.until(lambda: wire.ask("GET", "/n").json == 2)
    (tmp_path / "routes.yaml").write_text("version: 1\nendpoints: {GET /n: {respnd: 1}}")
    process.signal(signal.SIGHUP)
    process.until_said("routes.yaml changed and was refused; generation 2 stays.")
    process.until_said("  = hint: did you mean `respond`?")
    assert wire.ask("GET", "/n").json == 2
    process.signal(signal.SIGTERM)
    assert process.end() == 0
    wire.close()


def test_secrets_are_not_logged_after_a_reload_either(run, stage, tmp_path):
    """A secret is masked from the first request on, and one that a reload brings from then on."""
    upstream = stage.upstream()
    for path in ("/n", "/first-secret", "/second-secret"):
        upstream[path] = stage.reply({}, 500)
    text = "version: 1\nupstreams: {up: {url: '${UP}', headers: {x-key: '${file:key}'}}}\nendpoints:\n  GET /{id}: {call: 'up:/{id}'}"
    (tmp_path / "key").write_text("first-secret")
    process = run("--port", "0", text=text, env={"UP": upstream.url})
    wire = stage.wire(process.until_ready())
    assert wire.ask("GET", "/first-secret").status == 502
    (tmp_path / "key").write_text("second-secret")
    stage.until(lambda: wire.ask("GET", "/n").status == 502 and upstream.last["x-key"] == "second-secret")
    assert wire.ask("GET", "/second-secret").status == 502
    process.signal(signal.SIGTERM)
    assert process.end() == 0
    assert sum("path=/********" in line for line in process.lines) == 2
    assert "-secret" not in "\n".join(process.lines)
    wire.close()


BLOCKING = """
import time

async def block(value):
    print("it blocks", file=__import__("sys").stderr, flush=True)
    time.sleep(60)

def stuck(value):
    print("it is stuck", file=__import__("sys").stderr, flush=True)
    time.sleep(60)
"""
WITH_PLUGIN = """
version: 1
plugins: [plugged]
upstreams: {{up: {{url: "${{UP}}"}}}}
server: {{shutdown_grace: 100ms}}
endpoints:
  GET /n: {{timeout: 30s, call: {{url: up:/n, transform: "plugged:{function}"}}}}
"""


def _asked(run, stage, tmp_path, function):
    """Return a process of which somebody has asked what calls *function*, and the socket that waits."""
    (tmp_path / "plugged.py").write_text(BLOCKING)
    upstream = stage.upstream()
    upstream["/n"] = stage.reply({})
    text = WITH_PLUGIN.format(function=function)
    process = run("--port", "0", "--no-watch", text=text, env={"UP": upstream.url})
    client = socket.create_connection(("127.0.0.1", process.until_ready()))
    client.sendall(b"GET /n HTTP/1.1\r\nhost: a\r\n\r\n")
    process.until_said("it ")
    return process, client


def test_a_second_signal_ends_a_process_whose_loop_is_blocked(run, stage, tmp_path):
    """The loop hears neither signal; the second one ends the process all the same, and says where the loop stands."""
    process, client = _asked(run, stage, tmp_path, "block")
    with client:
        process.signal_until_the_end(signal.SIGTERM)
        assert process.end() == 128 + signal.SIGTERM
    (line,) = [line for line in process.lines if "a second signal ends the process" in line]
    assert "plugged.py:6 in block: time.sleep(60)" in line


def test_a_function_that_never_returns_is_named_at_the_end(run, stage, tmp_path):
    """A thread that hangs does not keep the process, and the log says which function it was, and where it stands."""
    process, client = _asked(run, stage, tmp_path, "stuck")
    with client:
        process.signal(signal.SIGTERM)
        assert process.end() == 0
    (line,) = [line for line in process.lines if "it is left behind" in line]
    assert "plugged:stuck" in line
    assert "plugged.py:10 in stuck: time.sleep(60)" in line


def test_threads_hand_the_interpreter_on_soon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What threads compute is shared out by the millisecond, so that the loop never waits for long."""
    set_to: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", set_to.append)
    stage.gateway("endpoints: {GET /x: {respond: {body: 1}}}")
    assert set_to == [0.001]
