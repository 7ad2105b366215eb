"""What `tail` and `top` print of what a process tells, on stdout and on stderr."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from aggregator.cli.commands.acting.tail import line_of
from aggregator.cli.following import Event
from aggregator.cli.group import cli


def shown(monkeypatch: pytest.MonkeyPatch, line: str, *events: Event) -> Any:
    """Return what the command *line* prints of *events*, after which it is interrupted."""

    def told(*_: object) -> Any:
        yield from events
        raise KeyboardInterrupt

    monkeypatch.setattr("aggregator.cli.following.follow", told)
    return CliRunner().invoke(cli, f"{line} --url h:9")


def test_what_tail_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to stdout, what became of the process to stderr."""
    ended = request()
    events = [
        Event("request", ended),
        Event("gone", {}),
        Event("back", {}),
        Event("lost", {"count": 3}),
        Event("x", {}),
    ]
    result = shown(monkeypatch, "tail", *events)
    assert (result.exit_code, result.stdout) == (0, f"{line_of(ended, color=False)}\n")
    assert result.stderr == (
        "The server has gone; waiting for it.\nThe server is back.\n3 more requests came too fast to be shown.\n"
    )
    assert shown(monkeypatch, "tail --json", Event("request", {"path": "/é"})).stdout == '{"path": "/é"}\n'


def request(**others: Any) -> dict[str, Any]:
    """Return a request that went well, but for *others*."""
    return {"at": 0.0, "method": "GET", "path": "/x", "status": 200, "how": "answered", "cause": None,
            "partial": False, "ms": 12.3, "parts": []} | others  # fmt: skip


def part(state: str, cause: str | None = None) -> dict[str, Any]:
    """Return a part that ended so."""
    return {"name": "ads", "state": state, "cause": cause}


RED, YELLOW, GREEN = "\x1b[31m", "\x1b[33m", "\x1b[32m"


@pytest.mark.parametrize(
    ("others", "hue", "end"),
    [
        ({}, GREEN, ""),
        ({"status": 399}, GREEN, ""),
        ({"status": 400}, YELLOW, ""),
        ({"status": 499}, YELLOW, ""),
        ({"status": 500, "cause": "timeout"}, RED, "timeout"),
        ({"status": 200, "how": "broke", "cause": "read"}, RED, "read broke"),
        ({"status": 499, "how": "gone"}, RED, "gone"),
        ({"partial": True, "parts": [part("default", "timeout")]}, YELLOW, "ads=timeout"),
        ({"parts": [part("cancelled")]}, GREEN, "ads=cancelled"),
        ({"parts": [part("ok"), part("skipped"), part("stale")]}, GREEN, ""),
        ({"status": 504, "cause": "timeout", "parts": [part("failed", "timeout")]}, RED, "ads=timeout"),
    ],
)  # fmt: skip
def test_a_line_of_tail(others: dict[str, Any], hue: str, end: str) -> None:
    """When, status, how long, what; and why, of the parts where they say it. Its colour is how bad it is."""
    told = request(**others)
    line = line_of(told, color=False)
    assert line.split("  ", 1)[1] == f"{told['status']}       12 ms  GET /x" + (f"  {end}" if end else "")
    assert f"{hue}{told['status']}\x1b[0m" in line_of(told, color=True)


def counts(number: int) -> Event:
    """Return what is counted of a second."""
    return Event("counts", {"in_flight": 2, "endpoints": {"GET /x": [number, 1, 2, {"0": number}]}, "upstreams": {}})


def test_what_top_prints_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table anew for each second, or a document a line; what became of the process to stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "12")
    events = (Event("config", {"generation": 4, "refused": None}), counts(10), Event("gone", {}))
    result = shown(monkeypatch, "top", *events)
    assert (result.exit_code, result.stderr) == (0, "The server has gone; waiting for it.\n")
    assert result.stdout == (
        "generation 4   2 in flight\n"
        "\n"
        "ENDPOINT                           req/s     5xx    part     p50     p95     p99\n"
        "GET /x                              10.0   10.0%   20.0%       1       1       1\n"
        "\n"
    )
    assert shown(monkeypatch, "top --json", *events).stdout == (
        '{"generation": 4, "refused": false, "in_flight": 2, "endpoints": [{"endpoint": "GET /x", "per_second": 10.0, '
        '"failed": 0.1, "partial": 0.2, "p50": 1.0, "p95": 1.0, "p99": 1.0}], "upstreams": []}\n'
    )
