"""A file is named as an argument or by an option; whether it can be read is told by who reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator.cli.group import cli


@pytest.mark.parametrize("words", [["FILE"], ["-c", "FILE"]])
def test_a_file_is_not_judged_before_it_is_read(
    routes_file: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Permissions are more than the system tells beforehand: it is tried."""
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    words = [str(routes_file) if word == "FILE" else word for word in words]
    result = CliRunner().invoke(cli, ["check", *words])
    assert (result.exit_code, "not readable" in result.output) == (0, False)


def test_two_files_are_one_too_many(routes_file: Path) -> None:
    """One of them would not be read."""
    result = CliRunner().invoke(cli, ["check", str(routes_file), "-c", "other.yaml"])
    assert result.exit_code == 2
