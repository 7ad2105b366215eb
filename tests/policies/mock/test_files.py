"""The file of a mock: its routes are those of the mock, variables and mistakes included, and it is watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import Config, Loader
from aggregator.errors import ConfigError
from aggregator.plan.compiling.compiler import compile_plan

ROUTES = """
version: 1
upstreams: {ledger: {mock: {file: mocks/ledger.yaml%s}}}
endpoints: {GET /a: {call: ledger:/a}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a mock in a file beside nothing else."""
    (tmp_path / "mocks").mkdir()
    (tmp_path / "routes.yaml").write_text(ROUTES % "")
    (tmp_path / "mocks/ledger.yaml").write_text("routes: {GET /a: {json: '${WHO}'}, GET /b: {body: b}}")
    return tmp_path


def load(folder: Path) -> Config:
    """Return the configuration of *folder*."""
    return Loader(folder / "routes.yaml", {"WHO": "me"}).load()


def test_routes_of_a_file_are_those_of_the_mock(folder: Path) -> None:
    """As if they stood in place, with variables filled in; what stands in place goes first."""
    config = load(folder)
    assert {key: one.json_ or one.body for key, one in config.settings.upstreams["ledger"].mock.routes.items()} == {
        "GET /a": "me", "GET /b": "b",
    }  # fmt: skip
    (folder / "routes.yaml").write_text(ROUTES % ", routes: {GET /b: {body: in place}}")
    assert load(folder).settings.upstreams["ledger"].mock.routes["GET /b"].body == "in place"
    (mock,) = [one.mock for one in compile_plan(config).upstreams]
    assert (mock.words, mock.is_alone) == ("mock of 2 routes", True)


def test_a_file_is_watched_and_is_a_part_of_the_configuration(folder: Path) -> None:
    """Another text of it is another configuration."""
    before = load(folder)
    assert folder / "mocks/ledger.yaml" in before.files
    (folder / "mocks/ledger.yaml").write_text("routes: {GET /a: {json: 2}}")
    assert load(folder).digest != before.digest
    assert load(folder).endpoints[0].digest != before.endpoints[0].digest


@pytest.mark.parametrize("text", ["", "- 1", "routes: [1]", "routes: {GET /a: 1}", "routes: {GET /a: {json: [}}", "\0"])
def test_a_file_that_is_no_mock_is_refused_once(folder: Path, text: str) -> None:
    """With one problem, which has a place, and a way out that does not speak of another kind of file."""
    (folder / "mocks/ledger.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(folder)
    (problem,) = raised.value.diagnostics
    assert problem.position.line
    assert "version" not in (problem.hint or "")
