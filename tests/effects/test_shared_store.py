"""Durable effects in a shared store: any machine delivers what any machine has kept, and the store may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from tiers import starts_processes

from aggregator.cli.group import cli
from aggregator.errors import StoreError
from aggregator.stores.effects.contract import Bounds, Filter, Turn
from aggregator.stores.effects.records import SENT, EffectRecord, Outcome
from aggregator.stores.redis.effects.store import LEASE, EffectsInRedis
from tests.effects.conftest import Application, document, down, process, record, shared_plan, with_call
from tests.policies.conftest import START, Respond
from tests.valkey import Valkey

MANY = Bounds(1000, 10**9)
CALM = {"--appendonly": "yes", "--appendfsync": "always"}


def shared(valkey: Valkey, **said: str) -> str:
    """Return a file with one durable call that is kept in *valkey*, and no folder."""
    text = document(durable="store: shared", **said).replace("state: ./state", "").replace("sync: normal, ", "")
    return f"store: {{url: 'unix://{valkey.path}', timeout: 30s, prefix: 't:'}}\n{text}"


@pytest.fixture
def empty(valkey: Valkey) -> Valkey:
    """Return the server of the session, with nothing in it."""
    valkey.ask("FLUSHALL")
    return valkey


@pytest.fixture
@starts_processes
def own() -> Iterator[Valkey]:
    """Yield a server that a test may kill; it keeps what it was given."""
    server = Valkey(*(word for setting in CALM.items() for word in setting))
    try:
        yield server.start()
    finally:
        server.close()


@contextmanager
def machine(tmp_path: Path, name: str, text: str, respond: Respond | None = None) -> Iterator[Application]:
    """Serve *text* as the machine *name* does, from a folder of its own."""
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    with process(folder, text, respond) as served:
        yield served


async def step(served: Application) -> None:
    """Let *served* go on for a moment, and have its counts as they are in the store."""
    served.outbox.wake()
    await asyncio.sleep(0.005)
    await served.outbox.look(5.0)


def test_another_machine_delivers_what_one_has_left(tmp_path: Path, empty: Valkey) -> None:
    """Under the same key, with the attempts that were made; neither has a folder."""
    text = shared(empty).replace("1s..1s", "60s..60s")  # the clock of the server goes on
    with machine(tmp_path, "one", text, lambda _: httpx.Response(503)) as one:
        assert one.sign_up("a") == [201]
        one.until(lambda: len(one.requests) == 1)
        one.settle(waiting=1)
        key = one.requests[0].headers["idempotency-key"]
    empty.age_effects(61)
    with machine(tmp_path, "other", text) as other:
        other.settle(sent=1)
        (request,) = other.requests
        assert (request.headers["idempotency-key"], request.headers["aggregator-attempt"]) == (key, "2")
        assert request.content == b'{"to":"a"}'
    assert not (tmp_path / "one/state").exists()


def test_two_machines_share_what_waits(tmp_path: Path, empty: Valkey) -> None:
    """Each effect is delivered by one of them."""
    with machine(tmp_path, "one", shared(empty)) as one, machine(tmp_path, "other", shared(empty)) as other:
        assert one.sign_up("a", "b") + other.sign_up("c") == [201] * 3
        for _ in range(10_000):  # each has a loop of its own, and does nothing while the other one runs
            one.run(step(one))
            other.run(step(other))
            if one.counts() == other.counts() == {"sent": 3}:
                break
        assert other.counts() == {"sent": 3}
        assert len(one.requests) + len(other.requests) == 3


def test_a_store_that_is_lost_refuses_before_the_calls(
    tmp_path: Path, own: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Once that is known, by the declared policy; what was kept is delivered when it is there again."""
    text = shared(own).replace("backoff: 1s..1s", "backoff: 1h..1h")  # the store goes by a clock of its own
    with machine(tmp_path, "one", text, lambda _: httpx.Response(503)) as served:
        assert served.sign_up("a") == [201]
        served.settle(waiting=1)
        own.kill()
        served.until(lambda: served.outbox.trouble is not None)
        answer = served.post(json={"email": "b"})
        assert answer.status_code == 503
        assert "the shared store is away" in answer.text
        own.start()
        served.until(lambda: served.outbox.trouble is None)
        assert served.sign_up("c") == [201]
        served.settle(waiting=2)
    told = [line for line in caplog.messages if line.startswith("Durable effects can")]
    assert told == ["Durable effects cannot be written.", "Durable effects can be written again."]


@pytest.mark.parametrize(("full", "status", "sent"), [("drop", 201, 0), ("memory", 201, 1)])
def test_what_cannot_be_kept_is_dropped_or_sent_from_memory(
    tmp_path: Path, own: Valkey, full: str, status: int, sent: int
) -> None:
    """As the file says."""
    text = shared(own).replace("store: shared", f"store: shared, full: {full}")
    with machine(tmp_path, "one", text) as served:
        own.kill()
        served.until(lambda: served.outbox.trouble is not None)
        assert served.sign_up("a") == [status]
        served.until(lambda: len(served.requests) == sent)
        assert served.outbox.ends["dropped"] == 1 - sent


def test_a_store_that_is_away_at_the_start_stops_nobody(tmp_path: Path, own: Valkey) -> None:
    """It is tried again, and what is kept is delivered then."""
    own.kill()
    with machine(tmp_path, "one", shared(own)) as served:
        assert served.sign_up("a") == [503]
        own.start()
        served.until(lambda: served.outbox.trouble is None)
        assert served.sign_up("a") == [201]
        served.settle(sent=1)


def test_a_full_store_refuses(tmp_path: Path, own: Valkey) -> None:
    """A server that has no memory left keeps nothing and says so; it forgets nothing either."""
    with machine(tmp_path, "one", shared(own)) as served:
        own.ask("CONFIG", "SET", "maxmemory", "1")
        assert served.sign_up("a") == [503]
        assert "maxmemory" in str(served.outbox.trouble)
        own.ask("CONFIG", "SET", "maxmemory", "0")
        served.until(lambda: served.outbox.trouble is None)
        assert served.sign_up("a") == [201]


def test_where_nothing_fits_requests_are_refused_before_their_calls(tmp_path: Path, empty: Valkey) -> None:
    """As with a file: one that is too large is found after its call, and where the smallest has no room none is made."""
    text = with_call(shared(empty)).replace("store: shared", "store: shared, max: {bytes: 12KiB}")
    with machine(tmp_path, "one", text, down) as served:
        assert served.sign_up("a" * 4000, "b" * 4000, "c" * 4000, "d" * 200, "e") == [200, 200, 503, 200, 503]
        assert sum(request.url.host == "users.test" for request in served.requests) == 4


@pytest.mark.processes
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, []),
        ({"--appendonly": "no"}, ["lost when the shared store stops"]),
        ({"--appendfsync": "everysec"}, ["The last durable effects may be lost"]),
        ({"--maxmemory-policy": "allkeys-lru"}, ["forgets keys for want of memory"]),
    ],
)
def test_a_store_that_may_lose_effects_is_told(
    tmp_path: Path, settings: dict[str, str], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, a warning for each way in which it may; a command that only looks says nothing of it."""
    server = Valkey(*(word for setting in {**CALM, **settings}.items() for word in setting))
    try:
        with machine(tmp_path, "one", shared(server.start())):
            listed = CliRunner().invoke(cli, ["effects", "list", "--file", str(tmp_path / "one/routes.yaml")])
            warned = [line.message for line in caplog.records if line.levelname == "WARNING"]
    finally:
        server.close()
    assert listed.output == "No effect is kept.\n"
    assert len(warned) == len(told)
    assert all(part in line for part, line in zip(told, warned, strict=True))


def test_operators_act_on_the_shared_store(tmp_path: Path, empty: Valkey) -> None:
    """Where no process has an address of administration."""
    text = shared(empty, call='order: "{{ body.email }}"')
    with machine(tmp_path, "one", text, lambda _: httpx.Response(400)) as served:
        served.sign_up("a@example.com")
        served.settle(dead=1)
    file = str(tmp_path / "one/routes.yaml")
    run = CliRunner().invoke
    assert "dead" in run(cli, ["effects", "list", "--file", file]).output
    assert run(cli, ["effects", "retry", "--state", "dead", "--file", file]).output == "1 effect sent again.\n"
    assert run(cli, ["effects", "forget", "--key", "a@example.com", "--file", file]).output == "1 effect forgotten.\n"
    gone = run(cli, ["effects", "show", "unknown", "--file", file])
    assert (gone.exit_code, gone.output) == (1, "error: There is no effect `unknown`.\n")


def test_what_waits_in_a_file_is_not_forgotten(tmp_path: Path, empty: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    """A file from which nothing is delivered any more is told of, with its number."""
    with process(tmp_path, document(), lambda _: httpx.Response(503)) as served:
        served.sign_up("a", "b")
        served.settle(waiting=2)
    text = f"state: ./state\n{shared(empty)}"
    with process(tmp_path, text):
        (line,) = [one for one in caplog.records if "wait in a file" in one.message]
    assert "'count': 2" in str(vars(line))


class Pair:
    """Two processes at one store."""

    def __init__(self, valkey: Valkey) -> None:
        self.runner = asyncio.Runner()
        self.one, self.other = (EffectsInRedis(shared_plan(valkey), lambda: START) for _ in range(2))
        self.run(self.one.open())
        self.run(self.other.open())

    def run(self, work: Any) -> Any:
        """Return what *work* comes to."""

        async def result() -> Any:
            return await work

        return self.runner.run(result())

    def turn(self, store: EffectsInRedis, **said: Any) -> Any:
        """Return what comes of a turn of *store*."""
        return self.run(store.turn(Turn(START, room={"mail": 9}, most=9, **said)))

    def put(self, *numbers: int) -> None:
        """Keep effects."""

        async def put() -> bool:
            return (await self.one.put_all([[record(number) for number in numbers]], MANY))[0] is True

        assert self.run(put())


@pytest.fixture
def pair(empty: Valkey) -> Iterator[Pair]:
    """Yield two processes."""
    made = Pair(empty)
    yield made
    made.run(made.one.aclose())
    made.run(made.other.aclose())
    made.runner.close()


def test_what_a_process_had_that_died_is_taken_over(pair: Pair, empty: Valkey) -> None:
    """By one that was there all the time, once the other has taken no turn for a while."""
    pair.put(0)
    assert len(pair.turn(pair.one).claimed) == 1
    pair.turn(pair.other)
    empty.age_effects(LEASE / 2)
    assert pair.turn(pair.other, looks=True).taken == 0
    empty.age_effects(LEASE / 2 + 1)
    turned = pair.turn(pair.other, looks=True)
    assert (turned.taken, [one.attempts for one in turned.claimed]) == (1, [2])


def test_what_was_claimed_by_a_reply_that_never_came_is_delivered(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the process that claimed it, which is there, and has heard nothing: by its next turn, with the attempts that were made."""
    pair.put(0)

    def lost(reply: Any) -> Any:
        raise StoreError("No reply came.")

    with monkeypatch.context() as patch:
        patch.setattr("aggregator.stores.redis.effects.link.good", lost)
        with pytest.raises(StoreError, match="No reply"):
            pair.turn(pair.one)
    (claimed,) = pair.turn(pair.one).claimed
    assert (claimed.id, claimed.attempts) == ("id-0", 1)
    assert pair.turn(pair.one, looks=True).claimed == []
    pair.turn(pair.one, ended=(Outcome("id-0", SENT, {"status": 200}),))
    assert pair.one.kept.counts["sent"] == 1


def test_an_effect_that_cannot_be_read_costs_no_other(
    pair: Pair, empty: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """It is dead, which is told, and the others are delivered."""
    pair.put(0, 1, 2)
    empty.ask("HSET", "t:e:{effects}:r:id-1", "request", "garbage")
    assert [one.id for one in pair.turn(pair.one).claimed] == ["id-0", "id-2"]
    assert "cannot be read" in caplog.text
    pair.turn(pair.one)
    assert (pair.one.kept.counts["dead"], pair.one.kept.counts["leased"]) == (1, 2)


def test_a_store_that_is_not_told_what_is_known_costs_no_claim(
    pair: Pair, empty: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose lease has run out tells it again with its turn, which may fail: what the turn claimed is delivered."""
    pair.put(0)
    pair.run(pair.one.park(frozenset({"mail"}), START))

    async def lost(known: frozenset[str], now: float) -> int:
        raise StoreError("No reply came.")

    monkeypatch.setattr(pair.one, "park", lost)
    empty.age_effects(LEASE + 1)
    assert [one.id for one in pair.turn(pair.one).claimed] == ["id-0"]


def test_one_that_was_cut_off_takes_nothing_over_at_once(pair: Pair, empty: Valkey) -> None:
    """After the store was away for all, the others are given time to come back."""
    pair.put(0)
    pair.turn(pair.one)
    pair.turn(pair.other)
    empty.age_effects(LEASE + 1)
    assert pair.turn(pair.other, looks=True).taken == 0
    pair.turn(pair.one)
    assert pair.turn(pair.other, looks=True).taken == 0


def test_what_another_process_knows_is_not_parked(pair: Pair) -> None:
    """A machine with an older file leaves alone what one with a newer file delivers."""
    pair.put(0)
    assert pair.run(pair.one.park(frozenset({"mail"}), START)) == 0
    assert pair.run(pair.other.park(frozenset({"push"}), START)) == 0
    assert len(pair.turn(pair.one).claimed) == 1


def test_a_process_that_was_given_up_tells_again_what_it_knows(pair: Pair, empty: Valkey) -> None:
    """So that nobody parks what it delivers."""
    pair.put(0)
    pair.run(pair.one.park(frozenset({"mail"}), START))
    pair.turn(pair.other)
    empty.age_effects(LEASE / 2)
    pair.turn(pair.other)
    empty.age_effects(LEASE / 2 + 1)
    pair.turn(pair.other, looks=True)
    pair.turn(pair.one)
    assert pair.run(pair.other.park(frozenset({"push"}), START)) == 0


def test_a_store_that_has_lost_effects_is_told(pair: Pair, empty: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    """One that was emptied, or started anew without what it had kept."""
    pair.put(0)
    empty.ask("FLUSHALL")
    pair.turn(pair.one)
    assert "The shared store has lost durable effects." in caplog.messages
    assert pair.run(pair.one.find(Filter())) == []


def test_a_server_that_forgot_the_scripts_is_given_them(pair: Pair, empty: Valkey) -> None:
    """As one that took over, or was started anew."""
    pair.put(0)
    empty.ask("SCRIPT", "FLUSH")
    pair.put(1)
    assert pair.one.kept.counts["waiting"] == 2


def test_an_effect_that_the_server_forgot_costs_no_other(pair: Pair, empty: Valkey) -> None:
    """A server that forgets keys for want of memory takes some away under us."""
    pair.put(0, 1)
    empty.ask("DEL", "t:e:{effects}:r:id-0")
    assert [one.id for one in pair.turn(pair.one).claimed] == ["id-1"]
    assert pair.one.kept.counts["waiting"] == 0


def test_a_newer_form_is_left_alone(empty: Valkey) -> None:
    """A program that cannot read what is kept says so, keeps nothing, and claims nothing, however often it tries."""
    empty.ask("SET", "t:e:{effects}:v", "99")
    before = empty.ask("DBSIZE")
    with asyncio.Runner() as runner:
        store = EffectsInRedis(shared_plan(empty))
        runner.run(store.open())
        assert "version 99" in str(store.trouble)
        for work in (lambda: store.turn(Turn(0.0, room={"mail": 1}, most=1)), lambda: kept(store, record())) * 2:
            with pytest.raises(StoreError, match="version 99"):
                runner.run(work())
        runner.run(store.aclose())
    assert empty.ask("DBSIZE") == before


async def kept(store: EffectsInRedis, *records: EffectRecord) -> list[bool]:
    """Return whether each of *records* is kept by *store*; raises ``StoreError`` where that is not so for one."""
    found = await store.put_all([[one] for one in records], MANY)
    for one in found:
        if isinstance(one, StoreError):
            raise one
    return [one is True for one in found]


def test_a_user_who_may_not_ask_how_the_server_keeps_things_is_served(empty: Valkey) -> None:
    """Managed services deny the commands that are called dangerous, ``INFO`` and ``CONFIG`` among them."""
    assert empty.ask("ACL", "SETUSER", "default", "-info", "-config") == b"+OK"
    try:
        with asyncio.Runner() as runner:
            store = EffectsInRedis(shared_plan(empty))
            runner.run(store.open())
            assert store.trouble is None
            assert runner.run(kept(store, record())) == [True]
            runner.run(store.aclose())
    finally:
        assert empty.ask("ACL", "SETUSER", "default", "+@all") == b"+OK"
