"""Server-sent events: what is told of requests while somebody listens, to whom, and how much of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from tiers import other_cell

from aggregator.causes import Cause, State
from aggregator.cli.group import cli
from aggregator.config.loading import load_config
from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.parts.events import NO_LISTENERS, Listeners, RequestEnded, Visitors
from aggregator.parts.result import Result, failed
from aggregator.plan.compiler import compile_plan
from aggregator.runtime.reporting import Report
from aggregator.server.admin.reading.names import refuse_unknown
from aggregator.server.live.audience import MOST_CLIENTS, MOST_WAITING, Chosen, Client, Clients
from aggregator.server.live.tally import Tally, bucket
from aggregator.server.live.telling import Wanted, told
from aggregator.telemetry.hiding import NOTHING_HIDDEN

from .conftest import Wire, reply_of

ROUTES = """
server: {admin: {address: "127.0.0.1:0", secret: a-secret-of-some-length}}
telemetry: {hide: [params.card]}
upstreams: {up: {url: "${UP}"}}
endpoints:
  GET /n: {respond: {body: 1}}
  GET /cards/{card}: {call: "up:/cards/{card}"}
"""


@contextmanager
def following(gateway, query: str = ""):
    """Yield a connection that listens, and the function that gives its next event of a name."""
    with Wire(gateway.admin) as wire:
        wire.send(f"GET /-/events{query} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
        head = wire.until(b"\r\n\r\n")
        assert b"200" in head.partition(b"\r\n")[0], head
        assert b"content-type: text/event-stream" in head

        def event(name: str) -> dict:
            wire.until(f"event: {name}\ndata: ".encode())
            return json.loads(wire.until(b"\n\n"))

        yield wire, event


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_requests_are_told_while_somebody_listens(stage, door):
    """With what became of them and of their parts, and without what is hidden; before and after, nothing is built."""
    upstream = stage.upstream()
    upstream["/cards/c-card"] = reply_of({}, 500)
    gateway = stage.gateway(ROUTES, upstream, door=door)
    visitors = gateway.app.running.visitors
    assert visitors == []
    with following(gateway, "?show=requests") as (_, event):
        assert event("config") == {"generation": 1, "refused": None}
        assert len(visitors) == 1
        gateway.get("/cards/c-card?token=c-token", "x-request-id: one")
        heard = event("request")
        assert (heard["id"], heard["status"], heard["path"]) == ("one", 502, "/cards/********")
        assert [(part["state"], part["status"], part["upstream"]) for part in heard["parts"]] == [("failed", 500, "up")]
    stage.until(lambda: visitors == [])


@pytest.mark.long
def test_counts_are_told_each_second(stage):
    """By endpoint; what met none is counted without a name."""
    gateway = stage.gateway(ROUTES)
    with following(gateway, "?show=counts") as (_, event):
        event("config")
        for target in ("/n", "/n", "/nothing"):
            gateway.get(target)
        counted: dict[str, int] = {}
        while sum(counted.values()) < 3:
            for key, (requests, *_) in event("counts")["endpoints"].items():
                counted[key] = counted.get(key, 0) + requests
        assert counted == {"GET /n": 2, "": 1}


@pytest.mark.long
@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_only_what_went_wrong_is_told_to_who_asks_for_failures(stage, door):
    """A request that was answered well is not among it, whoever else hears of it."""
    upstream = stage.upstream()
    upstream["/cards/c-card"] = reply_of({}, 500)
    gateway = stage.gateway(ROUTES, upstream, door=door)
    with following(gateway, "?show=failures") as (_, event):
        event("config")
        gateway.get("/n")
        gateway.get("/cards/c-card", "x-request-id: bad")
        assert event("request")["id"] == "bad"


@pytest.mark.long
def test_parts_of_one_endpoint_are_counted_each_second(stage):
    """How often each was called, how often in vain; of no other endpoint."""
    upstream = stage.upstream()
    upstream["/cards/c-card"] = reply_of({}, 500)
    gateway = stage.gateway(ROUTES, upstream)
    with following(gateway, "?show=parts&endpoint=GET%20/cards/%7Bcard%7D") as (_, event):
        event("config")
        for target in ("/cards/c-card", "/cards/c-card", "/n"):
            gateway.get(target)
        times = failed = 0
        while times < 2:
            for name, counted in event("parts")["parts"].items():
                assert name == "call"
                assert counted[2] >= 0  # within one millisecond of the loop it takes no time
                times, failed = times + counted[0], failed + counted[1]
        assert (times, failed) == (2, 2)


@pytest.mark.long
def test_a_reload_is_told(stage):
    """The new generation, and why a file was refused; who listens goes on listening."""
    gateway = stage.gateway(ROUTES)
    with following(gateway) as (_, event):
        assert event("config")["generation"] == 1
        gateway.reload(ROUTES + "  GET /m: {respond: {body: 1}}\n")
        assert event("config")["generation"] == 2
        gateway.get("/m")
        assert event("request")["endpoint"] == "GET /m"
        gateway.reload("endpoints: {GET /n: 1}\n")
        assert event("config")["refused"] is not None


@pytest.mark.long
def test_who_listens_to_what_a_reload_removes_goes_on(stage):
    """The stream stays, and tells of it again when the file has it again."""
    more = ROUTES + "  GET /m: {respond: {body: 1}}\n"
    gateway = stage.gateway(more)
    with following(gateway, "?show=requests&endpoint=GET%20/m") as (_, event):
        for number, text in enumerate((ROUTES, more), 2):
            gateway.reload(text)
            while event("config")["generation"] != number:
                pass
        gateway.get("/m")
        assert event("request")["endpoint"] == "GET /m"


CHOSEN = [
    ("endpoint=GET /nn", 404, "There is no endpoint `GET /nn`; did you mean `GET /n`?"),
    ("endpoint=/cards/7", 404, "There is no endpoint `/cards/7`; did you mean `GET /cards/{card}`?"),
    ("endpoint=POST /n", 404, "There is no endpoint `POST /n`; its path answers to another method: `GET /n`."),
    ("part=cal", 404, "No endpoint has a part `cal`; did you mean `call`?"),
    ("part=call[1]", 404, "No endpoint has a part `call[1]`; did you mean `call`?"),
    ("endpoint=GET /n&part=call", 404, "`GET /n` has no part `call`; there is none."),
    ("part=nothing", 404, "No endpoint has a part `nothing`; there are a, call, inner, items, price."),
    ("part=price[0]", 404, "No endpoint has a part `price[0]`; did you mean `price`?"),
    ("cause=time_out", 400, "There is no cause `time_out`; did you mean `timeout`?"),
]
NESTED = """  GET /page:
    fan_out:
      a: {fan_out: {inner: "up:/inner"}}
      items: {for_each: "{{ a.inner }}", url: "up:/items/{item}"}
      price: {race: ["up:/one", "up:/two"]}
"""


def test_a_name_that_can_choose_nothing_is_refused(stage, monkeypatch):
    """With the nearest one, to who listens, to who asks what is kept, and by `tail` and `top`, which exit with 1."""
    monkeypatch.delenv("AGGREGATOR_ADMIN_SECRET", raising=False)
    gateway = stage.gateway(ROUTES.replace("telemetry: {", "telemetry: {recorder: {}, ") + NESTED, stage.upstream())
    with Wire(gateway.admin) as wire:
        for query, status, said in CHOSEN:
            for path in ("/-/events", "/-/requests"):
                target = f"{path}?{quote(query, safe='=&')}"
                reply = wire.send(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply()
                assert (reply.status, reply.detail) == (status, said), query
    for command in ("tail", "top"):
        words = [command, "--url", f"http://127.0.0.1:{gateway.admin}", "--endpoint", "GET /nn"]
        result = CliRunner().invoke(cli, words)
        assert (result.exit_code, result.stderr) == (1, f"error: {CHOSEN[0][2]}\n")


@pytest.mark.parametrize("part", ["a", "inner", "items", "items[3]", "price", "call"])
def test_parts_at_any_depth_are_known(tmp_path, part):
    """Those of a group, and the items of a list; who runs in a race is told of by the name of the race."""
    (tmp_path / "routes.yaml").write_text("version: 1" + ROUTES + NESTED)
    plan = compile_plan(load_config(tmp_path / "routes.yaml", {"UP": "http://127.0.0.1:9"}))
    refuse_unknown({"part": part, "cause": "timeout"}, plan)


def test_a_stopping_server_ends_them(stage):
    """With an event that says so."""
    gateway = stage.gateway(ROUTES)
    with following(gateway) as (wire, event):
        event("config")
        gateway.service.stop()
        wire.until(b"event: end\n")


def test_what_cannot_be_told_is_refused(stage):
    """Other words, and more clients than there may be."""
    gateway = stage.gateway(ROUTES)
    wires = [Wire(gateway.admin) for _ in range(MOST_CLIENTS + 1)]
    try:
        for target in (
            "/-/events?color=red",
            "/-/events?show=all",
            "/-/events?show=parts",
            "/-/events?slower_than=long",
        ):
            assert wires[0].send(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply().status == 400
        for wire in wires:
            wire.send(b"GET /-/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            statuses = wire.until(b"\r\n")
        assert b"429" in statuses
    finally:
        for wire in wires:
            wire.close()


def _ended(seconds: float = 0.5, status: int = 200, parts: tuple[Result, ...] = (), cause: Cause | None = None):
    exchange = Exchange("GET", "/x\x1b[31m", b"", [])
    return RequestEnded("GET /x", "1", "GET", "answered", status, cause, False, 10.0, 10.0 + seconds,
                        parts=parts, exchange=exchange)  # fmt: skip


def _part(name: str, cause: Cause | None = None) -> Result:
    made = Result(name, 10.0, 10.1, state=State.FAILED if cause else State.OK)
    made.cause, made.upstream = cause, "up"
    return made


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Wanted(), True),
        (Wanted(endpoint="GET /x"), True),
        (Wanted(endpoint="GET /y"), False),
        (Wanted(part="ads"), True),
        (Wanted(part="none"), False),
        (Wanted(cause="refused"), True),
        (Wanted(cause="connect"), True),
        (Wanted(cause="fault"), False),
        (Wanted(part="ads", cause="refused"), True),
        (Wanted(part="main", cause="refused"), False),
        (Wanted(slower=0.5), True),
        (Wanted(slower=0.6), False),
    ],
)
def test_which_requests_are_wanted(wanted, takes):
    """All that is said has to hold; a cause is that of the named part where one is named."""
    assert wanted.takes(_ended(parts=(_part("main"), _part("ads", Cause.REFUSED)))) is takes


def _client(**how) -> Client:
    return Client(Chosen(Wanted(), counts=True, **how), lambda event: told(event, NOTHING_HIDDEN, str, 0.0))


def test_a_queue_is_bounded():
    """What finds it full is counted, and the count is told when there is room."""
    client = _client()
    for _ in range(MOST_WAITING + 5):
        client.hear(_ended())
    client.put("counts", {})
    text = client.take()
    assert text.count(b"event: request\n") == MOST_WAITING
    assert text.endswith(b'event: lost\ndata: {"count":6}\n\n')
    assert client.take() == b""


def test_nothing_is_built_when_nobody_listens():
    """The report is off until a client joins, and again when it has left."""
    visitors = Visitors()
    report, clients, client = Report(NO_LISTENERS.beside(Listeners(visitors=visitors))), Clients(visitors), _client()
    assert report.is_off
    clients.join(client)
    assert not report.is_off
    clients.leave(client)
    assert report.is_off


def test_counts_by_endpoint_and_upstream():
    """Requests, 5xx, partial answers and durations; calls, those that failed, and their time. Taken once."""
    tally = Tally()
    tally(_ended(parts=(_part("main"),)))
    tally(_ended(0.0, 502, (_part("ads", Cause.REFUSED),)))
    taken = tally.take()
    assert taken["endpoints"] == {"GET /x": [2, 1, 0, {bucket(500.0): 1, 0: 1}]}
    assert taken["upstreams"] == {"up": [2, 1, 200.0]}
    assert tally.take() == {"endpoints": {}, "upstreams": {}}


def test_answers_are_counted_alike_with_and_without_an_event():
    """Smooth ones, as nearly all are, also where an upstream changes, and those with a group, whose calls lie inside."""
    by_event, without = Tally(), Tally()
    group, other, own = Result("all", 9.0, 10.0), _part("main"), _part("own")
    group.parts = (_part("inner"),)
    group.made_of(group.parts)
    other.upstream, own.upstream = "other", ""
    smooth = (_part("main"), _part("ads"), own)
    for parts, is_smooth in [(smooth, True), (smooth, True), ((other,), True), ((_part("main"), group), False)]:
        event = _ended(parts=parts)
        by_event(event)
        assert not without.answered(
            event.endpoint, event.exchange, 200, parts, event.ended - event.started, 0, is_smooth
        )
    found = by_event.parts("GET /x"), by_event.take()
    assert (without.parts("GET /x"), without.take()) == found
    assert found[0]["main"][0] == 4
    assert {name: counts[0] for name, counts in found[1]["upstreams"].items()} == {"up": 6, "other": 1}


def test_calls_for_the_items_of_a_list_are_counted_for_their_upstream():
    """Also in answers that tell of nothing inside, where the list itself names no upstream."""
    by_event, without = Tally(), Tally()
    items = Result("items", 9.0, 10.0)
    items.made_of((_part("item"), _part("item")))
    by_event(_ended(parts=(items,)))
    without.answered("GET /x", _ended().exchange, 200, (items,), 1.0, 0, smooth=True)
    assert (without.parts("GET /x"), without.take()["upstreams"]) == ({"items": [1, 0, 1000.0]}, {"up": [2, 0, 200.0]})
    assert by_event.take()["upstreams"] == {"up": [2, 0, 200.0]}


def test_parts_are_counted_of_one_endpoint():
    """Not those that were not called; they are taken with the rest."""
    tally, skipped = Tally(), Result("left", 10.0, 10.0, state=State.SKIPPED)
    tally(_ended(parts=(_part("main"), _part("ads", Cause.REFUSED), skipped)))
    tally(replace(_ended(parts=(_part("main"),)), endpoint="GET /y"))
    assert tally.parts("GET /x") == {"main": [1, 0, 100.0], "ads": [1, 1, 100.0]}
    tally.take()
    assert tally.parts("GET /x") == {}


@pytest.mark.parametrize(
    ("event", "takes"),
    [
        (_ended(), False), (_ended(status=404), False), (_ended(status=502), True),
        (replace(_ended(), is_partial=True), True), (replace(_ended(), how="gone"), True),
    ],
)  # fmt: skip
def test_what_counts_as_a_failure(event, takes):
    """A 5xx, an answer that lacks parts, and one that did not come to its end."""
    assert Wanted(is_bad=True).takes(event) is takes


def test_a_partial_answer_is_told_with_the_cause_of_its_part():
    """That of the first that failed; an answer that is whole has none, whatever failed inside."""
    bad = failed("ads", CallError(Cause.REFUSED, "Refused."), 10.0, 10.1)
    event = replace(_ended(parts=(_part("main"), bad)), is_partial=True)
    assert told(event, NOTHING_HIDDEN, str, 0.0)["cause"] == "refused"
    assert told(replace(event, is_partial=False), NOTHING_HIDDEN, str, 0.0)["cause"] is None


@pytest.mark.parametrize(("ms", "number"), [(0.0, 0), (1.0, 0), (1.2, 1), (1.3, 2), (1e9, 60)])
def test_buckets_of_durations(ms, number):
    """Each ends a quarter later than the one before; the last one has no end."""
    assert bucket(ms) == number
