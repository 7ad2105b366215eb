"""What commands say of themselves: help, completion in a shell, the manual page."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from aggregator.cli.group import COMMANDS, cli
from aggregator.cli.manual import PLACE, manual_text

ROOT = Path(__file__).parents[2]


def completed(*words: str) -> list[str]:
    """Return what a shell offers for the last of *words*."""
    return [
        item.value for item in ShellComplete(cli, {}, "aggregator", "X").get_completions(list(words[:-1]), words[-1])
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_an_example(aggregator, name: str) -> None:
    """The first line of each help is a command line that can be copied; nothing is wider than a terminal."""
    lines = aggregator(name, "--help", env={"COLUMNS": "80"}).stdout.splitlines()
    assert lines[0].startswith(f"  aggregator {name}")
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_commands_that_exist(name: str) -> None:
    """Every option that an example shows is one of the command."""
    command = cli.get_command(click.Context(cli), name)
    options = {option for param in command.params for option in param.opts}
    for line, _ in command.examples:
        assert {word for word in line.split() if word.startswith("-")} <= options


@pytest.mark.parametrize("command", ["get", "explain"])
def test_endpoints_complete(routes_file: Path, command: str) -> None:
    """A shell offers the endpoints of the file: whole keys, or paths once a slash is there."""
    assert completed(command, "") == ["GET /users/{user_id}", "GET /dashboard/{user_id}", "POST /signup"]
    assert completed(command, "/d") == ["/dashboard/{user_id}"]
    assert completed(command, "POST") == ["POST /signup"]


def test_what_can_be_switched_completes(folder: Path) -> None:
    """Upstreams and endpoints by name; then the parts and the effects of the endpoint."""
    (folder / "routes.yaml").write_text("""\
version: 1
upstreams: {users: {url: "demo://users"}, uploads: {url: "demo://users"}}
endpoints:
  GET /both: {fan_out: {ads: "users:/a", adverts: "users:/b"}, background: [{name: seen, url: "POST users:/seen"}]}
""")
    assert completed("switch", "off", "upstream", "u") == ["users", "uploads"]
    assert completed("breaker", "open", "us") == ["users"]
    assert completed("switch", "off", "endpoint", "") == ["GET /both"]
    assert completed("switch", "off", "part", "GET /both", "adv") == ["adverts"]
    assert completed("switch", "off", "effect", "GET /both", "") == ["seen"]
    assert completed("switch", "off", "effect", "") == ["GET /both", "seen"]
    assert completed("switch", "off", "part", "GET /none", "") == []


def test_parts_inside_of_others_complete_by_the_names_that_a_switch_takes(folder: Path) -> None:
    """With the group before the dot, and the number of one that runs in a race."""
    (folder / "routes.yaml").write_text("""\
version: 1
upstreams: {users: {url: "demo://users"}}
endpoints:
  GET /home:
    fan_out:
      page: {fan_out: {ads: "users:/a", top: "users:/b"}}
      price: {race: ["users:/c", "users:/d"]}
""")
    assert completed("switch", "off", "part", "GET /home", "pa") == ["page", "page.ads", "page.top"]
    assert completed("switch", "off", "part", "GET /home", "page.a") == ["page.ads"]
    assert completed("switch", "on", "part", "GET /home", "price") == ["price", "price[0]", "price[1]"]


def test_another_file_completes(folder: Path) -> None:
    """The file that the command line names is the one that is read."""
    (folder / "other.yaml").write_text("version: 1\nendpoints: {GET /x: {respond: {body: 1}}}\n")
    assert completed("get", "--config", "other.yaml", "") == ["GET /x"]


@pytest.mark.parametrize("text", ["version: 1\nendpoints: {GET x: 1}\n", "{{", ""])
def test_a_wrong_file_completes_nothing(folder: Path, text: str) -> None:
    """A file with problems, and one that is not there, are no reason to fail."""
    if text:
        (folder / "routes.yaml").write_text(text)
    assert completed("get", "") == []


def test_the_manual_is_current() -> None:
    """docs/aggregator.1 is what the commands say; `python -m aggregator.cli.manual --write` renews it."""
    assert (ROOT / PLACE).read_text(encoding="utf-8") == manual_text()
