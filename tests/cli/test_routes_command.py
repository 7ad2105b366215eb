"""`aggregator routes`: what is served and what it calls."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from aggregator.cli import terminal
from aggregator.diagnostics.display import cells

TOUR = """\
version: 1
upstreams:
  users: {url: "demo://users"}
  shop: {url: "demo://shop"}
endpoints:
  GET /users/{id}: {call: "users:/users/{id}", timeout: 250ms}
  GET /orders/{id}:
    timeout: 3s
    fan_out:
      order: shop:/orders/{id}
      lines: {for_each: "{{ order.items }}", url: "shop:/products/{item.sku}"}
      buyer: {url: "users:/users/{order.user_id}", optional: true}
  POST /hello:
    respond: {body: {hello: world}}
    background: {url: "POST shop:/cart/1/items", name: remember}
"""


def test_calls_are_arrows(aggregator, folder: Path) -> None:
    """One line an endpoint, aligned: what it calls, what is optional, what happens afterwards, its deadline."""
    (folder / "routes.yaml").write_text(TOUR)
    result = aggregator("routes")
    assert result.exit_code == 0
    assert result.stdout == (
        "METHOD  PATH          CALLS                       DEADLINE\n"
        "GET     /users/{id}   → users                     250ms\n"
        "GET     /orders/{id}  ⇉ order · lines[] · buyer?  3s\n"
        "POST    /hello        = 200 + remember            10s\n"
    )


def test_wide_letters_keep_columns_below_each_other(aggregator, folder: Path) -> None:
    """A path may have letters that take two cells."""
    (folder / "routes.yaml").write_text(
        "version: 1\nendpoints:\n  GET /\u65e5\u672c: {respond: {body: 1}}\n  GET /abcdefgh: {respond: {body: 1}}\n"
    )
    first, *rows = aggregator("routes").stdout.splitlines()
    assert [cells(row.partition("=")[0]) for row in rows] == [first.index("CALLS")] * 2


def test_machines_get_json_routes(aggregator, folder: Path) -> None:
    """`--format json` names parts, their upstreams and marks."""
    (folder / "routes.yaml").write_text(TOUR)
    first, second, third = json.loads(aggregator("routes", "--format", "json").stdout)
    assert (first["method"], first["path"], first["kind"]) == ("GET", "/users/{id}", "call")
    assert second["parts"][1] == {"name": "lines", "optional": False, "per_item": True, "upstreams": ["shop"]}
    assert second["deadline"] == 3.0
    assert third["background"] == ["remember"]


def test_a_wrong_file_has_no_routes(aggregator, folder: Path) -> None:
    """Problems go to stderr, stdout stays empty."""
    (folder / "routes.yaml").write_text("version: 2\n")
    result = aggregator("routes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[" in result.stderr


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal long cells are folded within its width instead of running over."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    terminal.show_table(("PATH", "CALLS"), [("/dashboard", "⇉ profile · orders · notifications · advertisements")])
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert len(lines) > 2
    assert all(len(line) <= 40 for line in lines)


def test_short_columns_stay_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """However narrow the terminal: a method or a deadline in two pieces could not be read."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "36")
    row = ("DELETE", "/dashboard/{user_id}", "⇉ profile · orders · notifications", "1m30s")
    terminal.show_table(("METHOD", "PATH", "CALLS", "DEADLINE"), [row])
    head, first, *_ = click.unstyle(capsys.readouterr().out).splitlines()
    assert (head.split()[0], head.split()[-1]) == ("METHOD", "DEADLINE")
    assert (first.split()[0], first.split()[-1]) == ("DELETE", "1m30s")


def test_markdown(aggregator, folder: Path) -> None:
    """`--format markdown` is a table that says what each endpoint needs and calls; a bar does not break it."""
    text = TOUR.replace(
        'GET /users/{id}: {call: "users:/users/{id}", timeout: 250ms}',
        'GET /users/{id}: {summary: A|B, query: {page: {type: integer}}, call: "users:/users/{id}", timeout: 250ms}',
    ).replace("POST /hello:", "POST /hello:\n    body: {type: object}")
    (folder / "routes.yaml").write_text(text)
    assert aggregator("routes", "--format", "markdown").stdout.splitlines() == [
        "| Endpoint | Needs | Calls | Within |",
        "|---|---|---|---|",
        "| `GET /users/{id}`<br>A\\|B | `id`, query `page` (integer, optional) | → users | 250ms |",
        "| `GET /orders/{id}` | `id` | ⇉ order · lines[] · buyer? | 3s |",
        "| `POST /hello` | a body | = 200 + remember | 10s |",
    ]


def test_hosts_and_several_methods(aggregator, folder: Path) -> None:
    """A host stands before the path; an endpoint is one line, and for machines one object a method."""
    (folder / "routes.yaml").write_text(
        "version: 1\nvirtual_hosts: {admin.example.com: {endpoints: {GET /who: {respond: {body: 1}}}}}\n"
        "endpoints: {GET|HEAD /a: {respond: {body: 1}}}\n"
    )
    lines = [line.split()[:2] for line in aggregator("routes").stdout.splitlines()[1:]]
    assert sorted(lines) == [["GET", "admin.example.com/who"], ["GET|HEAD", "/a"]]
    told = json.loads(aggregator("routes", "--format", "json").stdout)
    assert sorted((one["endpoint"], one["method"], one["host"], one["operation_id"]) for one in told) == [
        ("GET admin.example.com/who", "GET", "admin.example.com", "get_who"),
        ("GET|HEAD /a", "GET", None, "get_a"),
        ("GET|HEAD /a", "HEAD", None, "head_a"),
    ]
