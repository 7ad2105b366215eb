"""The recorder: what is kept of failed and slow requests, how it is shown, and what is in it for nobody."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from aggregator.causes import State
from aggregator.cli.replaying import read_replay
from aggregator.config.loading import load_config
from aggregator.exchange import Exchange
from aggregator.parts.events import CallEnded, RequestEnded
from aggregator.plan.compiler import compile_plan
from aggregator.plan.telemetry import RecorderPlan
from aggregator.runtime.answers.answer import problem
from aggregator.runtime.request.identity import sent_path_of
from aggregator.server.recorder import recorder as ring
from aggregator.server.recorder.masking import Cleaner
from aggregator.server.recorder.recorder import Recorder, recorder_for
from aggregator.telemetry.hiding import hidden_places

from .conftest import Wire, reply_of

SECRET = "a-secret-of-some-length"
ADMIN = f'server: {{admin: {{address: "127.0.0.1:0", secret: {SECRET}}}}}\n'
ROUTES = (
    ADMIN
    + """
telemetry:
  recorder: {keep: 3, bodies: 200B, headers: [content-type, x-tenant, x-hidden]}
  hide: [body.user.password, query.pin, params.card, headers.x-hidden]
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /cards/{card}: {call: "up:/cards/{card}"}
  GET /names/{name}: {call: {url: "up:/names", query: {name: "{{ params.name }}"}}}
  GET /page: {fan_out: {ads: {url: "up:/ads", optional: true, default: []}, main: "up:/main"}}
  POST /names/{name}: {body: {}, call: {url: "up:/names"}}
  POST /login: {body: {type: object}, call: {method: POST, url: "up:/login", json: "{{ body }}"}}
"""
)


@pytest.fixture
def kept(stage):
    """A gateway with a recorder, its upstream, and a function that asks its address of administration."""
    upstream = stage.upstream()
    gateway = stage.gateway(ROUTES, upstream)

    def ask(method: str, target: str, *lines: str, given: object = None):
        body = b"" if given is None else json.dumps(given).encode()
        with stage.wire(gateway.admin) as wire:
            length = [f"content-length: {len(body)}"] if body else []
            shown = [f"authorization: Bearer {SECRET}", "host: 127.0.0.1"]
            head = "".join(f"{line}\r\n" for line in [f"{method} {target} HTTP/1.1", *shown, *length, *lines])
            return wire.send(head.encode() + b"\r\n" + body).reply()

    return upstream, gateway, ask


def test_failed_requests_are_kept_with_their_calls(kept):
    """A partial answer and a failure, the newest first; what went well is not there."""
    upstream, gateway, ask = kept
    upstream["/main"] = reply_of({"a": 1})
    upstream["/ads"] = reply_of({"why": "broken"}, 500)
    upstream["/cards/1"], upstream["/cards/2"] = reply_of({}), reply_of({}, 500)
    partial = gateway.get("/page", "x-request-id: one")
    gateway.get("/cards/1")
    failed = gateway.get("/cards/2", "x-request-id: two")
    assert (partial.status, failed.status) == (200, 502)
    listed = ask("GET", "/-/requests").json["requests"]
    assert [(one["id"], one["why"], one["status"], one["partial"]) for one in listed] == [
        ("two", "failed", 502, False), ("one", "failed", 200, True),
    ]  # fmt: skip
    shown = ask("GET", "/-/requests/one").json
    assert [(part["name"].split()[0], part["state"], part["status"]) for part in shown["parts"]] == [
        ("ads?", "default", 500), ("main", "ok", 200),
    ]  # fmt: skip
    assert [one["body"]["text"] for one in shown["said"]] == ['{"why":"broken"}', '{"a":1}']
    assert json.loads(shown["answer"]["body"]["text"]) == partial.json
    assert [one["id"] for one in ask("GET", "/-/requests?part=ads").json["requests"]] == ["one"]
    assert ask("GET", "/-/requests?color=red").status == 400
    assert [one["id"] for one in ask("GET", "/-/requests?endpoint=GET%20/page").json["requests"]] == ["one"]


def test_a_partial_answer_has_the_cause_of_the_part_that_failed(kept):
    """And its reason, in the words of the log; a list of requests says the cause too."""
    upstream, gateway, ask = kept
    upstream["/main"], upstream["/ads"] = reply_of({"a": 1}), reply_of({}, 500)
    gateway.get("/page", "x-request-id: one")
    (listed,) = ask("GET", "/-/requests").json["requests"]
    shown = ask("GET", "/-/requests/one").json
    assert (listed["partial"], listed["cause"]) == (True, "status")
    assert (shown["cause"], shown["reason"]) == ("status", "The upstream 'up' answered with status 500.")


def test_the_ring_is_bounded(kept):
    """The oldest go first."""
    upstream, gateway, ask = kept
    upstream["/cards/7"] = reply_of({}, 500)
    for number in range(5):
        gateway.get("/cards/7", f"x-request-id: r{number}")
    assert [one["id"] for one in ask("GET", "/-/requests").json["requests"]] == ["r4", "r3", "r2"]
    assert ask("GET", "/-/requests/r0").status == 404


def test_nothing_hidden_is_kept(kept):
    """Canaries in every place of a request, which the upstream repeats, are in no answer of the recorder."""
    upstream, gateway, ask = kept
    echoed = {"user": {"password": "c-body"}, "token": "c-token", "a": "c-auth c-cookie c-header", "seen": "yes"}
    upstream["/login"] = upstream["/cards/c-card"] = reply_of(echoed, 500)
    lines = ["authorization: Bearer c-auth", "cookie: s=c-cookie", "x-hidden: c-header", "x-tenant: acme"]
    body = json.dumps({"user": {"password": "c-body", "name": "ann"}, "token": "c-token"}).encode()
    gateway.ask("POST", "/login?pin=c-pin&token=c-query", "x-request-id: post", "content-type: application/json",
                *lines, body=body)  # fmt: skip
    gateway.get("/cards/c-card?page=2", "x-request-id: get", *lines)
    targets = ["/-/requests", *(f"/-/requests/{name}{end}" for name in ("post", "get") for end in ("", ".har"))]
    told = "".join(ask("GET", target).body.decode() for target in targets)
    assert [
        word for word in ("body", "token", "auth", "cookie", "header", "card", "pin", "query") if f"c-{word}" in told
    ] == []
    assert all(word in told for word in ("acme", "ann", "page=2", "yes", "/cards/********"))
    assert ask("GET", "/-/requests/post").json["masked"] == [
        "headers.authorization", "headers.cookie", "headers.x-hidden", "query.pin", "query.token", "body",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "body", "said"),
    [
        ("/cards/canary-1", None, {"looked": "no card canary-1"}),
        ("/cards/canary%202", None, {"looked": "/cards/canary%202", "meant": "canary 2"}),
        ("/cards/1?token=canary-3", None, {"got": "canary-3"}),
        ("/cards/1?pin=55512345", None, {"got": 55512345, "page": 7}),
        ("/login", {"user": {"password": "canary-4"}}, {"detail": "canary-4 is wrong"}),
        ("/login", {"user": {"password": 'canary"5'}}, {"was": json.dumps({"user": {"password": 'canary"5'}})}),
        ("/login", {"user": {"password": ["canary-6"]}, "token": "canary-7"}, ["canary-6", "canary-7"]),
        ("/login", {"user": {"password": 55512346}}, {"twice": [55512346, "it was 55512346"]}),
        ("/login", {"user": {"password": "canary-" + 300 * "8"}}, {"got": "canary-" + 300 * "8"}),
        ("/login", {"user": {"password": [f"canary-{n}" for n in range(200)]}}, {"got": "canary-199"}),
    ],
)  # fmt: skip
def test_what_is_hidden_is_found_where_an_upstream_repeats_it(kept, target, body, said):
    """Under another name, in a text, as a number, in JSON that is a text; where it is too much, no body is kept."""
    upstream, gateway, ask = kept
    upstream["/login"] = upstream["/cards/1"] = reply_of(said, 500)
    upstream["/cards/canary-1"] = upstream["/cards/canary%202"] = reply_of(said, 500)
    if body is None:
        gateway.get(target, "x-request-id: one")
    else:
        gateway.ask(
            "POST", target, "x-request-id: one", "content-type: application/json", body=json.dumps(body).encode()
        )
    told = "".join(ask("GET", f"/-/requests/one{end}").body.decode() for end in ("", ".har"))
    assert "said" in told
    assert [word for word in ("canary", "555123") if word in told] == []


@pytest.mark.parametrize("host", ["shop.example.com", "shop.example.com:8443", "[::1]:8080"])
def test_the_url_is_that_of_the_client(recorder, host):
    """With its port, so that an archive says where the request went."""
    exchange = Exchange("GET", "/n", b"a=1", [(b"host", host.encode())])
    recorder.request(RequestEnded(KEY, "1", "GET", "answered", 500, None, False, 1.0, 2.0, exchange=exchange))
    assert next(iter(recorder)).url == f"http://{host}/n?a=1"


def test_secrets_of_the_file_are_not_kept(stage):
    """An upstream that repeats what it was sent tells nobody."""
    upstream = stage.upstream()
    upstream["/x"] = lambda request: reply_of({"got": request["x-key"]}, 500, x_said=request["x-key"])
    text = (
        ADMIN
        + """
telemetry: {recorder: {bodies: 1KiB, headers: [x-said]}}
upstreams: {up: {url: "${UP}", headers: {x-key: "${KEY}"}}}
endpoints: {GET /x: {call: "up:/x"}}
"""
    )
    gateway = stage.gateway(text, upstream, env={"KEY": "canary-key-of-the-file"})
    gateway.get("/x", "x-request-id: one")
    with stage.wire(gateway.admin) as wire:
        told = wire.send(b"GET /-/requests/one HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply()
    assert upstream.last["x-key"] == "canary-key-of-the-file"
    assert b"canary" not in told.body
    (said,) = told.json["said"]
    assert (said["headers"], said["body"]["text"]) == ([{"name": "x-said", "value": "********"}], '{"got":"********"}')


def test_a_request_is_downloaded_as_har(kept):
    """With the members that HAR 1.2 asks for, and what is masked."""
    upstream, gateway, ask = kept
    upstream["/cards/1"] = reply_of({}, 500)
    gateway.get("/cards/1?page=2", "x-request-id: one", "x-tenant: acme")
    log = ask("GET", "/-/requests/one.har").json["log"]
    (entry,) = log["entries"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "aggregator")
    assert entry["request"]["url"] == "http://gateway/cards/********?page=2"
    assert entry["request"]["queryString"] == [{"name": "page", "value": "2"}]
    assert entry["request"]["headers"] == [{"name": "x-tenant", "value": "acme"}]
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (502, "Bad Gateway")
    assert {"cookies", "headersSize", "bodySize", "httpVersion"} <= entry["request"].keys() & entry["response"].keys()
    assert entry["_aggregator"]["masked"] == ["path"]


def test_a_request_is_sent_again(kept):
    """With what was kept; what is masked has to be given, and needs the secret of administration."""
    upstream, gateway, ask = kept
    upstream["/main"] = reply_of({"a": 1})
    gateway.get("/page", "x-request-id: one", "x-tenant: acme", "authorization: Bearer c-auth")
    upstream["/ads"] = reply_of(["ad"])
    refused = ask("POST", "/-/requests/one/replay")
    assert (refused.status, refused.detail) == (
        409, "These values are not kept, and have to be given again: headers.authorization.",
    )  # fmt: skip
    told = ask("POST", "/-/requests/one/replay", given={"headers": {"authorization": "Bearer x"}}).json
    assert (told["status"], json.loads(told["body"])) == (200, {"ads": ["ad"], "main": {"a": 1}})
    assert [part["state"] for part in told["request"]["parts"]] == ["ok", "ok"]
    assert told["request"]["why"] == "asked"
    with Wire(gateway.admin) as wire:
        assert wire.send(b"POST /-/try HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply().status == 401


def test_a_path_is_kept_as_it_is_sent(kept):
    """Percent-encoded, which is what a URL in an archive is, and what is sent again."""
    upstream, gateway, ask = kept
    upstream["/names"] = reply_of({}, 500)
    target = "/names/%3Cimg%20x%3E%25%C3%A9%3Fa%23b"
    gateway.get(f"{target}?page=2", "x-request-id: one")
    assert ask("GET", "/-/requests/one").json["target"] == f"{target}?page=2"
    (entry,) = ask("GET", "/-/requests/one.har").json["log"]["entries"]
    assert entry["request"]["url"] == f"http://gateway{target}?page=2"
    first = upstream.last.target
    assert ask("POST", "/-/requests/one/replay").json["request"]["endpoint"] == "GET /names/{name}"
    assert upstream.last.target == first


@pytest.mark.parametrize(
    "target",
    [
        "/names/a%2Fb", "/names/a%2fb%5c", "/names/%20", "/names/a%3Fb", "/names/a;b=1", "/names/%61", "/names/a+b%2B",
        "/names/%C3%A9?q=%2F%20;%3f", "/names/a%25%32%46", "/names/(a),@:!$&'*~", "/names/a?",
    ],
)  # fmt: skip
def test_a_path_is_sent_again_octet_by_octet(kept, tmp_path, target):
    """By a replay, and from the archive; what is escaped in it, and how, is not ours to change."""
    upstream, gateway, ask = kept
    upstream["/names"] = reply_of({}, 500)
    gateway.get(target, "x-request-id: one")
    first = upstream.last.target
    assert ask("GET", "/-/requests/one").json["target"] == target.removesuffix("?")
    (tmp_path / "one.har").write_bytes(ask("GET", "/-/requests/one.har").body)
    assert read_replay(str(tmp_path / "one.har")).target == target.removesuffix("?")
    replayed = ask("POST", "/-/requests/one/replay").json["request"]
    assert (replayed["endpoint"], replayed["target"]) == ("GET /names/{name}", target.removesuffix("?"))
    assert upstream.last.target == first


@pytest.mark.parametrize("path", ["/names/a%2Fb", "/names/a|b", '/names/a"b<c>^`{}', "/names/a|b%7C"])
def test_both_doors_keep_a_path_as_it_was_sent(kept, path):
    """An endpoint that reads a body is served the ASGI way, and keeps the same as one that only calls."""
    upstream, gateway, ask = kept
    upstream["/names"] = reply_of({}, 500)
    gateway.get(path, "x-request-id: one")
    gateway.ask("POST", path, "x-request-id: two", "content-type: application/json", body=b"1")
    assert [ask("GET", f"/-/requests/{one}").json["target"] for one in ("one", "two")] == [path, path]


def test_a_path_of_which_only_the_meaning_is_known_is_encoded():
    """Not every server of ASGI says what was sent."""
    assert sent_path_of({"path": "/names/a b"}) == b"/names/a%20b"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/cards/%63-card", "/cards/********"), ("/names/%FF%fe", "/names/%FF%fe"), ("/cards/a%2Fb", "/cards/********"),
        ("/names/%61-secret-of-some-length", "/names/********"), ("/names/a%2Fb/a-secret-of-some-length%2F", "/names/a%2Fb/********%2F"),
    ],
)  # fmt: skip
def test_what_is_hidden_in_a_path_is_found_however_it_is_escaped(path, shown):
    """A segment that holds a secret is masked, and the others stay as they were sent."""
    segments = tuple(path.encode().split(b"/")[2:3])
    exchange = Exchange("GET", unquote(path), b"", [], segments, sent_path=path.encode())
    cleaner = Cleaner(
        RecorderPlan(hidden=hidden_places(["params.card"])), lambda text: text.replace(SECRET, "********")
    )
    assert cleaner.target(f"GET {path[:6]}/{{card}}" if "cards" in path else "GET /names/{name}", exchange) == shown


def test_a_request_is_tried(kept):
    """As a client on this machine would send it; what is none is refused."""
    upstream, _, ask = kept
    upstream["/login"] = reply_of({"ok": True}, set_cookie="s=c-cookie")
    given = {"method": "POST", "target": "/login", "headers": {"content-type": "application/json"}, "body": '{"a": 1}'}
    told = ask("POST", "/-/try", given=given).json
    assert (told["status"], told["body"], told["cut"]) == (200, '{"ok": true}', False)
    assert json.loads(upstream.last.body) == {"a": 1}
    assert ask("POST", "/-/try", given={"target": "no path"}).status == 400
    assert ask("POST", "/-/try", given={"target": "/x", "method": "BREW"}).status == 400
    assert ask("POST", "/-/try", given={"target": "/x", "headers": {"a b": "c"}}).status == 400
    assert ask("POST", "/-/try", given={"target": "/nothing"}).json["status"] == 404


def test_without_a_recorder_nothing_is_kept(stage):
    """And the answer says what to declare."""
    gateway = stage.gateway(ADMIN + "endpoints: {GET /n: {respond: {body: 1}}}")
    with stage.wire(gateway.admin) as wire:
        told = wire.send(b"GET /-/requests HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply()
    assert (told.status, told.detail) == (404, "No requests are kept: the file declares no `telemetry.recorder`.")


PLAN = RecorderPlan(keep=100, slow=1.0)
KEY = "GET /n"


@pytest.fixture
def recorder(tmp_path):
    """A recorder whose clock stands still."""
    made = Recorder(PLAN, clock=lambda: 1000.0)
    file = tmp_path / "routes.yaml"
    file.write_text("version: 1\nendpoints: {GET /n: {respond: {body: 1}}}\n", encoding="utf-8")
    made.follow(compile_plan(load_config(file)))
    return made


def _ended(identity: str, seconds: float, status: int = 200, **members):
    answer = problem(status, "It is so.")
    members = {"how": "answered", "answer": answer, **members}
    how = members.pop("how")
    return RequestEnded(KEY, identity, "GET", how, status, None, False, 10.0, 10.0 + seconds,
                        exchange=Exchange("GET", "/n", b"", []), **members)  # fmt: skip


def test_slow_requests_are_kept_and_streams_are_not_slow(recorder):
    """From the declared time on; a stream lasts as long as it lasts."""
    recorder.request(_ended("fast", 0.9))
    recorder.request(_ended("slow", 1.0))
    recorder.request(_ended("stream", 60.0, answer=None))
    assert [(one.id, one.why) for one in recorder] == [("slow", "slow")]


def test_of_a_flood_ten_in_a_second_are_kept(recorder):
    """The rest is counted."""
    for number in range(25):
        recorder.request(_ended(str(number), 0.0, 500))
    assert (len([*recorder]), recorder.left_out) == (ring.MOST_A_SECOND, 15)


def test_memory_is_bounded(recorder, monkeypatch):
    """Beyond it the oldest go, however many may be kept."""
    monkeypatch.setattr(ring, "MOST_BYTES", 5000)
    for number in range(9):
        recorder.request(_ended(str(number), 0.0, 500))
    assert 0 < recorder.size <= 5000
    assert next(one.id for one in recorder) == "8"


def test_calls_given_up_are_remembered_for_their_request_alone(recorder):
    """And no more of them than are bounded."""
    for number in range(1000):
        recorder.call(CallEnded(KEY, "a", "up", str(number), 1, State.CANCELLED, None, 0, 0, 1.0, 2.0))
    assert len(recorder.given_up) == 256
    recorder.request(_ended("999", 1.0, 499, how="gone", answer=None))
    assert (len(recorder.given_up), [one.how for one in recorder]) == (255, ["gone"])


def test_a_reload_keeps_what_is_recorded_alike():
    """Another declaration begins anew: what is hidden now may be in what was kept."""
    known = Recorder(PLAN)
    assert recorder_for(PLAN, known) is known
    assert recorder_for(RecorderPlan(keep=5), known) is not known
    assert recorder_for(None, known) is None
