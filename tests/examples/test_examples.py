"""The examples keep their word: each is fine, is served, and answers as the lines at its top say."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from aggregator.demo.server import DemoServer
from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

FOLDER = Path(__file__).parents[2] / "examples"
FILES = sorted(FOLDER.glob("*.yaml"))
TRY = re.compile(r"^# try: (?P<asked>.+)\n(?P<shown>(?:#   \S+: .+\n)*)", re.MULTILINE)
ASKED = re.compile(
    r"(?P<method>[A-Z]+) (?P<target>/\S*)(?P<headers>(?: -H \"[^\"]+\")*)(?: (?P<body>\{.*\}))?"
    r" -> (?P<status>\d{3})(?: (?P<fragment>.+))?"
)
PATIENCE = 2.0
"""Seconds within which the work behind an answer shows."""


class Try(NamedTuple):
    """One request that a file says to try, and what it says comes back."""

    line: str
    method: str
    target: str
    headers: dict[str, str]
    body: str | None
    status: int
    fragment: Any
    shown: tuple[tuple[str, str], ...]


def tries(text: str) -> Iterator[Try]:
    """Give the requests that *text* says to try, in its order."""
    for found in TRY.finditer(text):
        asked = ASKED.fullmatch(found["asked"])
        assert asked, f"not a request to try: {found['asked']}"
        headers = dict(header.split(": ", 1) for header in re.findall(r'-H "([^"]+)"', asked["headers"]))
        if asked["body"]:
            headers["content-type"] = "application/json"
        fragment = None if asked["fragment"] is None else json.loads(asked["fragment"])
        shown = re.findall(r"^#   (\S+): (.+)$", found["shown"], re.MULTILINE)
        yield Try(
            found["asked"], asked["method"], asked["target"], headers, asked["body"],
            int(asked["status"]), fragment, tuple(shown),
        )  # fmt: skip


def ask(api: TestClient, wanted: Try) -> Any:
    """Give the answer to the request of *wanted*."""
    return api.request(wanted.method, wanted.target, headers=wanted.headers, content=wanted.body)


def check(answer: Any, wanted: Try) -> None:
    """Compare status, fragment and headers of *answer* with what is wanted."""
    assert answer.status_code == wanted.status, f"{wanted.line}\n{answer.text}"
    if isinstance(wanted.fragment, str):
        assert wanted.fragment in answer.text, f"{wanted.line}\n{answer.text}"
    elif wanted.fragment is not None:
        came = answer.json()
        assert contains(came, wanted.fragment), f"{wanted.line}\n{json.dumps(came, indent=1)}"
    for name, value in wanted.shown:
        assert fnmatchcase(answer.headers.get(name, ""), value), f"{wanted.line}\n{answer.headers}"


def contains(came: Any, wanted: Any) -> bool:
    """Say whether *came* has all of *wanted*: objects may have more keys, lists more elements at their end."""
    if isinstance(wanted, dict):
        return isinstance(came, dict) and all(
            name in came and contains(came[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(came, list) and len(came) >= len(wanted) and all(map(contains, came, wanted))
    return type(came) is type(wanted) and bool(came == wanted)


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget afterwards where plug-ins were found, and the ones that were imported."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "plugins":
            del sys.modules[name]


@pytest.mark.usefixtures("own_modules")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_answers_as_it_says(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request to try gets its status, its fragment and its headers, in time."""
    monkeypatch.setattr("aggregator.server.generations.running.DemoServer", partial(DemoServer, 0.0))
    with TestClient(create_app(file, env={}), raise_server_exceptions=False) as api:
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
