"""Every command that is about a configuration takes `-c FILE`."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from aggregator.cli.group import cli

WITHOUT = {"init", "keys", "mock", "reference", "schema"}
"""They write a file, or read one that is no configuration."""


@pytest.mark.parametrize("name", sorted(set(cli.list_commands(click.Context(cli))) - WITHOUT))
def test_a_command_takes_the_file_by_an_option(name: str) -> None:
    """Who types `-c` out of habit is understood, whatever command it is."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert "-c" in {option for param in command.params for option in param.opts}


def test_a_file_is_named_either_way(aggregator, routes_file: Path) -> None:
    """The option and the argument mean the same file."""
    routes_file.rename(routes_file.with_name("shop.yaml"))
    assert aggregator("routes", "-c", "shop.yaml").stdout == aggregator("routes", "shop.yaml").stdout != ""


def test_two_files_are_one_too_many(aggregator, routes_file: Path) -> None:
    """One of them would not be read, and nobody would know which."""
    result = aggregator("check", "-c", routes_file.name, "other.yaml")
    assert result.exit_code == 2
    assert "Two files are named: routes.yaml and other.yaml." in result.stderr
