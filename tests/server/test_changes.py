"""``GET /-/changes``: what the last reload has changed, by names and by lines, and the refused save with its frames."""

from __future__ import annotations

import re

import pytest

from aggregator.server.changes import change, lines
from aggregator.server.changes.change import Change, Names
from aggregator.server.generations.plan_source import PlanFiles

FIRST = """
server: {admin: {address: "127.0.0.1:0", secret: canary-of-administration}}
upstreams:
  up: {url: "${UP}", headers: {x-key: "${KEY}"}, timeout: 2s}
  gone: {url: "${UP}"}
endpoints:
  GET /same: {respond: {body: 1}}
  GET /other: {call: "up:/a"}
  GET /removed: {call: "gone:/a"}
"""
SECOND = """
server: {admin: {address: "127.0.0.1:0", secret: canary-of-administration}}
upstreams:
  up: {url: "${UP}", headers: {x-key: "${KEY}"}, timeout: 2s}
  fresh: {url: "${UP}"}
background: {queue: 7}
endpoints:
  GET /same: {respond: {body: 1}}
  GET /other: {call: "up:/b"}
  GET /added: {call: "fresh:/a"}
"""
HOOK = """
version: 1
auth:
  hook:
    signature:
      preset: github
      secret:
        - {secret}
endpoints:
  POST /hook: {{auth: hook, body: {{type: object}}, respond: {{body: 1}}}}
"""


def _changes(stage, gateway):
    with stage.wire(gateway.admin) as wire:
        reply = wire.send(b"GET /-/changes HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply()
    assert reply.status == 200
    assert b"canary" not in reply.body
    return reply.json


def test_a_reload_says_what_it_has_changed(stage):
    """Endpoints and upstreams that came, went and changed, the settings, and the lines of the file."""
    gateway = stage.gateway(FIRST, stage.upstream(), env={"KEY": "canary-key"})
    assert _changes(stage, gateway) == {"before": None, "refused": None}
    gateway.reload(SECOND)
    shown = _changes(stage, gateway)
    assert (shown["before"], shown["generation"], shown["left_out"]) == (1, 2, 0)
    assert shown["endpoints"] == {"added": ["GET /added"], "removed": ["GET /removed"], "changed": ["GET /other"]}
    assert shown["upstreams"] == {"added": ["fresh"], "removed": ["gone"], "changed": []}
    assert shown["settings"] == ["background"]
    (file,) = shown["files"]
    assert '-  GET /other: {call: "up:/a"}' in file["lines"]
    assert '+  GET /other: {call: "up:/b"}' in file["lines"]
    assert shown["refused"] is None


def test_a_refused_save_is_shown_with_its_frames(stage):
    """As a terminal shows it; what the last reload has changed stays."""
    gateway = stage.gateway(FIRST, stage.upstream(), env={"KEY": "canary-key"})
    gateway.reload(SECOND)
    gateway.reload(SECOND + "  GET /wrong: {cal: 1}\n")
    shown = _changes(stage, gateway)
    assert "GET /wrong: {cal: 1}\n" in shown["refused"]["text"]
    assert "^^^" in shown["refused"]["text"]
    assert shown["generation"] == 2
    gateway.reload(SECOND)
    assert _changes(stage, gateway)["refused"] is None


def test_a_refused_save_holds_no_secrets_of_its_own(stage):
    """Those that the file has come with are known to no plan that serves, and their names may stand in other lines."""
    gateway = stage.gateway(FIRST, stage.upstream(), env={"KEY": "canary-key"})
    fresh = """
  one: {url: "https://up", auth: {bearer: canary-new, foo: 1}}
  two: {url: "https://up", auth: {bearer:
    canary-other, foo: 2}}
endpoints:"""
    gateway.reload(FIRST.replace("\nendpoints:", fresh))
    text = _changes(stage, gateway)["refused"]["text"]
    assert re.search(r"auth: \{bearer: \*+, foo: 1\}", text), text
    assert re.search(r"\|     \*+, foo: 2\}", text), text


def test_a_secret_that_is_longer_than_its_frame_is_not_shown_in_part(stage):
    """A line is cut around its mistake; what is left of a secret then is neither whole nor behind its name."""
    gateway = stage.gateway(FIRST, stage.upstream(), env={"KEY": "canary-key"})
    fresh = f"""
  one: {{url: "https://up", auth: {{bearer: {"canary" * 50}, foo: 1}}}}
endpoints:"""
    gateway.reload(FIRST.replace("\nendpoints:", fresh))
    text = _changes(stage, gateway)["refused"]["text"]
    assert "foo" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("the token: it is no text", "the token: it is no text"), ("3 | token: canary", "3 | token: ********"),
        ("`token: canary` is no mapping", "`token: ********` is no mapping"), ("canary-value is no URL", "******** is no URL"),
        ("  = hint: write it like `secret: ${file:/x}`", "  = hint: write it like `secret: ${file:/x}`"),
    ],
)  # fmt: skip
def test_own_words_of_a_report_stay(told, shown):
    """In the frames of a refused save, and where words quote, what stands beside the name of a secret is masked."""
    veiled = lines.veil_report(frozenset({"canary-value"}))(told)
    assert veiled.startswith(shown)
    assert "canary" not in veiled


def test_a_refusal_in_the_configuration_quotes_no_secret(stage):
    """A message may quote what the file says: a secret in it is masked as it is in a frame, for events as well."""
    gateway = stage.gateway(FIRST, stage.upstream(), env={"KEY": "canary-key"})
    gateway.reload(FIRST.replace("gone:/a", "canary-key:/a"))
    with stage.wire(gateway.admin) as wire:
        refusal = wire.send(b"GET /-/config HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply().json["last_refusal"]
    assert any("********" in one["message"] for one in refusal["problems"]), refusal
    assert "canary" not in str(refusal)


def _change(before: str, after: str, *secrets: str) -> Change:
    return Change(Names(), Names(), (), {"routes.yaml": before}, {"routes.yaml": after}, frozenset(secrets))


@pytest.mark.parametrize(
    "line",
    [
        "password: canary", "  x-api-key: 'canary'", '{client_secret: "canary", url: x}', "url: http://me:canary@host",
        "Authorization: Bearer canary", "note: canary-value", "auth: {bearer: canary}", "tokens: [canary, 'canary']",
        r'password: "a\"canary", password: "it, canary', "password: 'it''s, canary'", r'"{\"token\": \"canary\"}"',
        "note: see password: canary",
    ],
)  # fmt: skip
def test_lines_hold_no_secrets(line):
    """Neither one that is known, nor what looks like one by its name; a reference to a variable is none."""
    (file,), _ = _change("", line, "canary-value").files()
    assert "canary" not in file["lines"][-1]
    (file,), _ = _change("", "password: ${PASSWORD}").files()
    assert file["lines"][-1] == "+password: ${PASSWORD}"


@pytest.mark.parametrize("piece", ["a", "a.", "secret.", "token: ", "token: '"])
def test_a_long_line_takes_no_longer_than_several_short_ones(piece):
    """The time grows as the line does, not as its square: with 1 MB that would be hours, for the whole process."""
    line = f"{piece * (1_000_000 // len(piece))}://, token: canary"
    assert "canary" not in lines.veil(frozenset({"secret-of-a-variable"}))(line)


def test_a_secret_of_several_lines_is_hidden_in_each():
    """As a key in the file is."""
    key = "-----BEGIN KEY-----\ncanary-one\ncanary-two\n-----END KEY-----\n"
    (file,), _ = _change("", "key: |\n" + "".join(f"  {line}\n" for line in key.splitlines()), key).files()
    assert not any("canary" in line for line in file["lines"])


def test_secrets_that_two_plans_were_written_with_are_hidden(tmp_path):
    """Those that no call is made with, too: of a webhook, in a list whose lines do not name it."""
    path = tmp_path / "routes.yaml"
    files, plans, texts = PlanFiles(path, {}), [], []
    for secret in ("canary-old", "canary-new"):
        path.write_text(HOOK.format(secret=secret))
        plans.append(files.load())
        texts.append(files.texts)
    (file,), _ = Change.between(*plans, *texts).files()
    assert file["lines"].count("-        - ********") == file["lines"].count("+        - ********") == 1


def test_long_files_are_told_in_part(monkeypatch):
    """Where two have little in common they are not compared, and what is beyond a number of lines is counted."""
    monkeypatch.setattr(change, "MOST_LINES", 10)
    monkeypatch.setattr(lines, "_MOST_COMPARED", 20)
    before, after = ("\n".join(f"{name} {number}" for number in range(50)) for name in "ab")
    (file,), left = _change(f"head\n{before}\ntail", f"head\n{after}\ntail").files()
    assert (len(file["lines"]), left) == (10, 92)
    assert file["lines"][:2] == [" head", "-a 0"]
