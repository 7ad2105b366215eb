"""The command as an operator starts it: a process of its own, with real pipes."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

HEAVY = ("asyncio", "fastapi", "httpx", "rich", "ssl", "starlette", "uvicorn")


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m aggregator` in *folder*."""
    command = [sys.executable, "-m", "aggregator", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.promise
def test_check(routes_file: Path) -> None:
    """A right file ends with 0 and one line on stderr."""
    result = run("check", folder=routes_file.parent)
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("routes.yaml: no problems")


@pytest.mark.promise
def test_get_into_a_pipe(routes_file: Path) -> None:
    """What comes through a pipe is the body alone."""
    result = run("get", "/users/1", folder=routes_file.parent)
    assert result.returncode == 0
    assert json.loads(result.stdout)["id"] == 1


def test_get_into_one_file_with_what_it_says(routes_file: Path) -> None:
    """After `2>&1` the status begins on a line of its own, although a body has no line break."""
    command = f"{sys.executable} -m aggregator get /users/1 2>&1"
    result = subprocess.run(command, shell=True, cwd=routes_file.parent, capture_output=True, text=True, check=False)
    assert [line[:6] for line in result.stdout.splitlines()[:2]] == ['{"id":', "200 OK"]


def test_a_reader_that_leaves_is_no_fault(routes_file: Path) -> None:
    """`aggregator reference | head -1` ends quietly."""
    command = f"{sys.executable} -m aggregator reference | head -1"
    result = subprocess.run(command, shell=True, cwd=routes_file.parent, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("# Reference\n", "")


@pytest.mark.parametrize(("command", "code"), [("check", 0), ("routes", 0), ("get /users/1", 0), ("get /nope", 1)])
def test_without_a_stdout_the_exit_code_still_tells(routes_file: Path, command: str, code: int) -> None:
    """A caller that closed stdout (`>&-`), as some daemons do, only wants the code."""
    line = f"{sys.executable} -m aggregator {command} >&-"
    result = subprocess.run(line, shell=True, cwd=routes_file.parent, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, "fault" in result.stderr) == (code, "", False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("command", ["schema", "routes", "get /users/1", "--help"])
def test_a_full_disk_is_no_fault_of_the_program(routes_file: Path, command: str) -> None:
    """What cannot be written is said, with the system's reason."""
    line = f"{sys.executable} -m aggregator {command} >/dev/full"
    result = subprocess.run(line, shell=True, cwd=routes_file.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "error: The output cannot be written: No space left on device."


def test_quick_commands_import_nothing_heavy(routes_file: Path) -> None:
    """What needs no server loads none: no FastAPI, no httpx, no rich, no event loop and no TLS."""
    commands = [["check"], ["routes"], ["explain", "/signup"]]
    code = (
        "import os, sys; from aggregator.cli import main; os._exit = sys.exit\n"
        f"for sys.argv[1:] in {commands!r}:\n"
        "    try: main()\n    except SystemExit: pass\n"
        f"    print('LOADED', *sys.argv[1:2], *sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=routes_file.parent, capture_output=True, text=True, check=True
    )
    loaded = [line for line in result.stdout.splitlines() if line.startswith("LOADED")]
    assert loaded == ["LOADED check", "LOADED routes", "LOADED explain"]


def test_a_server_imports_no_terminal(routes_file: Path) -> None:
    """What answers requests has no use for rich and Pygments, which httpx would bring in for its own command."""
    code = (
        "import os, sys; from aggregator.cli import main; sys.argv[1:] = ['get', '/users/1', '--json', '--no-trace']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('LOADED', *sorted({'httpx', 'rich', 'pygments'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=routes_file.parent, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "LOADED httpx"


def test_the_picture_fits_the_terminal_that_shows_it(routes_file: Path) -> None:
    """In `aggregator get … | jq` stdout is no terminal, stderr is one: its width counts."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 62, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"NO_COLOR": "1"}
    command = [sys.executable, "-m", "aggregator", "get", "/dashboard/1"]
    subprocess.run(
        command, cwd=routes_file.parent, env=environment, stdout=subprocess.DEVNULL, stderr=theirs, check=True
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the other side is closed, and all of it is read
        while piece := os.read(ours, 65536):  # a terminal hands on in pieces, and a moment later
            shown += piece
    lines = shown.decode().splitlines()
    os.close(ours)
    assert lines[0].startswith("200 OK")
    assert 50 < max(map(len, lines)) <= 62


def test_an_old_python_is_named() -> None:
    """Who runs the package with it reads what to do, not which import failed first."""
    code = "import runpy, sys; sys.version_info = (3, 10, 13); runpy.run_module('aggregator', run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: aggregator needs Python 3.11 or newer, and ")
    assert "is Python 3.10.13; run it with a newer one" in result.stderr


def test_without_uvloop_asyncio_serves(routes_file: Path) -> None:
    """Where uvloop cannot be loaded the log says what is lost, and how to get it."""
    code = "import sys; sys.modules['uvloop'] = None; from aggregator.cli.group import main; main()"
    command = [sys.executable, "-c", code, "run", "--port", "0", "--no-watch"]
    with subprocess.Popen(command, cwd=routes_file.parent, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines: list[str] = []
        try:
            while not lines or "http://127.0.0.1:" not in lines[-1]:
                lines.append(process.stderr.readline())
                assert lines[-1], lines
            url = lines[-1].split()[0]
            with urllib.request.urlopen(f"{url}/users/1") as answer:
                assert json.loads(answer.read())["id"] == 1
        finally:
            process.terminate()
    assert "uvloop cannot be loaded" in lines[0]
    assert "pip install uvloop" in lines[0]
