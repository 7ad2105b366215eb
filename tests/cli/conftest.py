"""The command line as a function, in a folder of its own that holds a first routes.yaml."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aggregator.cli.group import cli
from aggregator.config.reference.starter import starter_text

Command = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to work in, without what CI and terminals set."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "NO_COLOR", "USERS_URL", "SHOP_URL", "ANALYTICS_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def routes_file(folder: Path) -> Path:
    """Return a routes.yaml that `init` writes."""
    file = folder / "routes.yaml"
    file.write_text(starter_text())
    return file


@pytest.fixture
def no_complaints() -> Iterator[None]:
    """Collect no garbage meanwhile: tasks that another test left behind complain as they go, on our stderr."""
    was_on = gc.isenabled()
    gc.disable()
    yield
    if was_on:
        gc.enable()


@pytest.fixture
def aggregator(folder: Path, no_complaints: None) -> Command:
    """Return the command line as a function of its arguments; `input=` is stdin."""

    def run(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(cli, arguments, prog_name="aggregator", **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
