"""The tutorial works as it stands: its services, its files, and what its commands print."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ports import free_ports
from tiers import starts_processes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(SERVICES,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONSOLES = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
@starts_processes
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The two services of the page, on ports of their own."""
    users, orders = free_ports(2)
    script = tmp_path_factory.mktemp("services") / "services.py"
    script.write_text(SERVICES)
    environment = {**os.environ, "USERS_PORT": str(users), "ORDERS_PORT": str(orders)}
    with subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, env=environment) as running:
        for port in (users, orders):
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
        yield users, orders
        running.kill()


def shown(folder: Path, words: str, ports: tuple[int, int]) -> str:
    """Return what the command *words* of the page prints in *folder*."""
    arguments = re.findall(r"'([^']*)'|(\S+)", words)
    command = [(quoted or plain).replace(":9001", f":{ports[0]}") for quoted, plain in arguments]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "USERS_URL": f"http://127.0.0.1:{ports[0]}",
        "ORDERS_URL": f"http://127.0.0.1:{ports[1]}",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "aggregator", *command[1:]],
        cwd=folder, capture_output=True, text=True, timeout=280, check=False, env=environment,
    )  # fmt: skip
    return "\n".join(filter(None, (ended.stdout.rstrip("\n"), ended.stderr.rstrip("\n"))))


def test_the_steps_print_what_they_show(tmp_path: Path, ports: tuple[int, int]) -> None:
    """Each command of the page, in order, in one folder, prints what stands below it; ``…`` is anything."""
    steps = [re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE) for block in CONSOLES]
    for number, commands in enumerate(steps):
        if number == 2:
            (tmp_path / "routes.yaml").write_text(FILES[1])
        for words, wanted in commands:
            if words.startswith("aggregator get "):  # on a slow machine services are slow, too
                file = tmp_path / "routes.yaml"
                file.write_text(file.read_text().replace("timeout: 2s", "timeout: 60s"))
            pattern = re.escape(wanted.strip()).replace("…", ".*")
            printed = shown(tmp_path, words, ports)
            assert re.search(pattern, printed, re.DOTALL), f"$ {words}\n{printed}"


def test_init_writes_what_the_page_shows(tmp_path: Path, ports: tuple[int, int]) -> None:
    """The file that `init` makes of the curl command is the one of the page, but for its port."""
    shown(tmp_path, "aggregator init --from-curl 'curl http://127.0.0.1:9001/users/1'", ports)
    written = yaml.safe_load((tmp_path / "routes.yaml").read_text().replace(f":{ports[0]}", ":9001"))
    assert written == {"version": 1, **yaml.safe_load(FILES[0])}


def test_a_wrong_save_is_refused_as_the_page_says(tmp_path: Path, ports: tuple[int, int]) -> None:
    """The message of the page is the one that a wrong name gets."""
    (tmp_path / "routes.yaml").write_text(FILES[1].replace("user.name", "usr.name"))
    said = shown(tmp_path, "aggregator check", ports)
    assert "routes.yaml:24:19 error[unknown-name] there is no `usr` here" in said
    assert "did you mean `user`?" in said
