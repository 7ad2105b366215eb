"""`aggregator check`: findings on stdout, chatter on stderr, exit codes, forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

WRONG = """\
version: 1
upstreams:
  users: {url: "demo://users"}
endpoints:
  GET /users/{id}:
    call: usres:/users/{id}
"""
DOUBTFUL = """\
version: 1
upstreams:
  users: {url: "demo://users"}
  spare: {url: "demo://shop"}
endpoints:
  GET /users/{id}:
    call: users:/users/{id}
"""


def test_a_right_file_prints_nothing_to_stdout(aggregator, routes_file: Path) -> None:
    """Without findings there is only the summary, on stderr, with counts and time."""
    result = aggregator("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("routes.yaml: no problems   3 endpoints · 3 upstreams · 1 background call   ")
    assert result.stderr.endswith(" ms\n")


def test_a_wrong_file_is_framed(aggregator, folder: Path) -> None:
    """A finding shows the line, a caret and the fix, and ends with 1."""
    (folder / "routes.yaml").write_text(WRONG)
    result = aggregator("check")
    assert result.exit_code == 1
    assert result.stdout == (
        "routes.yaml:6:11 error[unknown-upstream] there is no upstream `usres`\n"
        "  |\n"
        "5 |   GET /users/{id}:\n"
        "6 |     call: usres:/users/{id}\n"
        "  |           ^^^^^\n"
        "  = hint: did you mean `users`?\n"
        "\n"
    )
    assert result.stderr.startswith("routes.yaml: 1 error")


def test_machines_get_json(aggregator, folder: Path) -> None:
    """`--format json` is one document that says how many, where, and what."""
    (folder / "other.yaml").write_text(WRONG)
    result = aggregator("check", "other.yaml", "--format", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["valid"], found["errors"], found["endpoints"]) == (False, 1, None)
    assert found["diagnostics"][0]["code"] == "unknown-upstream"
    assert (found["diagnostics"][0]["file"], found["diagnostics"][0]["line"]) == ("other.yaml", 6)


def test_a_right_file_as_json(aggregator, routes_file: Path) -> None:
    """Without findings the document says so, with the number of endpoints."""
    found = json.loads(aggregator("check", "--format", "json").stdout)
    assert found == {
        "path": "routes.yaml", "valid": True, "errors": 0, "warnings": 0, "endpoints": 3, "notes": [], "diagnostics": [],
    }  # fmt: skip


def test_github_actions_get_annotations(aggregator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside GitHub Actions findings are workflow commands, without being asked for."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (folder / "routes.yaml").write_text(WRONG)
    assert aggregator("check").stdout.startswith("::error file=routes.yaml,line=6,")
    assert "error[unknown-upstream]" in aggregator("check", "--format", "text").stdout


def test_warnings_are_findings_on_request(aggregator, folder: Path) -> None:
    """A warning is shown and passes, unless `--deny-warnings` makes it count."""
    (folder / "routes.yaml").write_text(DOUBTFUL)
    result = aggregator("check")
    assert result.exit_code == 0
    assert "warning[unused]" in result.stdout
    assert "1 warning   1 endpoint · 2 upstreams" in result.stderr
    assert aggregator("check", "--deny-warnings").exit_code == 1


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "file-missing"),
        (lambda path: path.mkdir(), "file-unreadable"),
        (lambda path: path.write_bytes(b"version: \xff"), "encoding"),
        (lambda path: path.write_text(""), "empty-file"),
        (lambda path: path.write_text("- 1\n"), "not-a-mapping"),
        (lambda path: path.write_text("a: {"), "yaml-syntax"),
    ],
    ids=["missing", "folder", "not-utf-8", "empty", "a-list", "not-yaml"],
)
def test_a_file_that_cannot_be_read_is_one_finding(aggregator, folder: Path, make, code: str) -> None:
    """Whatever stands at the path, there is one clear message and exit code 1, never a traceback."""
    make(folder / "routes.yaml")
    result = aggregator("check", "--format", "json")
    assert result.exit_code == 1
    assert [one["code"] for one in json.loads(result.stdout)["diagnostics"]] == [code]


def test_plugins_are_not_imported(aggregator, routes_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check runs no code of anybody else."""
    monkeypatch.syspath_prepend(routes_file.parent)
    (routes_file.parent / "loud_plugin.py").write_text("raise SystemExit('imported')")
    text = routes_file.read_text().replace("version: 1", "version: 1\nplugins: [loud_plugin]")
    call = "call: {url: 'users:/users/{user_id}', transform: 'loud_plugin:clean'}"
    routes_file.write_text(text.replace("call: users:/users/{user_id}", call))
    result = aggregator("check")
    assert (result.exit_code, result.stdout) == (0, "")


def test_upstreams_are_not_called(aggregator, folder: Path) -> None:
    """An upstream that does not exist is no finding: a check needs no network."""
    (folder / "routes.yaml").write_text(DOUBTFUL.replace("demo://users", "https://nowhere.invalid"))
    assert "nowhere" not in aggregator("check").stdout


def test_a_wrong_option_is_wrong_usage(aggregator) -> None:
    """What `check` does not know ends with 2."""
    assert aggregator("check", "--format", "sarif").exit_code == 2


def test_what_a_restart_forgets_is_noted(aggregator, folder: Path) -> None:
    """An operator who can switch something off learns whether it stays off; that is no finding."""
    path = folder / "routes.yaml"
    admin = 'server: {admin: {address: "127.0.0.1:9000", secret: "${S}"}}\n'
    path.write_text(DOUBTFUL.replace('  spare: {url: "demo://shop"}\n', "") + admin)
    found = aggregator("check", "--deny-warnings", env={"S": "a-secret-of-16-and-more"})
    assert (found.exit_code, found.stdout) == (0, "")
    assert found.stderr.endswith(
        "= note: what operators switch off is on again after a restart; `state: ./state` keeps it\n"
    )
    path.write_text(path.read_text() + "state: ./state\n")
    assert "note" not in aggregator("check", env={"S": "a-secret-of-16-and-more"}).stderr
