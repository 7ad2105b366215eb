"""The examples keep their word: each is fine, is served, and answers as the lines at its top say."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tries import ask, check, contains, tries

from aggregator.demo.server import DemoServer
from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

FOLDER = Path(__file__).parents[2] / "examples"
FILES = sorted(FOLDER.glob("*.yaml"))
PATIENCE = 30.0
"""Seconds within which the work behind an answer shows."""
TIMEOUT = re.compile(r"\btimeout: (?!150ms)[\d.]+m?s\b")
"""A timeout that is there for others than the service that is too slow for it on purpose."""


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget afterwards where plug-ins were found, and the ones that were imported."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "plugins":
            del sys.modules[name]


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the examples for a slow machine: nothing is late in it but what is to be."""
    copy = shutil.copytree(FOLDER, tmp_path_factory.mktemp("patient") / FOLDER.name)
    for file in copy.rglob("*.yaml"):
        file.write_text(TIMEOUT.sub("timeout: 60s", file.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


@pytest.mark.usefixtures("own_modules")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_answers_as_it_says(file: Path, patient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request to try gets its status, its fragment and its headers, in time."""
    monkeypatch.setattr("aggregator.server.generations.building.DemoServer", partial(DemoServer, 0.0))
    with TestClient(create_app(patient / file.name, env={}), raise_server_exceptions=False) as api:
        for wanted in tries(file.read_text(encoding="utf-8")):
            if wanted.target == "/events":
                wait_for_events(api)
            check(ask(api, wanted), wanted)


def wait_for_events(api: TestClient) -> None:
    """Wait until a background call has arrived; nothing tells a client when."""
    end = time.monotonic() + PATIENCE
    while not api.get("/events").json()["count"] and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_fine(file: Path) -> None:
    """`check` has nothing to say about an example, not even a warning."""
    checked = check_file(str(file), {})
    assert [problem.message for problem in checked.diagnostics] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_endpoint_is_tried(file: Path) -> None:
    """Every endpoint of an example, those of included files too, has a request to try."""
    plan = check_file(str(file), {}).plan
    assert plan is not None
    asked = [f"{wanted.method} {wanted.target.partition('?')[0]}" for wanted in tries(file.read_text("utf-8"))]
    for endpoint in plan.endpoints:
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(endpoint.key))
        assert any(re.fullmatch(pattern, request) for request in asked), f"nobody tries {endpoint.key}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_says_how_to_run_it(file: Path) -> None:
    """The comment at the top names what is taught and the command that serves this very file; the page lists it."""
    text = file.read_text(encoding="utf-8")
    assert "\n# Teaches: " in text
    assert f"\n# Run:     aggregator run examples/{file.name}\n" in text
    assert f"]({file.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_page_lists_what_exists() -> None:
    """Every link of the page of examples leads to a file or a folder."""
    links = re.findall(r"\]\(([^)]+)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert len(links) > len(FILES) > 10
    assert [link for link in links if not (FOLDER / link).exists()] == []


def test_what_is_shown_is_compared() -> None:
    """A missing key, another value, another type and a list that is too short are no match."""
    for came, wanted in (({}, {"a": 1}), ({"a": 2}, {"a": 1}), ({"a": True}, {"a": 1}), ([1], [1, 2]), (None, [])):
        assert not contains(came, wanted)
    assert contains({"a": [1, 2], "b": 0}, {"a": [1]})
