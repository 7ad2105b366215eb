"""`aggregator explain`: text, JSON and Mermaid; what it cannot find."""

from __future__ import annotations

import json
from pathlib import Path


def test_text(aggregator, routes_file: Path) -> None:
    """The endpoint, its calls, its requests and its failures, each under a heading."""
    result = aggregator("explain", "GET /dashboard/7")
    assert result.exit_code == 0
    headings = [line for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert headings == ["GET /dashboard/{user_id}", "Calls", "Requests", "What the client gets when a part fails"]
    assert "GET shop:/users/7/orders?limit=3" in result.stdout


def test_json(aggregator, routes_file: Path) -> None:
    """`--format json` is the same as data."""
    found = json.loads(aggregator("explain", "/users/{user_id}", "--format", "json").stdout)
    assert found["calls"][0]["target"] == "users:/users/{user_id}"


def test_mermaid(aggregator, routes_file: Path) -> None:
    """`--format mermaid` is a flowchart and nothing else."""
    assert aggregator("explain", "/signup", "--format", "mermaid").stdout.startswith("flowchart LR\n")


def test_parameters(aggregator, routes_file: Path) -> None:
    """`--param` fills placeholders."""
    assert "users:/users/9" in aggregator("explain", "/users/{user_id}", "-p", "user_id=9").stdout


def test_a_parameter_without_a_value(aggregator, routes_file: Path) -> None:
    """A parameter that is not `name=value` is wrong usage."""
    assert aggregator("explain", "/users/{user_id}", "-p", "user_id").exit_code == 2


def test_no_such_endpoint(aggregator, routes_file: Path) -> None:
    """What is not declared ends with 1 and the nearest name."""
    result = aggregator("explain", "GET /dashbord/{user_id}")
    assert result.exit_code == 1
    assert "did you mean `GET /dashboard/{user_id}`?" in result.stderr


def test_headings_are_bold_on_a_terminal(aggregator, routes_file: Path, monkeypatch) -> None:
    """On a terminal the headings stand out."""
    monkeypatch.setattr("aggregator.cli.terminal.has_color", lambda _: True)
    assert "\x1b[1mCalls\x1b[0m" in aggregator("explain", "/signup", color=True).stdout
