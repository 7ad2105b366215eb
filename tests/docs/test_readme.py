"""The README keeps its word: what it shows of the tour is what the tour says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator.server.application.app import create_app
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.process.announcing import welcome

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = (ROOT / "routes.yaml").read_text(encoding="utf-8")
PATIENT = re.sub(r"timeout: \w+", "timeout: 60s", TOUR)
"""The same for calls that are made on a slow machine."""
COMMAND = re.compile(r"^\$ (?P<words>.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.MULTILINE)
NOBODY = "http://127.0.0.1:9"
VARYING = (
    (r"ms=\d+", r"ms=\\d+"),
    (r"[\d\\.]+\\ ms", r"[\\d.]+\\ ms"),
    (r"[░▓█]+", "[ ░▓█]+"),
    (r"(id:\\ )[\w\\-]+", r"\1[\\w-]+"),
    (r"(\\ )+", " +"),
)
"""What is another one each time, as it stands in an escaped pattern, and the pattern in its place."""
SLOW_BODY = re.compile(r"( ·)? +body [\d.]+ ms$", re.MULTILINE)
"""What a busy machine adds to the picture of a call."""


def blocks(language: str) -> list[str]:
    """Return the blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


SHOWN = [(words, shown.rstrip("\n")) for block in blocks("console") for words, shown in COMMAND.findall(block)]


def as_pattern(shown: str) -> re.Pattern[str]:
    """Return the pattern of *shown*, in which ``…`` stands for anything, and times, ids and bars may be others."""
    pattern = re.escape(shown).replace("…", ".*")
    for written, others in VARYING:
        pattern = re.sub(written, others, pattern)
    return re.compile(pattern, re.DOTALL)


def run(folder: Path, words: str) -> str:
    """Return what ``aggregator WORDS`` prints in *folder*, stdout first."""
    arguments = re.findall(r"'[^']*'|\S+", words)
    ended = subprocess.run(
        [sys.executable, "-m", "aggregator", *(word.strip("'") for word in arguments)],
        cwd=folder, capture_output=True, text=True, timeout=280, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return "\n".join(filter(None, (ended.stdout.rstrip("\n"), ended.stderr.rstrip("\n"))))


@pytest.fixture
def tour(tmp_path: Path) -> Path:
    """Return a folder with the tour in it."""
    (tmp_path / "routes.yaml").write_text(TOUR, encoding="utf-8")
    return tmp_path


@pytest.mark.processes
@pytest.mark.promise
@pytest.mark.parametrize(("words", "shown"), [pair for pair in SHOWN if pair[0].startswith("aggregator ")])
def test_a_command_prints_what_is_shown(words: str, shown: str, tour: Path) -> None:
    """Every command of the README prints what stands under it, but for times."""
    if words.startswith("aggregator get "):
        (tour / "routes.yaml").write_text(PATIENT, encoding="utf-8")
    printed = run(tour, words.removeprefix("aggregator "))
    assert as_pattern(shown).fullmatch(SLOW_BODY.sub("", printed)), printed


@pytest.mark.parametrize("number", [0, 1])
def test_a_request_is_answered_as_shown(number: int, tour: Path) -> None:
    """The dashboard is shown as it is: whole, and with a part that nobody answers for."""
    (tour / "routes.yaml").write_text(PATIENT, encoding="utf-8")
    shown = [text for words, text in SHOWN if words.startswith("curl ")][number]
    with TestClient(create_app(tour / "routes.yaml", env={"INBOX_URL": NOBODY} if number else {})) as api:
        answer = api.get("/dashboard/1")
    head, _, body = shown.rpartition("\n\n")
    assert as_pattern(body).fullmatch(answer.text)
    for line in head.splitlines()[1:]:
        name, value = line.split(": ", 1)
        assert as_pattern(f"{name}: {value}").fullmatch(f"{name}: {answer.headers[name]}")


def test_the_greeting_is_the_one_shown(tour: Path) -> None:
    """``scripts/run`` greets as shown."""
    shown = next(text for words, text in SHOWN if words == "sh scripts/run")
    assert (
        welcome("routes.yaml", PlanFiles(tour / "routes.yaml", {}).load(), {"http://127.0.0.1:8000": "public"}) == shown
    )


@pytest.mark.processes
@pytest.mark.promise
def test_the_wrong_save_is_refused_as_shown(tour: Path) -> None:
    """The mistake of the README gets the frame of the README."""
    shown = next(block for block in blocks("console") if "was refused" in block)
    (tour / "routes.yaml").write_text(TOUR.replace("{order.user_id}", "{ordr.user_id}"), encoding="utf-8")
    frame = shown.split("\n", 1)[1].strip()
    assert run(tour, "check").startswith(frame)


def test_the_excerpt_is_from_the_tour() -> None:
    """The endpoint in the README is the one of the file, comments apart."""
    wanted = [re.sub(r" +#.*", "", line) for line in blocks("yaml")[0].splitlines()]
    assert "\n".join(wanted) in re.sub(r" +#.*", "", TOUR)


def test_the_test_of_the_readme_passes(tour: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test that the README shows passes beside the tour."""
    monkeypatch.chdir(tour)
    monkeypatch.setenv("USERS_URL", "https://users.example.com")
    names: dict[str, Any] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    names["test_an_unknown_user_is_404"]()


def test_every_command_is_listed() -> None:
    """The table of commands has all commands and no other."""
    from aggregator.cli.group import COMMANDS

    assert set(re.findall(r"^\| `aggregator (\w+)", README, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.processes
@pytest.mark.promise
def test_the_tour_needs_no_environment(tour: Path) -> None:
    """`check` has nothing to say about the tour when no variable is set."""
    assert run(tour, "check --deny-warnings").startswith("routes.yaml: no problems")


@pytest.mark.processes
@pytest.mark.promise
def test_two_services_of_ones_own(tmp_path: Path) -> None:
    """The file for a start has no problem, and answers with what both services sent."""

    def services(request: httpx.Request) -> httpx.Response:
        known = {"/items/1": {"id": 1, "supplier_id": 7}, "/suppliers/7": {"name": "Acme"}}
        return httpx.Response(200, json=known[request.url.path])

    (text,) = [block for block in blocks("yaml") if "suppliers:" in block]
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    assert run(tmp_path, "check --deny-warnings").startswith("routes.yaml: no problems")
    with TestClient(create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(services), env={})) as api:
        assert api.get("/items/1").json() == {"details": {"id": 1, "supplier_id": 7}, "supplier": {"name": "Acme"}}
