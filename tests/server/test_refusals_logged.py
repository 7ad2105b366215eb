"""Requests that come to no endpoint: in the log where all answers are, with what is known of them."""

from __future__ import annotations

import pytest
from tiers import other_cell

from aggregator.runtime.request_log import refusal_cause

ROUTES = """
telemetry: {{log: {{access: {which}}}}}
endpoints:
  GET /n: {{respond: {{body: 1}}}}
"""
PATHS = [
    ("GET", "/none", 404, "Nothing is served at this path."),
    ("POST", "/n", 405, "This path answers to GET, HEAD, OPTIONS."),
    ("GET", "/%zz", 400, "The path is not well formed"),
]


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_no_endpoint(stage, door):
    """What was asked for, by whom, and why there is no such thing; by the id that the client got."""
    gateway = stage.gateway(ROUTES.format(which="all"), door=door)
    for number, (method, path, status, reason) in enumerate(PATHS, 1):
        answer = gateway.ask(method, path)
        stage.until(lambda: len(gateway.said("Refused.")) == number)  # noqa: B023
        fields = gateway.said("Refused.")[-1]
        assert (answer.status, fields["status"], fields["method"], fields["path"]) == (status, status, method, path)
        assert (fields["client"], fields["request_id"]) == ("127.0.0.1", answer["x-request-id"])
        assert fields["reason"].startswith(reason)
    gateway.get("/n")
    gateway.get("/none")
    stage.until(lambda: len(gateway.said("Refused.")) > len(PATHS))
    assert gateway.said("Refused.")[-1]["path"] == "/none"
    assert len(gateway.said("Refused.")) == len(PATHS) + 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"no http at all\r\n\r\n", 400), (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414)],
)
def test_no_request(stage, sent, status):
    """Of a head that cannot be read nothing is known but whose it is."""
    gateway = stage.gateway(ROUTES.format(which="all"))
    wire = gateway.wire()
    wire.send(sent)
    assert wire.reply().status == status
    stage.until(lambda: gateway.said("Refused."))
    (fields,) = gateway.said("Refused.")
    assert (fields.pop("reason") != "", fields) == (
        True,
        {"status": status, "client": "127.0.0.1", "cause": refusal_cause(status)},
    )


@pytest.mark.parametrize("which", ["errors", "none"])
def test_not_asked_for(stage, which):
    """Clients that go astray fill no log of failures."""
    gateway = stage.gateway(ROUTES.format(which=which))
    for method, path, *_ in PATHS:
        gateway.ask(method, path)
    gateway.wire().send(b"no http\r\n\r\n").reply()
    assert gateway.said("Refused.") == []
