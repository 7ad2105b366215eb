"""Mocks in a running server: answers without an upstream, and faults that the client meets as if they were real."""

from __future__ import annotations

import pytest

from tests.server.conftest import reply_of, until

ROUTES = """
upstreams:
  ledger:
    mock:
      routes:
        GET /balance/{id}: {json: {id: "{{ id }}", page: "{{ query.page }}"}}
        GET /slow: {json: 1, delay: 10s}
        GET /text: {body: "hello {{ query.name }}", headers: {x-made: by mock}}
        GET /503: {json: {}, fail: {status: 503}}
        GET /reset: {json: {}, fail: {reset: true}}
        GET /timeout: {json: {}, fail: {timeout: true}}
        GET /cut: {json: [1, 2, 3], fail: {bytes: 3}}
  half: {url: "${UP}", mock: {routes: {"GET /made": {json: made}}}}
  drill: {url: "${UP}", mock: {fail: {status: 503}, when: "{{ headers['x-fault'] == 'on' }}"}}
endpoints:
  GET /balance/{id}: {call: "ledger:/balance/{id}?page=3"}
  GET /text: {call: "ledger:/text?name=you", response: {pass_headers: {x-made: first}}}
  GET /none: {call: ledger:/none}
  GET /slow: {timeout: 200ms, call: ledger:/slow}
  GET /503: {call: ledger:/503}
  GET /reset: {call: ledger:/reset}
  GET /timeout: {timeout: 200ms, call: ledger:/timeout}
  GET /cut: {call: ledger:/cut}
  GET /stream/{id}: {stream: true, call: "ledger:/balance/{id}"}
  GET /stream-cut: {stream: true, call: ledger:/cut}
  GET /made: {call: half:/made}
  GET /real: {call: half:/real}
  GET /drill: {call: drill:/real}
  GET /drill-stream: {stream: true, call: drill:/real}
"""


@pytest.fixture
def upstream(stage):
    """Return the upstream."""
    found = stage.upstream()
    found["/real"] = reply_of("real")
    return found


@pytest.fixture
def gateway(stage, upstream):
    """Return the gateway."""
    return stage.gateway(ROUTES, env={"UP": upstream.url})


def test_an_upstream_that_does_not_exist_yet(gateway):
    """Its answers are made of the request; what it lacks is 404."""
    assert gateway.get("/balance/7").json == {"id": "7", "page": "3"}
    assert gateway.get("/stream/7").json == {"id": "7", "page": None}
    answer = gateway.get("/text")
    assert (answer.body, answer["x-made"]) == (b"hello you", "by mock")
    assert gateway.get("/none").status == 404


@pytest.mark.parametrize(("path", "status", "cause"), [
    ("/503", 502, "status"), ("/reset", 502, "reset"), ("/timeout", 504, "deadline"), ("/cut", 502, "incomplete"),
    ("/slow", 504, "deadline"),
])  # fmt: skip
def test_faults(gateway, path, status, cause):
    """Each is what it would be of a real upstream."""
    answer = gateway.get(path)
    assert (answer.status, answer.json["cause"]) == (status, cause)


def test_a_stream_is_cut_off(gateway):
    """After so many bytes."""
    with gateway.wire() as wire:
        wire.write("GET", "/stream-cut")
        assert b"[1," in wire.rest()
        assert wire.ended


def test_what_it_lacks_goes_to_the_upstream(gateway, upstream):
    """Where there is one."""
    assert gateway.get("/made").json == "made"
    assert gateway.get("/real").json == "real"
    assert [request.target for request in upstream.requests] == ["/real"]


@pytest.mark.parametrize("path", ["/drill", "/drill-stream"])
def test_a_fault_behind_a_condition(gateway, upstream, path):
    """Only calls for which it is true meet it, and nothing but true."""
    assert gateway.get(path, "x-fault: on").status == 502
    assert gateway.get(path, "x-fault: off").json == "real"
    assert gateway.get(path).json == "real"
    assert len(upstream.requests) == 2


def test_a_client_that_hangs_up(gateway):
    """Ends the wait for a mock, too."""
    gateway.reload(ROUTES.replace("timeout: 200ms, call: ledger:/slow", "timeout: 60s, call: ledger:/slow"))
    with gateway.wire() as wire:
        wire.write("GET", "/slow")
        until(lambda: gateway.in_flight == 1)
    until(lambda: gateway.in_flight == 0)


@pytest.mark.long
def test_a_file_of_a_mock_is_read_again_when_it_changes(stage):
    """What it answers then is what it says then; a broken one changes nothing."""
    file = stage.folder / "ledger.yaml"
    file.write_text("routes: {GET /a: {json: 1}}")
    gateway = stage.gateway(
        "upstreams: {a: {mock: {file: ledger.yaml}}}\nendpoints: {GET /a: {call: a:/a}}", watch=True
    )
    assert gateway.get("/a").json == 1
    for text, answer in (("routes: {GET /a: {jsn: 1}}", 1), ("routes: {GET /a: {json: 2}}", 2)):
        file.with_suffix(".fresh").write_text(text)
        file.with_suffix(".fresh").replace(file)
        until(lambda many=answer: len(gateway.reloads) == many)
        assert gateway.get("/a").json == answer
