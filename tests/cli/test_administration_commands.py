"""``aggregator status`` and ``reload``: which process they ask, and with which secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.administration import SECRET, AdminTarget, admin_target
from aggregator.cli.group import cli

ROUTES = """
version: 1
server: {{port: 0, admin: {{address: "{address}", secret: the-secret-of-the-file}}}}
endpoints: {{GET /n: {{respond: {{body: 1}}}}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file, and no secret in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SECRET, raising=False)
    (tmp_path / "routes.yaml").write_text(ROUTES.format(address="0.0.0.0:9000"))
    return tmp_path


@pytest.mark.parametrize(
    ("url", "variable", "target"),
    [
        (None, None, AdminTarget("http://127.0.0.1:9000", "the-secret-of-the-file")),
        (None, "other", AdminTarget("http://127.0.0.1:9000", "other")),
        ("http://10.0.0.1:9000", None, AdminTarget("http://10.0.0.1:9000")),
        ("10.0.0.1:9000", "other", AdminTarget("http://10.0.0.1:9000", "other")),
        ("unix:/run/a", None, AdminTarget("http://localhost", None, "/run/a")),
    ],
)
def test_the_target(url, variable, target, monkeypatch):
    """The URL, else the file's address; the secret of a file is shown to nobody else."""
    if variable is not None:
        monkeypatch.setenv(SECRET, variable)
    assert admin_target(url, "routes.yaml") == target


def test_a_file_without_administration_is_wrong_usage(folder):
    """The sentence names both ways out."""
    (folder / "routes.yaml").write_text("version: 1\nendpoints: {GET /n: {respond: {body: 1}}}")
    result = CliRunner().invoke(cli, ["status"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "Error: routes.yaml declares no `server.admin`; name the URL of a process, or declare it.\n"
    )


def test_a_broken_file_does_not_hide_the_way_to_its_process(folder):
    """What is wrong in it is told, and how the process that serves the last good one is reached all the same."""
    (folder / "routes.yaml").write_text("version: 1\nendpoint: {}\n")
    result = CliRunner().invoke(cli, ["breaker", "open", "users"])
    assert (result.exit_code, result.stdout) == (1, "")
    first, *frame = result.stderr.splitlines()
    assert first == (
        "routes.yaml has problems and so does not say where administration is. A process that runs serves on: "
        f"name it by --url, and its secret in {SECRET}."
    )
    assert frame[0] == "routes.yaml:2:1 error[unknown-key] unknown key `endpoint`"


BROKEN = ROUTES.format(address="127.0.0.1:9000") + "endpoint: {}\n"
ASKING = [
    "status", "reload", "top --json", "tail", "log", "effects list", "switch list", "switch on upstream users",
    "breaker show", "quota show", "cache purge --all", "tokens revoke customers --jti a",
]  # fmt: skip


@pytest.mark.parametrize("words", ASKING)
def test_a_file_with_problems_still_says_where_its_process_is(folder, monkeypatch, words):
    """It is asked there with the file's secret, once the file has been said to have problems."""
    asked = []

    def transport(_):
        def answer(request):
            asked.append((request.url.netloc, request.headers.get("authorization")))
            kind = {"content-type": "application/problem+json"}
            return httpx.Response(404, json={"detail": "Not here."}, headers=kind)

        return httpx.MockTransport(answer)

    monkeypatch.setattr(AdminTarget, "transport", transport)
    (folder / "routes.yaml").write_text(BROKEN)
    result = CliRunner().invoke(cli, words.split())
    assert set(asked) == {(b"127.0.0.1:9000", "Bearer the-secret-of-the-file")}
    assert (result.exit_code, result.stdout, result.stderr) == (
        1, "",
        "routes.yaml has problems (`aggregator check`); its `server.admin` is asked.\nerror: Not here.\n",
    )  # fmt: skip


def test_effects_of_a_file_with_problems_are_not_worked_on_without_a_process(folder):
    """Its problems are shown: what it says of `state` may be half of what is meant."""
    (folder / "routes.yaml").write_text(BROKEN.replace("127.0.0.1:9000", "unix:/nowhere"))
    result = CliRunner().invoke(cli, ["effects", "list"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Nothing answers at unix:/nowhere; without a process the file must be right.\n" in result.stderr
    assert "error[unknown-key] unknown key `endpoint`" in result.stderr


@pytest.mark.parametrize("words", [[], ["--jti", "a", "--sub", "b"], ["--jti", "a", "--before", "2027-01-01"]])
def test_tokens_are_named_in_one_way(words):
    """One token, or a subject; anything else is wrong usage, and nobody is asked."""
    result = CliRunner().invoke(cli, ["tokens", "revoke", "customers", *words])
    assert (result.exit_code, "Name one token by --jti, or a subject by --sub" in result.output) == (2, True)


def test_nobody_there_is_told(folder):
    """In one sentence, with exit code 1."""
    result = CliRunner().invoke(cli, ["status", "unix:nowhere"])
    said = "error: Nothing answers at unix:nowhere: there is no such file.\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", said)


@pytest.mark.processes
def test_a_running_process_is_asked(folder):
    """Over a Unix socket, without a secret: what it serves, and a reload of a file that has become wrong."""
    text = ROUTES.format(address=f"unix:{folder}/a").replace(", secret: the-secret-of-the-file", "")
    text = text.replace(f'"unix:{folder}/a"', f"{{unix: {folder}/a, mode: 600}}")
    (folder / "routes.yaml").write_text(text)
    command = [sys.executable, "-m", "aggregator", "run", "--no-watch"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert any("administration" in line for line in process.stderr)
        run = CliRunner().invoke
        assert "generation: 1\n" in run(cli, ["status"]).output
        assert run(cli, ["reload", "--json"]).output == '{"verdict":"unchanged","generation":1}\n'
        (folder / "routes.yaml").write_text("version: 1\nendpoints: {GET /n: {respnd: 1}}")
        result = run(cli, ["reload", f"unix:{folder}/a"])
        assert (result.exit_code, "unknown-key" in result.output) == (1, True)
    finally:
        process.terminate()
        process.communicate()


def test_quotas_are_asked_for_by_key(monkeypatch):
    """`show` reads, `reset` acts, and both pass on the key and the endpoint; `reset` without a key is wrong usage."""
    asked = []

    def ask(_, method, path, given=None):
        asked.append((method, path, given))
        return httpx.Response(200, json=[] if method == "GET" else {"reset": 1})

    monkeypatch.setattr(AdminTarget, "ask", ask)
    invoke = CliRunner().invoke
    for words in (["show"], ["show", "a&b", "--endpoint", "GET /a"], ["reset", "acme", "--why", "ticket"]):
        assert invoke(cli, ["quota", *words]).exit_code == 0
    assert asked == [
        ("GET", "/-/quotas", None),
        ("GET", "/-/quotas?key=a%26b&endpoint=GET+%2Fa", None),
        ("POST", "/-/quota_reset", {"key": "acme", "reason": "ticket", "by": ""}),
    ]
    assert invoke(cli, ["quota", "reset"]).exit_code == 2
