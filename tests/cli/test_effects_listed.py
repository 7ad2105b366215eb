"""What `aggregator effects list` and `export` print of the effects that a process keeps, page by page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.administration import AdminTarget
from aggregator.cli.group import cli

HEAD = "ID                                STATE    SINCE                TRIES  NAME\n"
Answer = Callable[[str], httpx.Response]


def effect(number: int, **others: Any) -> dict[str, Any]:
    """Return an effect that waits, but for *others*."""
    return {
        "id": f"{number:032}", "name": "mail", "state": "waiting", "created": 1_795_967_283.9, "ended": None,
        "attempts": number, "last": None, "place": 10 * number,
    } | others  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Answer], Any]:
    """Return a function that runs `aggregator effects` against a process that answers so."""
    monkeypatch.chdir(tmp_path)

    def run(line: str, answer: Answer) -> Any:
        monkeypatch.setattr(AdminTarget, "ask", lambda _, __, path, *___: answer(path))
        return CliRunner().invoke(cli, f"effects {line} --url x:1")

    return run


@pytest.mark.parametrize(
    ("others", "state", "end"),
    [
        ({}, "waiting", ""),
        ({"last": {"status": 503}}, "waiting", ""),
        ({"last": {"reason": "timeout"}}, "waiting", "  timeout"),
        ({"state": "dead", "last": {"reason": "status 400"}}, "dead   ", "  status 400"),
        ({"state": "sent", "last": {"reason": "status 400"}}, "sent   ", ""),
        ({"state": "sent", "last": {"dry_run": True}}, "sent   ", "  a dry run: not sent"),
        ({"last": {"dry_run": True, "reason": "timeout"}}, "waiting", "  a dry run: not sent"),
    ],
)
def test_a_line_says_what_became_of_an_effect(run, others: dict[str, Any], state: str, end: str) -> None:
    """Since when, after how many tries; and why, unless it was sent."""
    result = run("list", lambda _: httpx.Response(200, json=[effect(7, **others)]))
    line = f"{7:032}  {state}  2026-11-29 15:48:03      7  mail{end}\n"
    assert (result.exit_code, result.output) == (0, HEAD + line)


def test_an_effect_that_has_ended_is_listed_by_its_end(run) -> None:
    """Below the head, which is written once."""
    several = [effect(1, ended=1_795_967_290.0, state="dead"), effect(2)]
    assert run("list", lambda _: httpx.Response(200, json=several)).output == (
        f"{HEAD}{1:032}  dead     2026-11-29 15:48:10      1  mail\n{2:032}  waiting  2026-11-29 15:48:03      2  mail\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("list", "No effect is kept.\n"),
        ("list --name a",
         "No such effect is kept; the calls of a `fan_out` have names of their own, such as a.mail.\n"),
        ("export", ""),
    ],
)  # fmt: skip
def test_where_nothing_is_kept(run, line: str, said: str) -> None:
    """It is told to a person, on stderr; who exports gets nothing."""
    result = run(line, lambda _: httpx.Response(200, json=[]))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", said)


def test_a_page_that_is_full_is_followed_by_another(run) -> None:
    """From the place of its last effect on, until one has fewer than a thousand."""
    asked: list[str] = []

    def answer(path: str) -> httpx.Response:
        asked.append(path)
        return httpx.Response(200, json=[effect(one) for one in range(1000 if len(asked) == 1 else 999)])

    result = run("list --state waiting --json", answer)
    assert [json.loads(line)["attempts"] for line in result.stdout.splitlines()] == [*range(1000), *range(999)]
    assert asked == ["/-/effects?state=waiting", "/-/effects?state=waiting&after=9990"]


def test_an_export_asks_for_each_effect_and_leaves_out_those_that_have_gone(run) -> None:
    """A line of JSON each, with what it sends."""
    asked: list[str] = []

    def answer(path: str) -> httpx.Response:
        asked.append(path)
        if path == "/-/effects?name=mail":
            return httpx.Response(200, json=[effect(1), effect(2), effect(3)])
        if path.endswith("2"):
            return httpx.Response(404, json={"detail": "gone"})
        return httpx.Response(200, json=[{"id": path[-1], "body": "é"}])

    result = run("export --name mail", answer)
    assert (result.exit_code, result.output) == (0, '{"id": "1", "body": "é"}\n{"id": "3", "body": "é"}\n')
    assert asked[1:] == [f"/-/effects?id={number:032}" for number in (1, 2, 3)]


def test_what_is_refused_ends_the_command(run) -> None:
    """With exit code 1 and the words of the process; so does a single effect that is not there."""
    problem = {"content-type": "application/problem+json"}
    for line in ("list", "export", "show e1", "retry e1"):
        result = run(line, lambda _: httpx.Response(404, json={"detail": "No."}, headers=problem))
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: No.\n")


def test_show_needs_an_id(run) -> None:
    """Nobody is asked without one."""
    result = run("show", lambda _: httpx.Response(500))
    assert result.exit_code == 2
    assert result.stderr.endswith("Error: `show` needs the id of an effect.\n")


def test_show_as_data_is_one_line(run) -> None:
    """As an export of that effect."""
    result = run("show e1 --json", lambda _: httpx.Response(200, json=[{"id": "e1", "created": 1.5}]))
    assert (result.exit_code, result.output) == (0, '{"id": "e1", "created": 1.5}\n')
