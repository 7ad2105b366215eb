"""Durable effects are delivered at least once: after failures, after restarts, as the file says that delivers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from aggregator.runtime.background.durable.delivering.targets import Targets
from aggregator.runtime.background.durable.outbox import ENDS
from aggregator.server.metrics.sampling import sample_effects
from aggregator.stores.effects.contract import Bounds, Filter
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.table import EffectTable
from tests.effects.conftest import document, process, record
from tests.policies.conftest import START


def test_an_effect_is_delivered_with_its_key(tmp_path: Path) -> None:
    """The upstream gets what the call says, what it adds itself, the key of the effect, and the number of the try."""
    with process(tmp_path, document(upstream="headers: {x-token: secret}, query: {v: 2}")) as served:
        assert served.sign_up("a") == [201]
        served.settle(sent=1)
        (request,) = served.requests
    assert str(request.url) == "http://mail.test/base/send?v=2"
    assert json.loads(request.content) == {"to": "a"}
    assert request.headers["x-token"] == "secret"
    assert len(request.headers["idempotency-key"]) == 32
    assert request.headers["aggregator-attempt"] == "1"


def test_nothing_is_delivered_before_it_is_stored(tmp_path: Path) -> None:
    """When the answer is there, the effect is on the disk, whatever its upstream does."""
    with process(tmp_path, document(), lambda _: httpx.Response(503)) as served:
        assert served.sign_up("a", "b") == [201, 201]
        assert served.outbox.kept.number == 2


def test_a_failure_is_tried_again_under_the_same_key(tmp_path: Path) -> None:
    """The second delivery has the key of the first; the number counts."""
    answers = iter([503, 200])
    with process(tmp_path, document(), lambda _: httpx.Response(next(answers))) as served:
        served.sign_up("a")
        served.until(lambda: len(served.requests) == 1)
        served.now += 2
        served.settle(sent=1)
        first, second = served.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert [one.headers["aggregator-attempt"] for one in (first, second)] == ["1", "2"]


def test_an_effect_is_dead_after_its_attempts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After the last attempt it is not sent again; it is kept with the last answer, and the log says so."""
    with process(tmp_path, document(), lambda _: httpx.Response(503, text="not now")) as served:
        served.sign_up("a")
        for tries in (1, 2, 3):
            served.until(lambda tries=tries: len(served.requests) == tries)  # type: ignore[misc]
            served.now += 2
        served.settle(dead=1)
        assert "A durable effect is dead" in caplog.text
        assert "not now" not in str([vars(one) for one in caplog.records if "dead" in one.getMessage()])
        (found,) = served.run(served.outbox.ask(lambda store: store.find(Filter())))
    assert found["last"]["body"] == "not now"


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_no_retry_helps_is_dead_at_once(tmp_path: Path, status: int) -> None:
    """A status that `on` does not name is final."""
    with process(tmp_path, document(), lambda _: httpx.Response(status)) as served:
        served.sign_up("a")
        served.settle(dead=1)
        assert len(served.requests) == 1


def test_what_waits_is_delivered_after_a_restart(tmp_path: Path) -> None:
    """Another process delivers what the first could not, under the same key, to where its own file says."""
    with process(tmp_path, document(), lambda _: httpx.Response(503)) as served:
        served.sign_up("a")
        served.until(lambda: len(served.requests) == 1)
        key = served.requests[0].headers["idempotency-key"]
    changed = document(upstream="headers: {x-token: new}").replace("mail.test", "post.test")
    with process(tmp_path, changed, now=START + 5) as served:
        served.settle(sent=1)
        (request,) = served.requests
    assert (request.url.host, request.headers["x-token"]) == ("post.test", "new")
    assert request.headers["idempotency-key"] == key


def test_an_effect_waits_whose_upstream_is_unknown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is parked, which is told, and delivered once the file knows the upstream again."""
    with process(tmp_path, document(), lambda _: httpx.Response(503)) as served:
        served.sign_up("a")
        served.until(lambda: len(served.requests) == 1)
    without = "state: ./state\nendpoints: {GET /x: {respond: {body: 1}}}"
    with process(tmp_path, without, now=START + 5) as served:
        served.settle(parked=1)
        served.until(lambda: "parked" in caplog.text)
        served.reload(document())
        served.settle(sent=1)


def test_one_parks_whose_upstream_goes_while_it_is_delivered(tmp_path: Path) -> None:
    """It fails after the file has lost its upstream, and what waited is parked already."""

    def lose(_: httpx.Request) -> httpx.Response:
        served.outbox.configure(served.app.running.plan.background, Targets({}, {}))
        return httpx.Response(503)

    with process(tmp_path, document(), lose) as served:
        served.sign_up("a")
        served.settle(parked=1)


def test_credentials_are_not_written(tmp_path: Path) -> None:
    """Neither those of the upstream nor a header of a client that carries one are in the file."""
    upstream = "auth: {basic: {user: u, password: hidden-word}}, headers: {x-token: hidden-word}"
    call = "forward: {headers: all}"
    with process(tmp_path, document(upstream=upstream, call=call), lambda _: httpx.Response(503)) as served:
        served.post(json={"email": "a"}, headers={"cookie": "hidden-word", "authorization": "Bearer hidden-word"})
        served.until(lambda: len(served.requests) == 1)
        assert served.requests[0].headers["authorization"].startswith("Basic ")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"/send" in kept
    assert b"hidden-word" not in kept


def test_the_file_is_for_its_user_alone(tmp_path: Path) -> None:
    """Bodies may be of customers."""
    with process(tmp_path, document()) as served:
        served.sign_up("a")
        assert (tmp_path / "state" / "effects.db").stat().st_mode & 0o077 == 0


def test_an_effect_that_depends_on_nothing_kept_is_skipped_by_its_condition(tmp_path: Path) -> None:
    """`when` is decided when the request ends."""
    with process(tmp_path, document(call="when: \"{{ body.email != 'b' }}\"")) as served:
        served.sign_up("a", "b")
        served.settle(sent=1)
        assert [json.loads(request.content) for request in served.requests] == [{"to": "a"}]


def test_one_upstream_takes_half_of_the_workers(tmp_path: Path) -> None:
    """While one hangs, effects to another are delivered."""
    text = document().replace("background: {durable", "background: {workers: 2, durable")
    text = text.replace("upstreams:\n", "upstreams:\n  other: {url: 'http://other.test', idempotent: true}\n")
    text = (
        "server: {shutdown_grace: 1ms}\n"
        + text
        + "      - {name: second, durable: true, url: POST other:/x, json: {}}\n"
    )

    async def hang() -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with process(tmp_path, text, lambda one: hang() if one.url.host == "mail.test" else httpx.Response(200)) as served:
        served.sign_up("a", "b", "c")
        served.settle(sent=3, leased=1, waiting=2)


def test_an_upstream_with_nothing_under_way_goes_first(tmp_path: Path) -> None:
    """Two that are always busy leave the third its turn as soon as a place is free."""
    names = ("mail", "other", "third")
    text = document().replace("background: {durable", "background: {workers: 2, durable")
    text = text.replace("upstreams:\n", "upstreams:\n" + "".join(
        f"  {name}: {{url: 'http://{name}.test', idempotent: true}}\n" for name in names[1:]))  # fmt: skip
    for name in names[1:]:
        text += f"      - {{name: to-{name}, durable: true, url: POST {name}:/x, json: {{}}}}\n"
    with process(tmp_path, text, lambda _: httpx.Response(404)) as served:
        served.sign_up("a")
        served.until(lambda: served.outbox.ends["dead"] == 3)
        served.sign_up(*"bcdefgh")
        served.until(lambda: served.outbox.ends["dead"] == 24)
        asked = [request.url.host for request in served.requests]
    assert {"mail.test", "other.test", "third.test"} == set(asked[-6:])


def test_effects_are_counted(tmp_path: Path) -> None:
    """By what became of them, in the metrics."""
    answers = iter([503, 200, 400])
    with process(tmp_path, document(), lambda _: httpx.Response(next(answers))) as served:
        served.sign_up("a")
        served.until(lambda: len(served.requests) == 1)
        served.now += 2
        served.settle(sent=1)
        served.sign_up("b")
        served.settle(sent=1, dead=1)
        served.until(lambda: served.outbox.ends.total() == 3)
        samples = {
            f"{family.name} {labels}".strip(): value
            for family, found in sample_effects(served.app.running)
            for labels, value in found
            if "effect" in family.name
        }
    assert samples['aggregator_effects state="dead"'] == samples['aggregator_effects state="sent"'] == 1
    assert [samples[f'aggregator_effect_deliveries result="{result}"'] for result in ENDS] == [1, 1, 1, 0, 0, 0, 0]
    assert samples["aggregator_effects_broken"] == 0


def test_endpoints_have_keys_of_their_own(tmp_path: Path) -> None:
    """`dedupe` speaks of one call: that of another endpoint, though of the same name, is kept under the same key."""
    text = document(call='dedupe: {key: "{{ body.email }}"}')
    head, endpoint = text.split("endpoints:\n")
    other = endpoint.replace("/signup", "/leave")
    with process(tmp_path, f"{head}endpoints:\n{endpoint}{other}") as served:
        for path in ("/signup", "/leave", "/signup"):
            served.post(path, json={"email": "a"})
        served.settle(sent=2)


def test_keys_that_are_over_are_forgotten(tmp_path: Path) -> None:
    """However many there are: tidying goes on while something is found."""
    table = EffectTable(tmp_path / "effects.db", "normal")
    try:
        put_all(table, [[record(number, dedupe=(f"{number}", START)) for number in range(3)]], Bounds(10, 10_000))
        assert table.forget("sent", START, START) == 3
        assert table.forget("sent", START, START) == 0
    finally:
        table.close()


def test_each_delivery_tells_the_trace_of_its_request(tmp_path: Path) -> None:
    """The context is that of the request that caused it, the same each time, however late the delivery is."""
    sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answers = iter([503, 200])
    text = document() + 'telemetry: {traces: {otlp: "", parent: true}}\n'
    with process(tmp_path, text, lambda _: httpx.Response(next(answers))) as served:
        served.post(json={"email": "a"}, headers={"traceparent": sent})
        served.until(lambda: served.outbox.ends["again"] == 1)
        served.now += 2
        served.settle(sent=1)
    first, second = (request.headers["traceparent"] for request in served.requests)
    assert first == second
    version, trace, span, flags = first.split("-")
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01")
    assert span != "00f067aa0ba902b7"


def test_a_clock_that_jumps_loses_nothing(tmp_path: Path) -> None:
    """Set back, it makes what is tried again wait and nothing that is new; set forth, all is delivered, each once."""
    answers = iter([503, 200, 200, 200])
    with process(tmp_path, document(), lambda _: httpx.Response(next(answers))) as served:
        served.sign_up("a")
        served.until(lambda: served.outbox.ends["again"] == 1)
        served.now -= 3600
        served.sign_up("b")
        served.settle(waiting=1, sent=1)
        served.now += 86_400
        served.sign_up("c")
        served.settle(sent=3)
        keys = [request.headers["idempotency-key"] for request in served.requests]
    assert len(keys) == 4
    assert len(set(keys)) == 3
