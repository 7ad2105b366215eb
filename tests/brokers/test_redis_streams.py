"""Messages to the streams of a Redis: against a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiers import starts_processes
from valkey import Valkey

from aggregator.brokers.opening import open_broker
from aggregator.transport import BrokerTerms, Origin, PoolSettings
from tests.brokers.conftest import sent
from tests.effects.conftest import Application
from tests.policies.conftest import START

LOGIN = "s3cret-of-the-test"


@pytest.fixture(scope="module")
@starts_processes
def valkey() -> Iterator[Valkey]:
    """Yield a server that asks for a password."""
    server = Valkey("--requirepass", LOGIN).start()
    yield server
    server.close()


@pytest.fixture
def entries(valkey: Valkey) -> Any:
    """Return what reads a stream: the fields of its entries, the oldest first."""
    import redis

    with redis.Redis(unix_socket_path=str(valkey.path), password=LOGIN) as client:
        client.flushall()
        yield lambda name: [fields for _, fields in client.xrange(name)]


def settings(valkey: Valkey, **said: Any) -> PoolSettings:
    terms = {"user": "default", "password": LOGIN, **said}
    return PoolSettings(Origin("redis+stream", "broker.test", 6379, str(valkey.path)), broker=BrokerTerms(**terms))


def send(valkey: Valkey, *targets: bytes, **said: Any) -> list[Any]:
    """Return what becomes of messages, one after another through one door."""

    async def scene() -> list[Any]:
        door = open_broker(settings(valkey, **said))
        try:
            return [await sent(door, target) for target in targets]
        finally:
            await door.aclose()

    return asyncio.run(scene())


def test_a_message_is_an_entry_of_the_stream(valkey: Valkey, entries: Any) -> None:
    """The header fields are its fields, and `body` is the body."""
    assert send(valkey, b"/signups") == [202]
    key, kind = (b"idempotency-key", b"k-1"), (b"content-type", b"application/json")
    assert entries("signups") == [dict([key, kind, (b"body", b"{}")])]


def test_a_stream_keeps_about_as_many_as_it_may(valkey: Valkey, entries: Any) -> None:
    """`broker.max_length` takes older entries away, in whole pieces of the stream."""
    assert set(send(valkey, *[b"/short"] * 250, max_length=1)) == {202}
    assert len(entries("short")) < 250


@pytest.mark.parametrize(("said", "cause"), [({"password": "wrong"}, "credentials"), ({"user": None}, "credentials")])
def test_wrong_credentials_are_no_fault_of_the_message(valkey: Valkey, said: dict[str, Any], cause: str) -> None:
    """Where the broker admits nobody, nothing was tried; the message names no password."""
    assert send(valkey, b"/signups", **{**said, **({"password": None} if "user" in said else {})}) == [cause]


def test_a_key_that_is_no_stream_is_refused_for_good(valkey: Valkey, entries: Any) -> None:
    """No other try would help; the connection goes on."""
    import redis

    with redis.Redis(unix_socket_path=str(valkey.path), password=LOGIN) as client:
        client.set("taken", "x")
    assert send(valkey, b"/taken", b"/signups") == ["unsuccessful", 202]


def test_a_broker_that_takes_nothing_now_is_tried_again(valkey: Valkey, entries: Any) -> None:
    """A full memory passes, so the cause is one of the network, which retries name."""
    import redis

    with redis.Redis(unix_socket_path=str(valkey.path), password=LOGIN) as client:
        client.config_set("maxmemory", 1)
        try:
            assert send(valkey, b"/signups") == ["unreachable"]
        finally:
            client.config_set("maxmemory", 0)


FILE = """
state: ./state
upstreams:
  events: {{url: redis+stream://broker.test, unix_socket: '{path}', auth: {{basic: {{user: default, password: {password}}}}}}}
endpoints:
  POST /signup:
    body: {{type: object}}
    respond: {{status: 201, body: {{ok: true}}}}
    background:
      - {{name: welcome, durable: true, url: "events:/{name}", json: {{to: "{{{{ body.email }}}}"}}}}
      - {{name: seen, url: "events:/seen", json: {{to: "{{{{ body.email }}}}"}}, headers: {{x-kind: seen}}}}
"""


def test_background_calls_of_a_file_arrive(valkey: Valkey, entries: Any, tmp_path: Path) -> None:
    """A durable call has its effect's id as the key, a plain one what the file says, and no field is about HTTP."""
    served = Application(tmp_path, FILE.format(path=valkey.path, password=LOGIN, name="signups"))
    try:
        assert served.sign_up("a") == [201]
        served.settle(sent=1)
        served.until(lambda: bool(entries("seen")))
        (kept,), (plain,) = entries("signups"), entries("seen")
    finally:
        served.close()
    assert kept[b"body"] == b'{"to":"a"}'
    assert len(kept[b"idempotency-key"]) == 32
    assert set(kept) == {b"idempotency-key", b"aggregator-attempt", b"content-type", b"body"}
    assert plain == {b"x-kind": b"seen", b"content-type": b"application/json", b"body": b'{"to":"a"}'}


@pytest.mark.processes
def test_durable_calls_wait_for_a_broker_that_is_away(tmp_path: Path) -> None:
    """While nobody listens, a plain call has failed and is told; a durable one is delivered once the broker is back."""
    server = Valkey("--requirepass", LOGIN)
    served = Application(tmp_path, FILE.format(path=server.path, password=LOGIN, name="signups"))
    try:
        assert served.sign_up("a") == [201]
        served.until(lambda: served.app.running.queue.counts.failed == 1)
        served.until(lambda: served.counts() == {"waiting": 1})
        server.start()
        served.now = START + 100
        served.settle(sent=1)
    finally:
        served.close()
        server.close()


def test_the_connection_is_kept_over_a_reload(valkey: Valkey, entries: Any, tmp_path: Path) -> None:
    """A new file in which the broker stands as before goes on with the connection that is open."""
    text = FILE.format(path=valkey.path, password=LOGIN, name="{}")
    served = Application(tmp_path, text.replace("{}", "signups"))
    try:
        served.sign_up("a")
        served.settle(sent=1)
        served.reload(text.replace("{}", "others"))
        served.sign_up("b")
        served.settle(sent=2)
        (pool,) = served.app.running.named_pools["events"]
        assert pool.dialled[0] == 1
        assert len(entries("others")) == 1
    finally:
        served.close()
