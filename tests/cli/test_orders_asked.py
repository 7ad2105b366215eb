"""What each command asks a running process for, as a whole, and which orders are wrong usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from aggregator.cli.administration import AdminTarget
from aggregator.cli.group import cli

Asked = tuple[str, str, dict[str, Any] | None]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder without a file."""
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, line: str, *answers: httpx.Response) -> tuple[Result, list[Asked]]:
    """Return what came of the command *line*, and what it asked for; it gets *answers*, then empty lists."""
    asked: list[Asked] = []
    left = list(answers)

    def ask(_: AdminTarget, method: str, path: str, given: dict[str, Any] | None = None) -> httpx.Response:
        asked.append((method, path, given))
        return left.pop(0) if left else httpx.Response(200, json=[])

    monkeypatch.setattr(AdminTarget, "ask", ask)
    where = "x:1" if line.startswith(("reload", "status", "tokens")) else "--url x:1"
    return CliRunner().invoke(cli, f"{line} {where}"), asked


SAID = "--by me --why deploy"
TOLD = {"by": "me", "why": "deploy", "reason": "deploy"}
SILENT = {"by": "", "why": "", "reason": ""}
PURGE = dict.fromkeys(("tag", "key", "prefix", "upstream", "endpoint", "all")) | {"by": "me", "reason": "deploy"}
ORDERS: list[tuple[str, str, dict[str, Any]]] = [
    (f"breaker open users --for 10m {SAID}", "breaker", {"upstream": "users", "order": "open", "for": "10m", **TOLD}),
    ("breaker close users", "breaker", {"upstream": "users", "order": "close", **SILENT}),
    (f"switch off endpoint 'GET /a' --for 10m {SAID}", "switch",
     {"turn": "off", "kind": "endpoint", "name": "GET /a", "for": "10m", **TOLD}),
    ("switch on part 'GET /a' ads", "switch",
     {"turn": "on", "kind": "part", "name": "GET /a", "part": "ads", **SILENT}),
    ("switch off effect mail", "switch", {"turn": "off", "kind": "effect", "name": "", "part": "mail", **SILENT}),
    ("switch off effect 'GET /a' mail", "switch",
     {"turn": "off", "kind": "effect", "name": "GET /a", "part": "mail", **SILENT}),
    ("switch off upstream users", "switch", {"turn": "off", "kind": "upstream", "name": "users", **SILENT}),
    (f"quota reset acme --endpoint 'GET /a' {SAID}", "quota_reset",
     {"key": "acme", "endpoint": "GET /a", "by": "me", "reason": "deploy"}),
    (f"cache purge --tag a {SAID}", "cache_purge", PURGE | {"tag": "a"}),
    (f"cache purge --all {SAID}", "cache_purge", PURGE | {"all": True}),
    (f"log level debug --for 5m {SAID}", "log", {"level": "debug", "for": "5m", "by": "me", "reason": "deploy"}),
    ("log format json", "log", {"format": "json", "by": "", "reason": ""}),
    ("reload --why prices", "reload", {"reason": "prices"}),
    ("reload --reason prices", "reload", {"reason": "prices"}),
    ("tokens revoke users --jti 7f", "revoke", {"scheme": "users", "jti": "7f", "reason": ""}),
    ("tokens revoke users --jti 7f --reason lost", "revoke", {"scheme": "users", "jti": "7f", "reason": "lost"}),
    ("tokens revoke users --sub ada --before 2027-01-01 --why lost", "revoke",
     {"scheme": "users", "sub": "ada", "before": "2027-01-01", "reason": "lost"}),
    (f"effects retry --name welcome --state dead {SAID}", "effect",
     {"order": "retry", "name": "welcome", "state": "dead", "by": "me", "reason": "deploy"}),
    ("effects discard e1", "effect", {"order": "discard", "id": "e1", "by": "", "reason": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "action", "given"), ORDERS, ids=[one[0] for one in ORDERS])
def test_an_order_is_sent_as_it_was_given(
    monkeypatch: pytest.MonkeyPatch, line: str, action: str, given: dict[str, Any]
) -> None:
    """What was not said is left out, but for who asks and why."""
    assert run(monkeypatch, line)[1] == [("POST", f"/-/{action}", given)]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("breaker show", "/-/breakers"),
        ("switch list", "/-/switches"),
        ("quota show --endpoint /a", "/-/quotas?endpoint=%2Fa"),
        ("status", "/-/config"),
        ("log", "/-/config"),
        ("effects list", "/-/effects?"),
        ("effects list --name a --key b --request c --state dead --since 2h",
         "/-/effects?name=a&key=b&request=c&state=dead&since=2h"),
        ("effects show e1", "/-/effects?id=e1"),
    ],
)  # fmt: skip
def test_what_is_only_read_is_asked_for_once(monkeypatch: pytest.MonkeyPatch, line: str, path: str) -> None:
    """By GET, which changes nothing."""
    result, asked = run(monkeypatch, line)
    assert (result.exit_code, asked) == (0, [("GET", path, None)])


KINDS = "`endpoint KEY`, or `part KEY NAME`, or `effect NAME`, or `effect KEY NAME`, or `upstream NAME`"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("breaker open", "`open` needs the name of an upstream."),
        ("switch off", f"`off` needs {KINDS}."),
        ("switch on part 'GET /a'", "`on` needs `part KEY NAME`."),
        ("switch off endpoint a b", "`off` needs `endpoint KEY`."),
        ("switch off effect a b c", "`off` needs `effect NAME`, or `effect KEY NAME`."),
        ("quota reset", "`reset` needs the KEY that begins anew."),
        ("cache purge", "`purge` takes one of --tag, --key, --prefix, --upstream, --endpoint and --all."),
        ("cache purge --tag a --all", "`purge` takes one of --tag, --key, --prefix, --upstream, --endpoint and --all."),
        ("log level", "`level` is one of debug, info, warning, error, auto."),
        ("log format debug", "`format` is one of text, json, combined, auto."),
        ("log show json", "`show` changes nothing, so it takes no value and no `--for`."),
        ("log show --for 5m", "`show` changes nothing, so it takes no value and no `--for`."),
        ("effects show", "`show` needs the id of an effect."),
        ("tokens revoke a", "Name one token by --jti, or a subject by --sub, with --before if it is not now."),
    ],
)
def test_an_order_that_says_too_little_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, line: str, said: str) -> None:
    """It is told what it needs, and nobody is asked."""
    result, asked = run(monkeypatch, line)
    assert (result.exit_code, result.stdout, asked) == (2, "", [])
    assert result.stderr.splitlines()[-1] == f"Error: {said}"


def effect(number: int, **said: Any) -> dict[str, Any]:
    """Return an effect as a list tells of it."""
    return {"id": f"{number:032}", "place": number, "state": "dead", "created": 1_800_000_000.0, "ended": None,
            "attempts": 3, "name": "welcome", "last": {"reason": "It answered 400."}} | said  # fmt: skip


def test_a_list_of_effects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line each under one head: since when, and why it is not there yet."""
    effects = [
        effect(1), effect(2, state="sent", ended=1_800_000_061.0), effect(3, state="waiting", last=None, attempts=0),
        effect(4, last={"dry_run": True, "reason": "x"}), effect(5, last={"status": 500}),
    ]  # fmt: skip
    result, _ = run(monkeypatch, "effects list", httpx.Response(200, json=effects))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "ID                                STATE    SINCE                TRIES  NAME\n"
        f"{1:032}  dead     2027-01-15 08:00:00      3  welcome  It answered 400.\n"
        f"{2:032}  sent     2027-01-15 08:01:01      3  welcome\n"
        f"{3:032}  waiting  2027-01-15 08:00:00      0  welcome\n"
        f"{4:032}  dead     2027-01-15 08:00:00      3  welcome  a dry run: not sent\n"
        f"{5:032}  dead     2027-01-15 08:00:00      3  welcome\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("list", "No effect is kept.\n"),
        ("list --state dead", "No such effect is kept.\n"),
        ("list --name a", "No such effect is kept; the calls of a `fan_out` have names of their own, such as a.mail.\n"),
        ("list --json", "No effect is kept.\n"),
        ("export", ""),
    ],
)  # fmt: skip
def test_no_effects(monkeypatch: pytest.MonkeyPatch, words: str, said: str) -> None:
    """A list says so on stderr; an export of none is empty."""
    result, _ = run(monkeypatch, f"effects {words}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", said)


def test_a_long_list_is_asked_for_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the place of the last one, until a page is not full."""
    page = [effect(number, place=number + 7) for number in range(1000)]
    result, asked = run(
        monkeypatch, "effects list --json", httpx.Response(200, json=page), httpx.Response(200, json=[effect(1000)])
    )
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [f"{n:032}" for n in range(1001)]
    assert [path for _, path, _ in asked] == ["/-/effects?", "/-/effects?after=1006"]


def test_a_page_of_one_less_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is asked for."""
    page = [effect(number) for number in range(999)]
    assert len(run(monkeypatch, "effects list", httpx.Response(200, json=page))[1]) == 1


@pytest.mark.parametrize(
    ("words", "out"),
    [("export", '{"a": "é"}\n{"a": "b"}\n'), ("show e1 --json", '{"a": "é"}\n'), ("show e1", "a: é\n")],
)
def test_all_of_an_effect(monkeypatch: pytest.MonkeyPatch, words: str, out: str) -> None:
    """An export has a line for each, asked for by its id; one that has gone meanwhile is left out."""
    page = [effect(1), effect(2), effect(3)] if words == "export" else [{"a": "é"}]
    gone = httpx.Response(404, json={"detail": "gone"}, headers={"content-type": "application/problem+json"})
    whole = [httpx.Response(200, json=[{"a": "é"}]), gone, httpx.Response(200, json=[{"a": "b"}])]
    result, asked = run(monkeypatch, f"effects {words}", httpx.Response(200, json=page), *whole)
    assert (result.exit_code, result.stdout) == (0, out)
    ids = [f"/-/effects?id={number:032}" for number in (1, 2, 3)]
    assert [path for _, path, _ in asked][1:] == (ids if words == "export" else [])


@pytest.mark.parametrize("words", ["list", "show e1", "retry --state dead", "export"])
def test_a_refusal_of_effects_is_told(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """On stderr, with exit code 1; only what has gone meanwhile may lack."""
    no = httpx.Response(404, json={"detail": "No such effect."}, headers={"content-type": "application/problem+json"})
    result, _ = run(monkeypatch, f"effects {words}", no)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: No such effect.\n")
    no = httpx.Response(403, json={"detail": "No."}, headers={"content-type": "application/problem+json"})
    result, _ = run(monkeypatch, "effects export", httpx.Response(200, json=[effect(1)]), no)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: No.\n")
