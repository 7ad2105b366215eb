"""The contract of what keeps durable effects, over one SQLite file and over a server that machines share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from aggregator.stores.effects import keeping
from aggregator.stores.effects.contract import Ages, Bounds, EffectStore, Filter, Turn, Turned
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.records import DEAD, SENT, WAITING, EffectRecord, FixedRequest, Outcome
from aggregator.stores.redis.effects.store import LEASE, EffectsInRedis
from tests.effects.conftest import record, shared_plan
from tests.policies.conftest import START
from tests.valkey import Valkey

MANY = Bounds(1000, 10**9)
T = TypeVar("T")


class Place:
    """Where effects are kept, by any number of processes, and a clock."""

    def __init__(self, make: Callable[[], EffectStore], passed: Callable[[float], object]) -> None:
        self._runner = asyncio.Runner()
        self._make = make
        self._passed = passed
        self.open: list[EffectStore] = []
        self.now = START

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what *work* comes to, in one loop for the whole test."""

        async def result() -> T:
            return await work()

        return self._runner.run(result())

    def process(self) -> EffectStore:
        """Return the store as another process opens it."""
        store = self.run(self._made)
        self.open.append(store)
        return store

    async def _made(self) -> EffectStore:
        store = self._make()
        if isinstance(store, EffectsInRedis):
            await store.open()
        return store

    def wait(self, seconds: float) -> None:
        """Let *seconds* go by."""
        self.now += seconds
        self._passed(seconds)

    def close(self) -> None:
        """End all processes."""
        for store in self.open:
            self.run(store.aclose)
        self._runner.close()


class Process:
    """A process that keeps and delivers effects to ``mail``."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.store = place.process()

    def put(self, *numbers: int, bounds: Bounds = MANY, **said: Any) -> bool:
        """Return whether records with *numbers* are kept."""
        records = [record(number, **said) for number in numbers]
        return self.put_all([records], bounds)[0]

    def put_all(self, groups: list[list[EffectRecord]], bounds: Bounds = MANY) -> list[bool]:
        """Return for each of *groups* whether it is kept."""
        return self.place.run(lambda: self.store.put_all(groups, bounds))

    def turn(self, *ended: Outcome, **said: Any) -> Turned:
        """Return what comes of a turn, with room for ten, and nothing switched off."""
        usual: dict[str, Any] = {"room": {"mail": 10}, "most": 10, "off": frozenset()}
        turn = Turn(self.place.now, ended, **{**usual, **said})
        return self.place.run(lambda: self.store.turn(turn))

    def claim(self, *ended: Outcome, **said: Any) -> list[str]:
        """Return the ids of what a turn claims."""
        return [one.id for one in self.turn(*ended, **said).claimed]

    def park(self, *known: str) -> int:
        """Return how many are parked by a process that knows these upstreams."""
        return self.place.run(lambda: self.store.park(frozenset(known), self.place.now))

    def find(self, **wanted: Any) -> list[str]:
        """Return the ids of the effects that are *wanted*."""
        return [one["id"] for one in self.place.run(lambda: self.store.find(Filter(**wanted)))]

    def show(self, id_: str = "id-0") -> dict[str, Any]:
        """Return all of one effect."""
        found = self.place.run(lambda: self.store.show(id_))
        assert found is not None
        return found

    def order(self, what: str, **wanted: Any) -> int:
        """Return to how many *what* was done."""
        return self.place.run(lambda: self.store.order(what, Filter(**wanted), self.place.now))

    def counts(self) -> dict[str, int]:
        """Return how many are kept in each state that any is in."""
        self.place.run(self.store.look)
        return {state: number for state, number in self.store.kept.counts.items() if number}


def sent(id_: str = "id-0") -> Outcome:
    """Return that an effect was delivered."""
    return Outcome(id_, SENT, {"status": 200})


def again(place: Place, id_: str = "id-0", after: float = 5.0) -> Outcome:
    """Return that an effect is sent again in a while."""
    return Outcome(id_, WAITING, {"status": 503}, place.now + after)


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.processes)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Yield a place of each kind, with nothing in it."""
    if request.param == "file":
        made = Place(lambda: EffectsInFile(tmp_path, "normal"), lambda _: None)
    else:
        valkey: Valkey = request.getfixturevalue("valkey")
        valkey.ask("FLUSHALL")
        made = Place(lambda: EffectsInRedis(shared_plan(valkey), lambda: made.now), valkey.age_effects)
    yield made
    made.close()


@pytest.fixture
def one(place: Place) -> Process:
    """Return a process."""
    return Process(place)


@pytest.fixture
def other(place: Place) -> Process:
    """Return another process."""
    return Process(place)


def test_what_is_put_is_claimed_once(one: Process) -> None:
    """With all that was put, and one attempt more."""
    assert one.put(0)
    assert one.counts() == {"waiting": 1}
    (found,) = one.turn().claimed
    put = record()
    assert (found.id, found.name, found.endpoint, found.upstream, found.request_id, found.request, found.order) == (
        put.id, put.name, put.endpoint, put.upstream, put.request_id, put.request, None)  # fmt: skip
    assert found.attempts == 1
    assert one.claim() == []
    assert one.counts() == {"leased": 1}


def test_the_oldest_is_claimed_first(one: Process) -> None:
    """Those of one write are in its order, whatever their ids are."""
    one.put(11, 2, 7)
    one.put(5)
    assert one.claim(most=3) == ["id-11", "id-2", "id-7"]
    assert one.claim() == ["id-5"]


def test_the_newest_is_claimed_where_it_is_asked_for(one: Process) -> None:
    """Of what is due, and to this upstream; one that was tried is behind those that were not. Orders hold."""
    newest = frozenset({"mail"})
    one.put(0, 1)
    one.put(2, order="a")
    one.put(3, order="a")
    one.put(4, due=START + 60)
    assert one.claim(most=1, newest=frozenset({"push"})) == ["id-0"]
    assert one.claim(most=1, newest=newest) == ["id-2"]
    one.put(5, 6)
    failed = Outcome("id-0", WAITING, {}, one.place.now)
    assert one.claim(failed, most=2, newest=newest) == ["id-6", "id-5"]
    assert one.claim(newest=newest) == ["id-1", "id-0"]


def test_each_effect_is_leased_to_one(one: Process, other: Process) -> None:
    """What one has claimed the other does not get, and what one has put the other may claim."""
    one.put(*range(10))
    assert len(one.claim(most=6)) == 6
    assert len(other.claim()) == 4
    assert other.counts() == {"leased": 10}


def test_room_is_that_of_each_upstream(one: Process) -> None:
    """And what is due next is asked of those that have room left."""
    one.put(*range(3))
    one.put(3, upstream="push", due=START + 7)
    turned = one.turn(room={"mail": 2, "push": 5})
    assert len(turned.claimed) == 2
    assert turned.next_due == pytest.approx(START + 7, abs=0.5)
    assert one.store.upstreams == {"mail", "push"}


def test_one_that_was_sent_is_a_ledger(one: Process) -> None:
    """It is not claimed again, and shows what it has sent and its last answer."""
    one.put(0)
    one.claim()
    assert one.claim(sent()) == []
    shown = one.show()
    assert (shown["state"], shown["attempts"], shown["last"], shown["due"]) == ("sent", 1, {"status": 200}, None)
    assert shown["request"] == {"method": "POST", "target": "/send", "headers": [["x-n", "1"]], "body": "0"}
    assert shown["ended"] >= shown["created"]


def test_one_that_failed_is_claimed_when_it_is_due(one: Process, place: Place) -> None:
    """Not earlier; the turn says when that is."""
    one.put(0)
    one.claim()
    turned = one.turn(again(place))
    assert turned.claimed == []
    assert turned.next_due == pytest.approx(place.now + 5, abs=0.5)
    place.wait(5)
    (found,) = one.turn().claimed
    assert found.attempts == 2


def test_one_that_was_not_tried_has_no_attempt_more(one: Process, place: Place) -> None:
    """Its upstream has not heard of it."""
    one.put(0)
    one.claim()
    one.turn(Outcome("id-0", WAITING, {"cause": "limited"}, place.now, counts=False), room={})
    (found,) = one.turn().claimed
    assert found.attempts == 1


def test_a_delay_is_obeyed(one: Process, place: Place) -> None:
    """Across processes with clocks of their own, since it counts from when it is kept."""
    one.put(0, due=START + 60)
    assert one.claim() == []
    place.wait(60)
    assert one.claim() == ["id-0"]


def test_order_holds_across_processes(one: Process, other: Process, place: Place) -> None:
    """The second of a key is claimed by nobody before the first has ended, though that is sent again."""
    one.put(0, 1, order="welcome\nk")
    one.put(2, order="welcome\nl")
    assert one.claim() == ["id-0", "id-2"]
    assert other.claim() == []
    one.turn(again(place), room={})
    assert other.claim() == []
    place.wait(5)
    assert other.claim() == ["id-0"]
    assert other.turn(sent(), room={}).claimed == []
    assert one.claim() == ["id-1"]


def test_a_dead_one_frees_its_order(one: Process) -> None:
    """The next goes on."""
    one.put(0, 1, order="welcome\nk")
    one.claim()
    assert one.claim(Outcome("id-0", DEAD, {"status": 400})) == ["id-1"]


def test_beyond_the_bounds_nothing_is_kept(one: Process) -> None:
    """All of one write or none of it; what was sent makes room, the oldest first."""
    assert one.put(0, 1, 2, bounds=Bounds(3, 10**9))
    assert not one.put(3, bounds=Bounds(3, 10**9))
    assert one.claim(most=2) == ["id-0", "id-1"]
    one.turn(sent("id-0"), room={})
    one.turn(sent("id-1"), room={})
    assert not one.put(3, 4, 5, bounds=Bounds(3, 10**9))
    assert one.put(6, 7, bounds=Bounds(3, 10**9))
    assert one.find() == ["id-2", "id-6", "id-7"]
    assert not one.put(8, bounds=Bounds(1000, 100))


def test_what_was_sent_stays_where_it_would_make_too_little_room(one: Process) -> None:
    """One that does not fit costs nothing that was sent; one that does costs no more of it than it needs."""
    assert one.put(0, 1, 2, 3)
    assert one.claim(most=3) == ["id-0", "id-1", "id-2"]
    one.turn(*(sent(f"id-{number}") for number in range(3)), room={})
    size = one.store.kept.size
    large = record(9, request=FixedRequest(b"POST", b"/send", b"", b"x" * size))
    assert one.put_all([[large]], Bounds(1000, size * 14 // 10)) == [False]
    assert one.find() == ["id-0", "id-1", "id-2", "id-3"]
    assert one.put(4, bounds=Bounds(1000, size))
    assert one.find() == ["id-1", "id-2", "id-3", "id-4"]


@pytest.mark.parametrize("place", ["file"], indirect=True)
def test_what_was_sent_stays_though_there_is_more_of_it_than_goes_in_one_step(
    one: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it goes for what would not fit after many steps; what would fit gets its room step by step."""
    monkeypatch.setattr(keeping, "_MOST_GONE", 1)
    assert one.put(0, 1, 2, 3)
    assert one.claim(most=3) == ["id-0", "id-1", "id-2"]
    one.turn(*(sent(f"id-{number}") for number in range(3)), room={})
    size = one.store.kept.size
    large = record(9, request=FixedRequest(b"POST", b"/send", b"", b"x" * (size // 2)))
    assert [one.put_all([[large]], Bounds(1000, large.size + size // 4 - 1)) for _ in range(3)] == [[False]] * 3
    assert one.find() == ["id-0", "id-1", "id-2", "id-3"]
    bounds = Bounds(1000, large.size + size // 4)
    assert [one.put_all([[large]], bounds)[0] for _ in range(3)] == [False, False, True]


def test_each_of_several_groups_is_kept_or_not(one: Process) -> None:
    """One for which there is no room is left out, and a smaller one after it is kept; so are the orders of all."""
    groups = [[record(0, order="k")], [record(1), record(2), record(3)], [record(4, order="k"), record(5)]]
    assert one.put_all(groups, Bounds(3, 10**9)) == [True, False, True]
    assert one.find() == ["id-0", "id-4", "id-5"]
    assert one.claim() == ["id-0", "id-5"]
    assert one.counts() == {"waiting": 1, "leased": 2}


def test_many_are_kept_together(one: Process) -> None:
    """So many that they take several statements, or scripts: each is there once, in its place."""
    assert one.put_all([[record(number)] for number in range(150)]) == [True] * 150
    assert one.find() == [f"id-{number}" for number in range(150)]
    assert one.counts() == {"waiting": 150}


def test_a_dedupe_key_is_kept_once_while_it_is_known(one: Process, other: Process, place: Place) -> None:
    """By all processes; the second write succeeds, and keeps nothing."""
    key = ("welcome\nk", START + 100)
    assert one.put(0, dedupe=key)
    assert other.put(1, dedupe=key)
    assert other.put(2, dedupe=("welcome\nl", START + 100))
    assert one.find() == ["id-0", "id-2"]
    place.wait(101)
    assert one.put(3, dedupe=("welcome\nk", place.now + 100), created=place.now, due=place.now)
    assert one.find() == ["id-0", "id-2", "id-3"]


OFF = frozenset({("POST /x", "welcome")})


def test_what_is_switched_off_stays(one: Process, other: Process) -> None:
    """It waits, with its attempts, while others of its upstream go; once it is switched on it goes, by any process."""
    one.put(0, 1, 2)
    one.put(3, name="told")
    assert one.claim(off=OFF) == ["id-3"]
    assert one.counts() == {"waiting": 3, "leased": 1}
    assert (one.show("id-0")["state"], one.show("id-0")["attempts"]) == ("waiting", 0)
    assert one.claim(off=OFF) == []
    assert other.claim(looks=True) == ["id-0", "id-1", "id-2"]
    assert other.show("id-0")["attempts"] == 1


def test_what_waits_behind_much_that_is_switched_off_goes_at_once(one: Process) -> None:
    """Nothing else is due then; what was off goes in its order once it is on."""
    many = Bounds(10_000, 10**9)
    assert one.put(*range(1300), bounds=many)
    assert one.put(2000, name="told", bounds=many)
    turned = one.turn(off=OFF)
    assert ([record.id for record in turned.claimed], turned.next_due) == (["id-2000"], None)
    assert one.counts() == {"waiting": 1300, "leased": 1}
    assert one.claim(most=3) == ["id-0", "id-1", "id-2"]
    claimed = [id_ for _ in range(3) for id_ in one.claim(room={"mail": 600}, most=600)]
    assert sorted(claimed) == sorted(f"id-{number}" for number in range(3, 1300))


def test_what_is_due_first_goes_first_whatever_it_is_of(one: Process, place: Place) -> None:
    """The labels of an upstream take turns by time alone, and the first of them says when to look again."""
    one.put(0, due=place.now + 2)
    one.put(1, name="told", due=place.now + 1)
    one.put(2, due=place.now + 3)
    due = one.turn().next_due
    assert due is not None
    assert round(due - place.now, 1) == 1
    place.wait(4)
    assert one.claim(most=2) == ["id-1", "id-0"]
    assert one.claim() == ["id-2"]


def test_what_is_off_keeps_its_order_and_can_be_removed(one: Process) -> None:
    """What is behind it waits with it, and goes on when it is discarded; retried, it waits as before."""
    one.put(0, 1, order="welcome\nk")
    assert one.claim(off=OFF) == []
    assert one.order("retry", id="id-0") == 1
    assert one.claim(off=OFF) == []
    assert one.order("discard", id="id-0") == 1
    assert one.claim() == ["id-1"]


def test_what_is_off_parks_and_grows_old(one: Process, place: Place) -> None:
    """As all that waits does."""
    one.put(0)
    assert one.park("push") == 1
    assert one.park("mail") == 0
    assert one.claim(off=OFF) == []
    place.wait(100)
    assert one.turn(off=OFF, ages=Ages(place.now - 50, 0.0, 0.0)).given_up == 1
    assert one.counts() == {"dead": 1}


def test_an_unknown_upstream_parks(one: Process) -> None:
    """What waits for it, behind others of its order too; it goes on in its order once it is known."""
    one.put(0, 1, order="welcome\nk")
    one.put(2)
    assert one.park("push") == 3
    assert one.counts() == {"parked": 3}
    assert one.claim() == []
    assert one.park("mail") == 0
    assert one.claim() == ["id-2", "id-0"] or one.find(state="leased") == ["id-0", "id-2"]
    assert one.claim(sent()) == ["id-1"]


def test_what_waited_for_too_long_is_dead(one: Process, place: Place) -> None:
    """It says why, and frees its order."""
    one.put(0, order="welcome\nk")
    place.wait(100)
    one.put(1, order="welcome\nk", created=place.now, due=place.now)
    turned = one.turn(ages=Ages(place.now - 50, 0, 0))
    assert turned.given_up == 1
    assert one.show()["last"] == {"reason": "It has waited for longer than `max.age`."}
    assert [found.id for found in turned.claimed] == ["id-1"]


def test_what_ended_is_forgotten_by_its_age(one: Process, place: Place) -> None:
    """That of the sent ones and that of the dead are apart."""
    one.put(0, 1)
    one.claim()
    one.turn(sent(), Outcome("id-1", DEAD, {}), room={})
    place.wait(100)
    turned = one.turn(ages=Ages(0, place.now - 50, place.now - 150))
    assert turned.forgotten == 1
    assert one.find() == ["id-1"]
    assert one.turn(ages=Ages(0, place.now - 50, place.now - 50)).forgotten == 1
    assert one.counts() == {}
    assert one.store.kept.size == 0


def test_operators_find_effects(one: Process, place: Place) -> None:
    """By each thing that a filter says, and by several together; in pages, the oldest first."""
    one.put(0, order="welcome\na@b", request_id="r1")
    one.put(1, name="told", order="told\na@b", request_id="r1")
    one.put(2, request_id="r2")
    assert one.find() == ["id-0", "id-1", "id-2"]
    assert one.find(request="r1") == ["id-0", "id-1"]
    assert one.find(request="r1", name="told") == ["id-1"]
    assert one.find(key="a@b") == ["id-0", "id-1"]
    assert one.find(key="a@b", name="welcome") == ["id-0"]
    assert one.find(key="a") == []
    assert one.find(id="id-2", name="told") == []
    assert one.claim(most=1) == ["id-0"]
    assert one.find(state="leased") == ["id-0"]
    one.turn(sent(), room={})
    place.wait(100)
    assert one.find(since=place.now - 50) == []
    assert one.find(since=place.now - 150, state="sent") == ["id-0"]
    (first,) = place.run(lambda: one.store.find(Filter(), 0, 1))
    rest = place.run(lambda: one.store.find(Filter(), first["place"], 10))
    assert [each["id"] for each in rest] == ["id-1", "id-2"]
    assert first["key"] == "a@b"
    assert place.run(lambda: one.store.show("unknown")) is None


def test_a_dead_one_is_sent_again_with_all_its_attempts(one: Process) -> None:
    """Those that are leased are left alone."""
    one.put(0, 1)
    one.claim()
    one.turn(Outcome("id-0", DEAD, {}), room={})
    assert one.order("retry", name="welcome") == 1
    (found,) = one.turn().claimed
    assert (found.id, found.attempts) == ("id-0", 1)
    assert one.store.kept.counts["leased"] == 2


def test_replay_sends_those_again_that_were_sent(one: Process) -> None:
    """In their place among those of their key, one after the other: those that were due next are put behind them."""
    one.put(0, 1, 2, order="welcome\nk")
    one.claim()
    assert one.claim(sent()) == ["id-1"]
    one.turn(sent("id-1"), room={})
    assert one.order("replay", state="sent", key="k") == 2
    assert one.claim() == ["id-0"]
    assert one.claim(sent()) == ["id-1"]
    assert one.claim(sent("id-1")) == ["id-2"]


def test_one_that_is_sent_again_waits_for_who_is_under_way(one: Process) -> None:
    """Of the same key one is leased at a time, whatever operators do."""
    one.put(0, 1, order="welcome\nk")
    one.claim()
    assert one.claim(Outcome("id-0", DEAD, {})) == ["id-1"]
    assert one.order("retry", state="dead") == 1
    assert one.claim() == []
    assert one.claim(sent("id-1")) == ["id-0"]


def test_discarding_frees_the_order(one: Process) -> None:
    """It removes what waits, and no more."""
    one.put(0, 1, order="welcome\nk")
    assert one.order("discard", id="id-0") == 1
    assert one.find() == ["id-1"]
    assert one.claim() == ["id-1"]
    assert one.order("discard", id="id-1") == 0


def test_a_subject_is_forgotten_wholly(one: Process, other: Process) -> None:
    """In whatever state its effects are, with its dedupe keys: a delivery under way keeps nothing when it ends."""
    one.put(0, order="welcome\na@b", dedupe=("welcome\na@b", START + 1000))
    one.put(1, order="told\na@b", name="told")
    one.put(2, order="welcome\nother")
    one.claim(most=1)
    assert other.order("forget", key="a@b") == 2
    one.turn(sent(), room={})
    assert one.find() == ["id-2"]
    assert one.put(3, order="welcome\na@b", dedupe=("welcome\na@b", START + 1000))
    assert one.find() == ["id-2", "id-3"]


def test_orders_are_obeyed_in_steps(one: Process) -> None:
    """However many are meant."""
    for begin in range(0, 1200, 300):
        one.put(*range(begin, begin + 300), bounds=Bounds(10_000, 10**9))
    assert len(one.find()) == 1000
    assert one.order("discard", name="welcome") == 1200
    assert one.counts() == {}
    assert one.store.kept.size == 0


def test_who_leaves_gives_back_its_leases(one: Process, other: Process, place: Place) -> None:
    """At once."""
    one.put(0)
    one.claim()
    if isinstance(one.store, EffectsInFile):
        one.turn(Outcome("id-0", WAITING, None, place.now), room={})
    place.run(one.store.aclose)
    place.open.remove(one.store)
    assert other.claim() == ["id-0"]


def test_who_lives_keeps_its_leases(one: Process, other: Process, place: Place) -> None:
    """For as long as it takes turns."""
    one.put(0)
    one.claim()
    for _ in range(4):
        place.wait(LEASE / 2)
        one.turn(looks=True, room={})
        assert other.turn(looks=True).taken == 0
    assert other.counts() == {"leased": 1}
