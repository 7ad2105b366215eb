"""What can be known of the image without building it; ``deploy/container/try`` builds and tries it, in minutes, as root."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest

from aggregator.cli.group import cli

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/container/Containerfile"
STATUS = {"/livez": 200}


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the file, each with what stands behind it in one line."""
    lines = [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in whole.splitlines())]


def of(name: str) -> list[str]:
    """Return what stands behind each instruction *name*."""
    return [rest for found, rest in instructions() if found == name]


def test_all_that_is_copied_is_there() -> None:
    """And is not kept from the build by ``.dockerignore``."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    kept = [line[1:] for line in lines if line.startswith("!")]
    sources = [word.rstrip("/") for rest in of("COPY") if "--from" not in rest for word in shlex.split(rest)[:-1]]
    assert sources
    assert [one for one in sources if not (ROOT / one).exists() or one not in kept] == []


def test_it_runs_as_nobody_who_is_root_and_as_the_program_reads_it() -> None:
    """Its user is a number, so that Kubernetes can see it; its words are those of `aggregator run`, behind an init."""
    assert of("USER")[-1].partition(":")[0].isdigit()
    assert of("USER")[-1] != "0:0"
    assert json.loads(of("ENTRYPOINT")[-1]) == ["tini", "--", "aggregator"]
    command, *words = json.loads(of("CMD")[-1])
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    assert found.make_context(command, words).params["host"] == "0.0.0.0"


class Process(BaseHTTPRequestHandler):
    """Answers as the process in the image does."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(STATUS.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def process() -> Iterator[str]:
    """Return the address of a process that says that it lives, for as long as it does."""
    with HTTPServer(("127.0.0.1", 0), Process) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_its_health_check_tells_who_lives(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the words of the file: exit code 0, and 1 for a process that says otherwise or is not there."""
    (rest,) = of("HEALTHCHECK")
    words = json.loads(rest.partition("CMD ")[2])
    script = ROOT / "deploy/container" / Path(words[-1]).name
    check = [sys.executable, *words[1:-1], str(script)]

    def code(address: str) -> int:
        return subprocess.run(check, env={"AGGREGATOR_HEALTH": address}, timeout=120).returncode

    assert code(process) == 0
    monkeypatch.setitem(STATUS, "/livez", 503)
    assert code(process) == 1
    assert code("127.0.0.1:1") == 1
