"""The guide to testing one's own file keeps its word: its file loads and its tests pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from aggregator.server.application.app import create_app

GUIDE = (Path(__file__).parents[2] / "docs/testing.md").read_text(encoding="utf-8")


def blocks(language: str) -> str:
    """Return all code blocks of one language as one text."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))


def examples() -> dict[str, Callable[[], Any]]:
    """Return the tests of the guide by name."""
    names: dict[str, Any] = {}
    exec(compile(blocks("python"), "testing.md", "exec"), names)
    return {name: item for name, item in names.items() if name.startswith("test_")}


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_guide_is_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of the guide passes beside the file of the guide."""
    (tmp_path / "routes.yaml").write_text(blocks("yaml"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    EXAMPLES[name]()


def test_the_decorator_of_respx_needs_the_stock_transport(tmp_path: Path) -> None:
    """What the guide says about `@respx.mock` holds for a file with `client: {transport: httpx}`."""
    file = tmp_path / "routes.yaml"
    file.write_text(blocks("yaml") + "client: {transport: httpx}\n", encoding="utf-8")
    with respx.mock:
        respx.get("https://users.example.com/users/7").respond(json={"id": 7})
        with TestClient(create_app(file)) as api:
            assert api.get("/user/7").json() == {"id": 7}


def test_an_unmatched_call_shows(tmp_path: Path) -> None:
    """What the guide says about a forgotten pattern holds."""
    file = tmp_path / "routes.yaml"
    file.write_text(blocks("yaml"), encoding="utf-8")
    router = respx.Router()
    router.get("https://elsewhere.example.com/")
    transport = httpx.MockTransport(router.async_handler)
    with TestClient(create_app(file, transport=transport)) as api, pytest.raises(AssertionError, match="not mocked"):
        api.get("/user/7")
