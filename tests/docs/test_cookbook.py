"""The recipes keep their word: each file is fine, and answers as the lines at its top say."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
import trustme
from fastapi.testclient import TestClient
from tries import ask, check, recipes_in, tries

from aggregator.demo.server import DemoServer
from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

PAGES = sorted((Path(__file__).parents[2] / "docs/cookbook").glob("*.md"))


IDENTITY = Path(__file__).parents[2] / "docs/cookbook/identity.md"
"""The page whose recipes want an issuer: another test plays it."""


def recipe_texts() -> list[tuple[str, str]]:
    """Return title and file of each recipe that needs nobody."""
    return [recipe for page in PAGES if page != IDENTITY for recipe in recipes_in(page)]


@pytest.mark.parametrize(("title", "text"), recipe_texts(), ids=lambda value: value[:40])
def test_a_recipe_answers_as_it_says(title: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file has no problem, and every request to try gets its status, its fragment and its headers."""
    monkeypatch.setattr("aggregator.server.generations.building.DemoServer", partial(DemoServer, 0.0))
    file = tmp_path / "routes.yaml"
    file.write_text(text, encoding="utf-8")
    write_certificates(text, tmp_path)
    assert [problem.message for problem in check_file(str(file), {}).diagnostics] == []
    wanted = list(tries(text))
    assert wanted, f"nothing to try in {title}"
    with TestClient(create_app(file, env={}), raise_server_exceptions=False) as api:
        for one in wanted:
            check(ask(api, one), one)


def write_certificates(text: str, folder: Path) -> None:
    """Write the pair of files that `tls` of *text* names into *folder*."""
    for cert, key in re.findall(r"tls: \{cert: (\S+), key: (\S+)\}", text):
        pair = trustme.CA().issue_cert("localhost")
        (folder / cert).parent.mkdir()
        pair.cert_chain_pems[0].write_to_path(folder / cert)
        pair.private_key_pem.write_to_path(folder / key)


def test_there_are_twenty() -> None:
    """Twenty recipes at least, each under a title of its own."""
    titles = [title for title, _ in recipe_texts()]
    assert len(set(titles)) == len(titles) >= 20
