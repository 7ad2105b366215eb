"""Durable calls of a group: what is written there is kept like what the endpoint writes itself."""

from __future__ import annotations

from tests.config.rules.conftest import Say

AROUND = """\
version: 1
state: ./state
upstreams: {mail: {url: https://mail.example.com, idempotent: true}}
groups:
  told: {tell: {url: "POST mail:/told", json: "{{ headers.authorization }}"}}
"""


def test_a_credential_in_a_group_is_not_kept(say: Say) -> None:
    """The call of a group that a durable effect uses puts no credential of the caller on the disk, either."""
    problems = say("GET /a: {respond: {body: 1}, background: {durable: true, name: a, fan_out: {use: told}}}", AROUND)
    message = "`headers.authorization` is not kept: credentials are never written to the disk"
    assert problems == [f"bad-durable ‹{{{{ headers.authorization }}}}› {message}"]


def test_what_is_not_durable_may_send_it(say: Say) -> None:
    """The same group after an answer, sent at once, is kept nowhere."""
    assert say("GET /a: {respond: {body: 1}, background: {name: a, fan_out: {use: told}}}", AROUND) == []
