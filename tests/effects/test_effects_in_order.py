"""When effects are delivered: one after the other for a key, later, at a moment, once for a key."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.effects.conftest import Application, document, process
from tests.policies.conftest import START


def names(served: Application) -> list[str]:
    """Return for whom effects were delivered, in their order."""
    return [json.loads(request.content)["to"] for request in served.requests]


ORDER = 'order: "{{ body.account }}"'


def sign_up(served: Application, *wanted: tuple[str, str]) -> None:
    """Ask for an effect for each name, of the account beside it."""
    for name, account in wanted:
        assert served.post(json={"email": name, "account": account}).status_code == 201


def test_effects_of_a_key_wait_for_each_other(tmp_path: Path) -> None:
    """While the first of a key is tried again those behind it wait; those of another key do not."""
    refused = {"a1"}

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503 if json.loads(request.content)["to"] in refused else 200)

    with process(tmp_path, document(call=ORDER), respond) as served:
        sign_up(served, ("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"))
        served.settle(sent=1, waiting=3)
        assert "a2" not in names(served)
        refused.clear()
        served.now += 2
        served.settle(sent=4)
        assert [name for name in names(served) if name != "b1"] == ["a1", "a1", "a2", "a3"]


def test_one_that_is_dead_makes_way(tmp_path: Path) -> None:
    """Poison holds up its own key only until it is given up."""
    with process(tmp_path, document(call=ORDER),
                 lambda one: httpx.Response(400 if b"a1" in one.content else 200)) as served:  # fmt: skip
        sign_up(served, ("a1", "a"), ("a2", "a"))
        served.settle(dead=1, sent=1)
        assert names(served) == ["a1", "a2"]


def test_the_order_holds_over_a_restart(tmp_path: Path) -> None:
    """What waits behind another goes on in its place."""
    text = document(call=ORDER)
    with process(tmp_path, text, lambda _: httpx.Response(503)) as served:
        sign_up(served, ("a1", "a"), ("a2", "a"), ("a3", "a"))
        served.until(lambda: len(served.requests) == 1)
    with process(tmp_path, text, now=START + 5) as served:
        served.settle(sent=3)
        assert names(served) == ["a1", "a2", "a3"]


def test_what_is_null_has_no_order(tmp_path: Path) -> None:
    """Without an account none waits for another."""
    with process(tmp_path, document(call=ORDER),
                 lambda one: httpx.Response(503 if b"a1" in one.content else 200)) as served:  # fmt: skip
        assert served.sign_up("a1", "a2") == [201, 201]
        served.settle(sent=1, waiting=1)


def test_a_delay_is_waited_for(tmp_path: Path) -> None:
    """It is not delivered before."""
    with process(tmp_path, document(call="delay: 10m")) as served:
        served.sign_up("a")
        served.run(served.outbox.ask(lambda store: store.look()))
        assert served.requests == []
        served.now += 601
        served.settle(sent=1)


@pytest.mark.parametrize("at", [START + 600, "2026-03-01T12:10:00Z", "2026-03-01T13:10:00+01:00"])
def test_a_moment_is_waited_for(tmp_path: Path, at: object) -> None:
    """It may be Unix time, or as RFC 3339 writes it."""
    from datetime import datetime

    begin = datetime.fromisoformat("2026-03-01T12:00:00+00:00").timestamp()
    begin = START if isinstance(at, float) else begin
    with process(tmp_path, document(call='at: "{{ body.at }}"'), now=begin) as served:
        served.post(json={"email": "a", "at": at})
        served.run(served.outbox.ask(lambda store: store.look()))
        assert served.requests == []
        served.now += 601
        served.settle(sent=1)


@pytest.mark.parametrize("at", [1.0, "1999-01-01T00:00:00Z", None])
def test_a_moment_that_is_past_means_at_once(tmp_path: Path, at: object) -> None:
    """So does none at all."""
    with process(tmp_path, document(call='at: "{{ body.at }}"')) as served:
        served.post(json={"email": "a", "at": at})
        served.settle(sent=1)


def test_a_moment_that_is_none_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The effect cannot be fixed; the client has its answer."""
    with process(tmp_path, document(call='at: "{{ body.at }}"')) as served:
        assert served.post(json={"email": "a", "at": "soon"}).status_code == 201
    assert "A durable call could not be written" in caplog.text


def test_a_key_is_kept_once_until_it_is_forgotten(tmp_path: Path) -> None:
    """A second effect for the same key is not kept, over a restart too; after its time one is again."""
    text = document(call='dedupe: {key: "{{ body.email }}", ttl: 1h}')
    with process(tmp_path, text) as served:
        served.sign_up("a", "a", "b")
        served.settle(sent=2)
    with process(tmp_path, text, now=START + 60) as served:
        served.sign_up("a")
        assert served.outbox.kept.number == 2
        served.now += 3600
        served.sign_up("a")
        served.settle(sent=3)
