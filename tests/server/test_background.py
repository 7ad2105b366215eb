"""Calls after the answer: no client waits for them, notices them, or loses anything by them."""

from __future__ import annotations

import threading
import time

import pytest

ROUTES = """
background: {workers: 4, queue: 50, timeout: 2s}
upstreams:
  up: {url: "${UP}"}
  dead: {url: "http://127.0.0.1:1"}
plugins: [effects_plugin]
endpoints:
  GET /told/{id}:
    query: {tag: {type: string, default: none}}
    call: "up:/users/{id}"
    background:
      - method: POST
        url: "up:/events/{id}?tag={query.tag}"
        headers: {x-request: "{{ request.id }}"}
        json: {user: "{{ call.id }}", status: "{{ response.status }}", length: "{{ response.body.name | length }}",
               type: "{{ response.headers['content-type'] }}"}
  GET /slow-sink: {respond: {body: 1}, background: {method: POST, url: up:/gated, json: {}, timeout: 60s}}
  GET /bad-sinks:
    respond: {body: 1}
    background:
      - {name: gone, method: POST, url: dead:/, json: {}}
      - {name: failing, method: POST, url: up:/broken, json: {}}
      - {name: valueless, method: POST, url: "up:/events/{response.body.missing}", json: {}}
      - {name: conditionless, method: POST, url: up:/events/x, json: {}, when: "{{ response.body.x.y > 1 }}"}
      - {name: fine, method: POST, url: up:/events/fine, json: {}}
  GET /flood: {respond: {body: 1}, background: {name: flooding, method: POST, url: dead:/, json: {}}}
  GET /when/{id}:
    call: "up:/users/{id}"
    background: {method: POST, url: "up:/events/{id}", json: {}, on: always, when: "{{ response.status < 300 }}"}
  GET /short: {respond: {body: 1}, background: {name: short, method: POST, url: up:/held, json: {}, timeout: 100ms}}
  POST /body:
    body: {type: object}
    respond: {status: 201}
    background: {method: POST, url: up:/events/body, json: {got: "{{ body }}"}}
  GET /hello: {respond: {body: 1}}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream with users, a sink that takes events, one that is broken and one that hangs."""
    stage = shared_stage
    (stage.folder / "effects_plugin.py").write_text("")
    upstream = stage.upstream()
    upstream.answers = {
        "/users/1": stage.reply({"id": 1, "name": "Ada"}),
        "/held": [stage.HANG],
        "/broken": stage.reply({}, 500),
        **{f"/events/{name}": stage.reply({}) for name in ("1", "2", "fine", "body", "x")},
    }
    return upstream


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    """The server, reached by each door."""
    return shared_stage.gateway(ROUTES.replace("plugins: [effects_plugin]\n", ""), upstream, door=door)


def _counts(gateway):
    return gateway.get("/-/config").json["background"]


def _sent(upstream, path):
    return [request for request in upstream.requests if request.target.partition("?")[0] == path]


def test_a_call_after_the_answer_knows_request_and_answer(gateway, upstream, stage):
    """Its URL, headers and body hold values of both."""
    sent = len(_sent(upstream, "/events/1"))
    assert gateway.get("/told/1?tag=a%26b", "x-request-id: me").status == 200
    stage.until(lambda: len(_sent(upstream, "/events/1")) > sent)
    event = _sent(upstream, "/events/1")[-1]
    assert (event.target, event["x-request"]) == ("/events/1?tag=a%26b", "me")
    assert event.body == b'{"user":1,"status":200,"length":3,"type":"application/json"}'


def test_the_body_of_the_client_is_there_too(gateway, upstream, stage):
    """What was posted can be told."""
    sent = len(_sent(upstream, "/events/body"))
    gateway.ask("POST", "/body", "content-type: application/json", body=b'{"n": 12345678901234567890}')
    stage.until(lambda: len(_sent(upstream, "/events/body")) > sent)
    assert _sent(upstream, "/events/body")[-1].body == b'{"got":{"n":12345678901234567890}}'


def test_when_decides(gateway, upstream, stage):
    """A call whose condition does not hold is not made, and counted as skipped."""
    before = _counts(gateway)["skipped"]
    sent = len(upstream.requests)
    assert gateway.get("/when/9").status == 404
    stage.until(lambda: _counts(gateway)["skipped"] == before + 1)
    assert len(upstream.requests) == sent + 1


def test_a_slow_sink_delays_nobody(gateway, upstream, stage):
    """The next request on the same connection is served while the sink has not answered."""
    gate = stage.gate()
    upstream["/gated"] = [gate, stage.reply()]
    wire = gateway.wire()
    wire.ask("GET", "/slow-sink")
    stage.until(lambda: _sent(upstream, "/gated"))
    assert wire.ask("GET", "/hello").status == 200
    assert gateway.in_flight == 0
    gate.set()


def test_bad_sinks_are_isolated_counted_and_logged(gateway, upstream, stage):
    """A sink that is gone, one that fails, a value and a condition that cannot be: the others are made all the same."""
    before, sent = _counts(gateway), len(_sent(upstream, "/events/fine"))
    gateway.records.clear()
    answer = gateway.get("/bad-sinks")
    assert (answer.status, answer.body) == (200, b"1")
    stage.until(lambda: _counts(gateway)["failed"] == before["failed"] + 4)
    stage.until(lambda: len(_sent(upstream, "/events/fine")) > sent)
    failures = _counts(gateway)["failures"]
    assert {"gone", "failing", "valueless", "conditionless"} <= failures.keys()
    said = {fields["call"]: fields["reason"] for fields in gateway.said("background call failed")}
    said |= {fields["call"]: fields["reason"] for fields in gateway.said("The condition of a background call failed.")}
    assert said["gone"] == "The upstream refused the connection."
    assert said["failing"] == "The upstream 'up' answered with status 500."
    assert "missing" in said["valueless"]
    assert "conditionless" in said


def test_a_call_has_its_own_timeout(gateway, upstream, stage):
    """A sink that does not answer is given up after it."""
    before = _counts(gateway)["failures"].get("short", 0)
    started = time.monotonic()
    gateway.get("/short")
    stage.until(lambda: _counts(gateway)["failures"].get("short", 0) == before + 1)
    assert time.monotonic() - started > 0.05


def test_a_dead_sink_does_not_flood_the_log(gateway, stage):
    """Of many failures of one call in a second, one is told, and later how many were not."""
    gateway.records.clear()
    started = time.monotonic()
    for _ in range(20):
        gateway.get("/flood")
    stage.until(lambda: _counts(gateway)["failures"].get("flooding") == 20)
    told = [fields for fields in gateway.said("A background call failed.") if fields["call"] == "flooding"]
    assert len(told) <= 2 + (time.monotonic() - started)


@pytest.mark.parametrize(("policy", "kept"), [("drop_new", ["1", "2", "3"]), ("drop_old", ["1", "4", "5"])])
def test_a_full_queue_drops_as_declared(stage, policy, kept):
    """One worker, two places: what does not fit is dropped, the newest or the oldest, counted and logged."""
    upstream = stage.upstream()
    gate = threading.Event()
    upstream.answers = {f"/events/{n}": [gate, stage.reply({})] for n in range(1, 6)}
    gateway = stage.gateway(
        f"""
        background: {{workers: 1, queue: 2, when_full: {policy}, timeout: 120s}}
        endpoints:
          GET /e/{{n}}: {{respond: {{body: 1}}, background: {{method: POST, url: "up:/events/{{n}}", json: {{}}}}}}
        """,
        upstream,
    )
    gateway.get("/e/1")
    stage.until(lambda: len(upstream.requests) == 1)
    for number in range(2, 6):
        assert gateway.get(f"/e/{number}").status == 200
    gate.set()
    stage.until(lambda: len(upstream.requests) == 3 and _counts(gateway)["done"] == 3)
    assert [request.target.rpartition("/")[2] for request in upstream.requests] == kept
    assert _counts(gateway)["dropped"] == 2
    assert gateway.said("A background call was dropped: the queue is full.")


@pytest.mark.long
def test_a_stopping_server_finishes_them(stage):
    """What waits at a stop is made before the process ends."""
    upstream = stage.upstream()
    upstream["/events"] = [0.05, stage.reply({})]
    gateway = stage.gateway(
        """
        background: {workers: 2}
        server: {shutdown_grace: 120s}
        endpoints: {GET /e: {respond: {body: 1}, background: {method: POST, url: up:/events, json: {}}}}
        """,
        upstream,
    )
    for _ in range(10):
        gateway.get("/e")
    assert gateway.stop() == 0
    assert len(upstream.requests) == 10


@pytest.mark.long
def test_a_stopping_server_does_not_wait_for_ever(stage):
    """After the grace what is left is lost, counted and logged, and the process ends."""
    upstream = stage.upstream()
    upstream["/events"] = [stage.HANG]
    gateway = stage.gateway(
        """
        background: {workers: 2, timeout: 60s}
        server: {shutdown_grace: 300ms}
        endpoints: {GET /e: {respond: {body: 1}, background: {method: POST, url: up:/events, json: {}}}}
        """,
        upstream,
    )
    for _ in range(5):
        gateway.get("/e")
    stage.until(lambda: len(upstream.requests) == 2)
    started = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - started < 20
    assert [fields["count"] for fields in gateway.said("Background calls were lost at shutdown.")] == [5]


def test_a_reload_does_not_lose_them(stage):
    """Calls of an old configuration still reach the upstream that only it knew, although they waited."""
    old, new = stage.upstream(), stage.upstream()
    gate = threading.Event()
    for upstream in (old, new):
        upstream["/events"] = [gate, stage.reply({})]
    routes = """
        background: {{workers: 1, timeout: 120s}}
        upstreams: {{sink: {{url: "{url}"}}}}
        endpoints: {{GET /e: {{respond: {{body: 1}}, background: {{method: POST, url: sink:/events, json: {{}}}}}}}}
    """
    gateway = stage.gateway(routes.format(url=old.url))
    for _ in range(3):
        gateway.get("/e")
    stage.until(lambda: len(old.requests) == 1)
    gateway.reload(routes.format(url=new.url))
    gateway.get("/e")
    gate.set()
    stage.until(lambda: (len(old.requests), len(new.requests)) == (3, 1))
    assert _counts(gateway)["failed"] == 0
    stage.until(lambda: len(gateway.app.running.pools) == 1)
