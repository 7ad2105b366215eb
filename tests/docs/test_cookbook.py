"""The recipes keep their word: each file is fine, and answers as the lines at its top say."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tries import ask, check, tries

from aggregator.demo.server import DemoServer
from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

PAGES = sorted((Path(__file__).parents[2] / "docs/cookbook").glob("*.md"))


def recipe_texts() -> list[tuple[str, str]]:
    """Return title and file of each recipe."""
    found = []
    for page in PAGES:
        for section in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title = section.splitlines()[0]
            (text,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
            found.append((title, text))
    return found


@pytest.mark.parametrize(("title", "text"), recipe_texts(), ids=lambda value: value[:40])
def test_a_recipe_answers_as_it_says(title: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file has no problem, and every request to try gets its status, its fragment and its headers."""
    monkeypatch.setattr("aggregator.server.generations.running.DemoServer", partial(DemoServer, 0.0))
    file = tmp_path / "routes.yaml"
    file.write_text(text, encoding="utf-8")
    assert [problem.message for problem in check_file(str(file), {}).diagnostics] == []
    wanted = list(tries(text))
    assert wanted, f"nothing to try in {title}"
    with TestClient(create_app(file, env={}), raise_server_exceptions=False) as api:
        for one in wanted:
            check(ask(api, one), one)


def test_there_are_twenty() -> None:
    """Twenty recipes at least, each under a title of its own."""
    titles = [title for title, _ in recipe_texts()]
    assert len(set(titles)) == len(titles) >= 20
