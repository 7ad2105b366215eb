"""What commands that ask a running process print: sentences and tables, or with `--json` what it answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.administration import AdminTarget
from aggregator.cli.answers import lasting, lines_of
from aggregator.cli.commands.acting import switch
from aggregator.cli.group import cli

NOW = 1_800_000_000
QUOTE = {"kind": "endpoint", "name": "GET /q", "part": None, "until": NOW + 598, "by": "me", "why": "wrong prices",
         "since": NOW}  # fmt: skip
ADS = {"kind": "part", "name": "GET /q", "part": "page.ads", "until": None, "by": "", "why": "a\x1b[1mb", "since": NOW}
CALENDAR = {"kind": "endpoint", "name": "GET /m", "part": None, "until": NOW + 60, "by": "maintenance"}
USERS = {"name": "users", "phase": "forced_open", "reason": "ordered by me: deploy", "for": 597.2,
         "consecutive_failures": 2, "window": {"calls": 20, "failures": 3, "slow": 0}}  # fmt: skip
QUOTA = {"quota": "100/day", "zone": "UTC", "by": None, "endpoints": ["GET /a", "GET /b"],
         "begun": "2027-01-15T00:00:00Z", "ends": "2027-01-16T00:00:00Z", "callers": 1, "used_up": 0}  # fmt: skip
REFUSED = {"verdict": "refused", "generation": 2, "refusal": {"summary": "1 error in routes.yaml", "problems": [
    {"code": "unknown-key", "message": "unknown key `x`", "file": "routes.yaml", "line": 3, "column": 5}]}}  # fmt: skip

TOLD: list[tuple[str, Any, str]] = [
    ("switch list", [], "Nothing is out of service.\n"),
    ("switch list", [QUOTE, ADS], (
        "KIND      NAME             UNTIL                         BY  WHY\n"
        "endpoint  GET /q           2027-01-15T08:09:58Z (9m58s)  me  wrong prices\n"
        "part      GET /q page.ads  switched on                       a\ufffd[1mb\n")),
    ("switch off endpoint 'GET /q' --for 10m", [CALENDAR, QUOTE],
     "endpoint GET /q is out of service until 2027-01-15T08:09:58Z (9m58s).\n"),
    ("switch off part 'GET /q' page.ads", [ADS], "part GET /q page.ads is out of service until it is switched on.\n"),
    ("switch on upstream users", [QUOTE], "upstream users is in service.\n"),
    ("switch on endpoint 'GET /m'", [CALENDAR], (
        "endpoint GET /m is switched on, and out of service by maintenance until 2027-01-15T08:01:00Z (1m).\n")),
    ("breaker show", [], "No upstream has a breaker.\n"),
    ("breaker show", [USERS], (
        "NAME   PHASE        FOR    FAILED   SLOW     IN A ROW  WHY\n"
        "users  forced_open  9m58s  3 of 20  0 of 20  2         ordered by me: deploy\n")),
    ("breaker show", [{"worker": 7, **USERS, "for": None}], (
        "NAME   WORKER  PHASE        FOR           FAILED   SLOW     IN A ROW  WHY\n"
        "users  7       forced_open  until `auto`  3 of 20  0 of 20  2         ordered by me: deploy\n")),
    ("breaker show", [USERS | {"phase": "open", "for": 0, "reason": "5 failures"}], (
        "NAME   PHASE  FOR           FAILED   SLOW     IN A ROW  WHY\n"
        "users  open   until a call  3 of 20  0 of 20  2         5 failures\n")),
    ("breaker show", [USERS | {"for": 0, "reason": None}, USERS | {"phase": "closed", "for": None, "reason": None}], (
        "NAME   PHASE        FOR  FAILED   SLOW     IN A ROW  WHY\n"
        "users  forced_open  0s   3 of 20  0 of 20  2\n"
        "users  closed            3 of 20  0 of 20  2\n")),
    ("breaker open users --for 10m", [USERS], "users is called no more for 10m.\n"),
    ("breaker close users", [USERS], "users is called always.\n"),
    ("breaker auto users --for 10m", [USERS], "users is called as is declared.\n"),
    ("quota show", [], "No quota is declared.\n"),
    ("quota show --endpoint 'GET /c'", [], "No quota counts GET /c.\n"),
    ("quota show acme", [QUOTA | {"by": "auth.key", "uses": []}, QUOTA | {"uses": [{"used": 3, "left": 97}]}], (
        "QUOTA    BY            ENDS                  CALLERS  USED UP  ENDPOINTS       USED\n"
        "100/day  auth.key      2027-01-16T00:00:00Z  1        0        GET /a, GET /b  nothing\n"
        "100/day  all together  2027-01-16T00:00:00Z  1        0        GET /a, GET /b  3, 97 left\n")),
    ("quota show", [QUOTA], (
        "QUOTA    BY            ENDS                  CALLERS  USED UP  ENDPOINTS       USED\n"
        "100/day  all together  2027-01-16T00:00:00Z  1        0        GET /a, GET /b\n")),
    ("quota show acme", [{"worker": 7, **QUOTA, "uses": [{"used": 3, "left": 97}]}], (
        "QUOTA    WORKER  BY            ENDS                  CALLERS  USED UP  ENDPOINTS       USED\n"
        "100/day  7       all together  2027-01-16T00:00:00Z  1        0        GET /a, GET /b  3, 97 left\n")),
    ("quota reset acme", {"reset": 2}, "acme begins anew with 2 quotas.\n"),
    ("cache purge --all", {"purged": 1}, "1 entry purged.\n"),
    ("log level debug --for 5m", {"level": "debug", "format": "json", "until": "2027-01-15T12:00:00Z"},
     "The log is written from level debug on, as json, until 2027-01-15T12:00:00Z.\n"),
    ("log format json", {"level": "debug", "format": "json", "until": None},
     "The log is written from level debug on, as json.\n"),
    ("reload", {"verdict": "swapped", "generation": 2}, "Reloaded: generation 2 serves.\n"),
    ("reload", {"verdict": "unchanged", "generation": 1}, "Unchanged: generation 1 goes on.\n"),
    ("tokens revoke customers --jti 7f3a", {"scheme": "customers", "revoked": "the token 7f3a"},
     "customers takes no more: the token 7f3a.\n"),
    ("status", {"generation": 1, "last_refusal": None, "log": {"level": "info"}},
     "generation: 1\nlast_refusal: -\nlog:\n  level: info\n"),
    ("effects retry --state dead", {"retry": 1}, "1 effect sent again.\n"),
    ("effects replay --since 2h", {"replay": 2}, "2 effects sent again, under the same keys.\n"),
    ("effects discard e1", {"discard": 0}, "0 effects discarded.\n"),
    ("effects forget --key a@b.c", {"forget": 1, "answers": 2}, "1 effect and 2 answers forgotten.\n"),
    ("effects show e1", [{"id": "e1", "state": "dead", "last": {"status": 400}}],
     "id: e1\nstate: dead\nlast:\n  status: 400\n"),
    ("effects show e1", [{"id": "e1", "created": 1795967283.9, "due": 1795967290.0, "ended": None}],
     "id: e1\ncreated: 2026-11-29 15:48:03\ndue: 2026-11-29 15:48:10\nended: -\n"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stop the clock, in a folder without a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(switch.time, "time", lambda: float(NOW))


def asked(monkeypatch: pytest.MonkeyPatch, line: str, data: Any, status: int = 200) -> Any:
    """Run the command *line* against a process that answers *data*."""
    monkeypatch.setattr(AdminTarget, "ask", lambda *_: httpx.Response(status, json=data))
    return CliRunner().invoke(cli, f"{line} {'' if line.startswith(('reload', 'status', 'tokens')) else '--url'} x:1")


@pytest.mark.parametrize(("line", "data", "text"), TOLD, ids=[f"{n} {one[0]}" for n, one in enumerate(TOLD)])
def test_commands_print_sentences_and_tables(monkeypatch, line, data, text):
    """A line for each thing, in a pipe as at a terminal; where there is nothing, a sentence says so."""
    result = asked(monkeypatch, line, data)
    assert (result.exit_code, result.output) == (0, text)


def test_a_minute_is_never_told_as_more(monkeypatch):
    """The process rounds the end to a second, and its clock is read a moment before ours."""
    monkeypatch.setattr(switch.time, "time", lambda: NOW - 0.4)
    result = asked(monkeypatch, "switch off endpoint 'GET /q' --for 1m", [{**QUOTE, "until": NOW + 60}])
    assert "(1m)" in result.output


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("log", "The log is written from level debug on, as json.\n"),
        ("log show --json", '{"level": "debug", "format": "json", "until": null}\n'),
    ],
)
def test_how_the_log_is_written_is_read_without_an_order(monkeypatch, line, text):
    """From what the process serves, which needs no secret at a loopback address."""
    state = {"generation": 1, "log": {"level": "debug", "format": "json", "until": None}}
    result = asked(monkeypatch, line, state)
    assert (result.exit_code, result.output) == (0, text)


@pytest.mark.parametrize(("line", "data"), [(line, data) for line, data, _ in TOLD if "effects show" not in line])
def test_with_json_it_is_what_the_process_answered(monkeypatch, line, data):
    """For other programs."""
    assert json.loads(asked(monkeypatch, f"{line} --json", data).output) == data


@pytest.mark.parametrize(("line", "data"), [("switch list", [{"kind": 1}]), ("quota reset a", []), ("reload", {})])
def test_what_nobody_knows_is_printed_as_it_is(monkeypatch, line, data):
    """Another release may answer something else; it is no fault of the command."""
    result = asked(monkeypatch, line, data)
    assert (result.exit_code, json.loads(result.output)) == (0, data)


def test_a_file_that_is_refused_is_told_with_its_places(monkeypatch):
    """On stderr, as by `check`, with exit code 1."""
    result = asked(monkeypatch, "reload", REFUSED, 422)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: The file is refused, and generation 2 goes on: 1 error in routes.yaml\n"
        "routes.yaml:3:5: unknown key `x` (unknown-key)\n"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.2, "1s"),
        (1, "1s"),
        (59, "59s"),
        (59.1, "1m"),
        (60, "1m"),
        (61, "1m1s"),
        (3599, "59m59s"),
        (3600, "1h"),
        (3601, "1h1s"),
        (86_400, "1d"),
        (86_400 * 2 + 3_601, "2d1h"),
    ],
)
def test_what_is_left_of_a_time(seconds, text):
    """Rounded up, by its two largest units."""
    assert lasting(seconds) == text


def test_lists_of_objects_are_indented():
    """Each begins with a dash; what is empty is none, as a person says it, and other lists stand as JSON."""
    data = {"a": [{"b": 1, "c": [1]}, {}], "d": "x\ny", "e": {"f": {"g": ["é", None]}}, "h": {}, "i": [], "j": [1, {}]}
    assert list(lines_of(data)) == [
        "a:", "  - b: 1", "    c: 1", "  - none", "d: x\ufffdy", "e:", "  f:", "    g: é, -", "h: none", "i: none",
        "j: [1, {}]",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["switch list", "switch off endpoint 'GET /x'", "breaker show", "quota show", "tail"])
def test_a_file_as_the_last_word_is_told_how_it_is_named(line):
    """It is no name of an upstream, and nobody is asked; by the option it is the file."""
    result = CliRunner().invoke(cli, f"{line} other.yaml")
    assert result.exit_code == 2
    assert "other.yaml is taken for a file, which is named by an option: `-c other.yaml`." in result.output
    assert "is taken for a file" not in CliRunner().invoke(cli, f"{line} -c other.yaml").output


def test_a_file_in_the_place_of_an_endpoint_is_told_where_it_stands():
    """`explain FILE` does not speak of the file that is read where none is named."""
    Path("other.yaml").write_text("version: 1\nendpoints: {GET /n: {respond: {body: 1}}}\n")
    result = CliRunner().invoke(cli, "explain other.yaml")
    assert result.exit_code == 2
    assert "other.yaml is a file, which is named behind the endpoint, or by `-c other.yaml`." in result.output
    assert CliRunner().invoke(cli, "explain /n other.yaml").exit_code == 0
