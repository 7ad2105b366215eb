"""``GET /-/lately``: what has changed in the process, for who looks afterwards."""

from __future__ import annotations

import logging

import pytest

from aggregator.telemetry.lately import LONGEST, MOST, Lately, log_change

from .conftest import reply_of

ROUTES = """
server: {admin: {address: "127.0.0.1:0", secret: canary-of-administration}}
upstreams: {up: {url: "${UP}", breaker: {failures: 1}}}
endpoints:
  GET /a: {call: "up:/a"}
"""


def _asked(stage, gateway, path):
    with stage.wire(gateway.admin) as wire:
        reply = wire.send(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply()
    assert reply.status == 200
    return reply.json


def test_breakers_and_refused_saves_are_told_afterwards(stage):
    """The newest first, each by the line of the log as data; no secret of a refused save is in it."""
    upstream = stage.upstream()
    gateway = stage.gateway(ROUTES, upstream)
    upstream["/a"] = reply_of({}, 503)
    gateway.get("/a")
    gateway.reload(ROUTES.replace("endpoints:", "endpoints: canary-of-administration"))
    refused, breaker = _asked(stage, gateway, "/-/lately")[:2]
    assert (refused["level"], refused["text"]) == ("error", "A new configuration was refused; the running one stays.")
    assert (breaker["text"], breaker["fields"]["breaker"], breaker["fields"]["now"]) == (
        "A breaker has changed.", "up", "open",
    )  # fmt: skip
    assert breaker["at"] <= refused["at"]
    assert "canary" not in str((refused, breaker))  # what follows is of other tests in this process


def test_only_the_last_ones_are_kept():
    """Values are cut, what says nothing is left out, and secrets are taken out when they are shown."""
    lately = Lately(lambda: 7.0)
    for number in range(MOST + 1):
        lately.note(
            logging.WARNING, "It has changed.", {"number": number, "why": "s3cret" * 100, "by": None, "of": ("a", "b")}
        )
    shown = lately.shown(lambda text: text.replace("s3cret", "*"))
    assert (len(shown), shown[-1]["fields"]["number"]) == (MOST, "1")
    assert shown[0] == {
        "at": 7.0, "level": "warning", "text": "It has changed.",
        "fields": {"number": str(MOST), "why": "*" * (LONGEST // 6), "of": "a, b"},
    }  # fmt: skip


def test_a_secret_is_masked_when_a_change_comes():
    """Not when it is shown, alone: the file may have another value by then, and nobody knows of the old one."""
    lately = Lately()
    lately.learn({"canary-of-then"})
    lately.note(logging.INFO, "It has changed.", {"why": "x" * (LONGEST - 4) + "canary-of-then"})
    [kept] = lately.shown(str)
    assert kept["fields"]["why"] == "x" * (LONGEST - 4) + "****"


def test_what_was_secret_once_is_not_told_later(stage):
    """A refused save speaks of a value of a variable; when another is served, the old one is still told nowhere."""
    gateway = stage.gateway(ROUTES.replace('"up:/a"', '"up:/a?key=${KEY}"'), env={"KEY": "canary-of-a-variable"})
    refused = gateway.reload(ROUTES.replace('"up:/a"', '"canary-of-a-variable:/a"'))
    assert refused.verdict == "refused"
    gateway.reload(ROUTES)
    assert "canary" not in str(_asked(stage, gateway, "/-/lately")[:3])
    assert "canary" not in str(gateway.said("A new configuration was refused"))


def test_a_change_is_kept_though_the_log_leaves_it_out(monkeypatch):
    """An operator who has the log say less still sees on the page what has changed."""
    kept, quiet = Lately(), logging.getLogger("aggregator.tests.quiet")
    monkeypatch.setattr("aggregator.telemetry.lately.LATELY", kept)
    quiet.setLevel(logging.CRITICAL)
    log_change(quiet, logging.INFO, "It has changed.", now="open")
    assert [one["fields"] for one in kept.shown(str)] == [{"now": "open"}]


@pytest.mark.parametrize(
    ("admin", "more"),
    [
        ('{address: "127.0.0.1:0", secret: canary-of-administration}', {"secret": True}),
        (
            '"127.0.0.1:0"',
            {"secret": False, "refused": "Nothing can be done here until `server.admin` declares a `secret`."},
        ),
    ],
)
def test_what_can_be_done_says_what_it_needs(stage, admin, more):
    """The page disables what would be refused, and says why."""
    gateway = stage.gateway(f"server: {{admin: {admin}}}\nendpoints:\n  GET /a: {{respond: {{body: 1}}}}\n")
    told = _asked(stage, gateway, "/-/actions")
    assert "canary" not in str(told)
    assert told
    assert [{name: one[name] for name in one if name not in ("action", "summary")} for one in told] == [more] * len(
        told
    )
