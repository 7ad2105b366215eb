"""What a supervisor makes of what its workers tell; the workers here are as quick, or silent, as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.codecs import json as json_codec
from aggregator.policies.switches.table import Change, Switch, Target
from aggregator.server.admin.actions import ActionError
from aggregator.server.workers.administering.acting import Acting
from aggregator.server.workers.administering.asking import Asking
from aggregator.server.workers.administering.events import Events, events_in
from aggregator.server.workers.administering.gathering import added, together
from aggregator.server.workers.administering.journal import Journal
from aggregator.server.workers.administering.switches import KeptSwitches
from aggregator.server.workers.messages import Ask, Heard, Listen, Quit, Told
from aggregator.server.workers.supervising.member import Member
from aggregator.stores.folder import StateFolder


class Fake:
    """A worker that answers by *told*, None for never."""

    def __init__(self, pid: int, told: Callable[[Ask], Told | None]) -> None:
        self.pid = pid
        self.asked: list[Ask] = []
        self.sent: list[Any] = []
        self.channel = SimpleNamespace(is_full=False, send=self.sent.append)
        self.ended = SimpleNamespace(done=lambda: False)
        self._told = told

    async def ask(self, ask: Ask) -> Told | None:
        self.asked.append(ask)
        if (told := self._told(ask)) is None:
            await asyncio.Event().wait()
        return told


def telling(pid: int, data: Any, status: int = 200) -> Fake:
    """Return a worker that always says the same."""
    return Fake(pid, lambda ask: Told(ask.number, status, json_codec.encode(data), "done"))


def silent(pid: int) -> Fake:
    """Return a worker that stands still."""
    return Fake(pid, lambda _: None)


def members(*fakes: Fake) -> list[Member]:
    return [cast("Member", one) for one in fakes]


def acting(*fakes: Fake, journal: Journal | None = None, spread: Callable[[], None] = lambda: None) -> Acting:
    """Return what has these workers do things."""
    switches = KeptSwitches(lambda: 1000.0)
    return Acting(Asking(lambda: members(*fakes)), Journal() if journal is None else journal, switches, spread)


@pytest.mark.anyio
async def test_who_does_not_answer_is_named_and_not_waited_for() -> None:
    """One of two stands still: the other one's answer is there, and the number of the process that is missing."""
    asking = Asking(lambda: members(telling(1, [{"n": 1}]), silent(2)))
    answers = await asking.all(asking.view("/-/breakers", {}), 0.01)
    assert (together("/-/breakers", answers.data()), answers.missing) == ([{"worker": 1, "n": 1}], (2,))


@pytest.mark.anyio
async def test_who_reads_nothing_is_not_sent_more() -> None:
    """Orders to a worker whose channel is full would only wait in memory of the supervisor."""
    full = telling(1, [])
    full.channel.is_full = True
    asking = Asking(lambda: members(full))
    answers = await asking.all(asking.view("/-/breakers", {}))
    assert (answers.missing, full.asked) == ((1,), [])
    with pytest.raises(ActionError, match="No worker has answered"):
        answers.data()


@pytest.mark.anyio
async def test_an_order_goes_to_all_and_is_answered_once() -> None:
    """What each has forgotten is added up; a worker that had nothing to forget is no failure."""
    outcome = await acting(telling(1, {"reset": 2}), telling(2, "Nothing is used.", 404), telling(3, {"reset": 1})).all(
        "quota_reset", {"key": "a"}
    )
    assert outcome.data == {"reset": 3}


@pytest.mark.parametrize(
    ("data", "said", "summary"),
    [
        ({"purged": 1}, ("purged 1 by all", "purged 1 by all"), "purged 1 by all; purged 1 by all (workers: 2)"),
        ({"purged": 0}, ("purged 0 by all", "purged 0 by all"), "purged 0 by all (workers: 2)"),
        ([{"phase": "open"}], ("open users", "open users"), "open users (workers: 2)"),
    ],
)
@pytest.mark.anyio
async def test_the_log_has_what_each_worker_has_done(data: Any, said: tuple[str, str], summary: str) -> None:
    """What one of them has counted is not what all have; what is the same for all is told once."""
    first, second = (
        Fake(number, lambda ask, one=one: Told(ask.number, 200, json_codec.encode(data), one))
        for number, one in enumerate(said)
    )
    assert (await acting(first, second).all("cache_purge", {"all": True})).summary == summary


@pytest.mark.anyio
async def test_an_order_that_only_some_have_done_says_who_has_not() -> None:
    """The operator reads which process has failed, and why."""
    with pytest.raises(ActionError, match=r"Done by 1 of 2 workers. Worker 2: no room") as raised:
        await acting(telling(1, []), telling(2, "no room", 507)).all("switch", {"turn": "off"})
    assert raised.value.status == 504


@pytest.mark.anyio
async def test_an_order_that_all_refuse_is_refused_in_their_words() -> None:
    """And workers that come later hear nothing of it."""
    journal = Journal()
    with pytest.raises(ActionError, match="no such upstream") as raised:
        await acting(telling(1, "no such upstream", 404), journal=journal).all("breaker", {"upstream": "x"})
    assert (raised.value.status, list(journal)) == (404, [])


@pytest.mark.anyio
async def test_a_request_is_sent_again_by_the_worker_that_has_kept_it() -> None:
    """The others do not know it."""
    without, holder = telling(1, "unknown", 404), telling(2, {"status": 200})
    outcome = await acting(without, holder).replay({"id": "abc"})
    assert (outcome.data, len(without.asked), len(holder.asked)) == ({"status": 200}, 1, 2)


def test_later_workers_hear_the_last_order_to_each_thing() -> None:
    """A breaker that was opened and closed is closed; one that was given back to itself needs no word."""
    journal = Journal()
    for order in ("open", "close"):
        journal.add("breaker", {"upstream": "users", "order": order})
    for order in ("open", "auto"):
        journal.add("breaker", {"upstream": "orders", "order": order})
    journal.add("cache_purge", {"all": True})
    assert list(journal) == [("breaker", {"upstream": "users", "order": "close"})]


def test_what_was_ordered_for_a_time_is_ordered_for_the_rest_of_it() -> None:
    """Ten minutes, six of them gone: four; and then nothing."""
    now = [1000.0]
    journal = Journal(lambda: now[0])
    journal.add("log", {"level": "debug", "for": "10m"})
    now[0] += 360
    assert list(journal) == [("log", {"level": "debug", "for": "240.000s"})]
    now[0] += 240
    assert list(journal) == []


def test_tokens_are_revoked_up_to_when_that_was_asked_for() -> None:
    """A worker that comes an hour later accepts the tokens of that hour."""
    journal = Journal(lambda: 0.0)
    journal.add("revoke", {"scheme": "users", "sub": "a"})
    assert list(journal) == [("revoke", {"scheme": "users", "sub": "a", "before": "1970-01-01T00:00:00Z"})]


def test_requests_of_all_are_listed_with_the_newest_first() -> None:
    """Each names its worker; what is kept is added up."""
    first, second = members(telling(1, None), telling(2, None))
    one = {"keep": 5, "bytes": 10, "left_out": 0, "requests": [{"id": "a", "at": 1.0}, {"id": "c", "at": 3.0}]}
    two = {"keep": 5, "bytes": 20, "left_out": 1, "requests": [{"id": "b", "at": 2.0}]}
    whole = together("/-/requests", [(first, one), (second, two)])
    assert [(found["id"], found["worker"]) for found in whole.pop("requests")] == [("c", 1), ("b", 2), ("a", 1)]
    assert whole == {"keep": 10, "bytes": 30, "left_out": 1}


def test_a_store_that_is_away_for_one_worker_is_shown_as_away() -> None:
    """And what each has decided alone, or lost, is added up."""
    there = {"store": {"state": "there", "processes": 2, "losses": 1, "decided_alone": 2}}
    away = {"store": {"state": "away", "reason": "gone", "processes": 2, "losses": 1, "decided_alone": 5}}
    said = list(zip(members(telling(1, there), telling(2, away)), (there, away), strict=True))
    counts = {"losses": 2, "decided_alone": 7}
    assert together("/-/config", said)["store"] == {"state": "away", "reason": "gone", "processes": 2, **counts}


def test_numbers_are_added_up_at_any_depth() -> None:
    """Counts of a second: requests by endpoint, and buckets that only some have."""
    assert added([{"GET /": [1, 0, {"3": 1}]}, {"GET /": [2, 1, {"3": 1, "4": 1}]}, {"GET /b": [1, 0, {}]}]) == {
        "GET /": [3, 1, {"3": 2, "4": 1}],
        "GET /b": [1, 0, {}],
    }


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ([True, True], True), ([False, True], False), (["a", "b"], "a"), ([None, 1], None), ([1.5, 2], 3.5),
        ([[1], [1, 2]], [1]), ([[1, 2], [3, 4]], [4, 6]), ([{"a": 1}, {"b": 2}], {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_what_is_no_number_is_that_of_the_first(values: list[Any], whole: Any) -> None:
    """Words, truths, and lists of different lengths."""
    assert added(values) == whole
    assert type(added(values)) is type(whole)


@pytest.mark.anyio
async def test_events_of_all_workers_reach_who_listens() -> None:
    """A worker that comes later is listened to as well, requests name their worker, and who goes is told to all."""
    fakes = [telling(1, None)]
    events = Events(lambda: members(*fakes), lambda: {"generation": 1}, lambda: False)
    hung_up, sent = asyncio.Event(), list[bytes]()

    async def receive() -> dict[str, Any]:
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        found = [one for text in sent for one in events_in(text)]
        listens = [one for fake in fakes for one in fake.sent if isinstance(one, Listen)]
        if len(listens) == 1 and len(fakes) == 1:
            fakes.append(telling(2, None))
            events.hear(members(*fakes)[0], Heard(listens[0].number, b'event: request\ndata: {"id":"a"}\n\n'))
        elif len(listens) == 2 and ("request", {"id": "a", "worker": 1}) in found:
            hung_up.set()

    async with asyncio.timeout(60):
        await events.serve({"show": "requests"}, receive, send)
    assert all(isinstance(fake.sent[0], Listen) and isinstance(fake.sent[-1], Quit) for fake in fakes)


@pytest.mark.anyio
@pytest.mark.parametrize("turn", ["off", "on"])
async def test_a_later_change_of_another_machine_stays(turn: str) -> None:
    """It came while workers did what was ordered here; and what is on here is remembered, whoever had it off."""
    switches = KeptSwitches(lambda: 1000.0)
    target = Target("endpoint", "GET /b")
    order = switches.timed({"turn": turn, "kind": "endpoint", "name": "GET /b"})
    switches.merge({target: Change(1001.0, None)})
    await switches.take(order)
    assert switches.changes()[target].switch is None
    await switches.take({**order, "turn": "on", "since": 1002.0})
    switches.merge({target: Change(1001.5, Switch(None, 1001.5, "", ""))})
    assert switches.changes() == {target: Change(1002.0, None)}


@pytest.mark.anyio
async def test_an_effect_without_an_endpoint_is_known_as_such() -> None:
    """An order need not say that it has no `name`."""
    switches = KeptSwitches(lambda: 1000.0)
    await switches.take(switches.timed({"turn": "off", "kind": "effect", "part": "mail"}))
    assert list(switches.changes()) == [Target("effect", "", "mail")]


@pytest.mark.anyio
async def test_switches_are_known_after_a_restart(tmp_path: Path) -> None:
    """In the file that one process writes, too: what is off is switched off in each worker, for what is left of it."""
    now = [1000.0]
    for turn, lasts in (("off", "10m"), ("on", None)):
        folder = StateFolder(tmp_path)
        switches = KeptSwitches(lambda: now[0])
        switches.remember(folder)
        off = {"turn": "off", "kind": "part", "name": "GET /a", "part": "b", "for": "10m", "by": "ops"}
        await switches.take(switches.timed(off))
        await switches.take(switches.timed({"turn": turn, "kind": "endpoint", "name": "GET /b", "for": lasts}))
        folder.close()
        now[0] += 60
    folder = StateFolder(tmp_path)
    switches.remember(folder)
    folder.close()
    part, endpoint = Target("part", "GET /a", "b"), Target("endpoint", "GET /b")
    assert switches.changes() == {
        part: Change(1060.0, Switch(1660.0, 1060.0, "ops", "")),
        endpoint: Change(1060.0, None),
    }


@pytest.mark.anyio
@pytest.mark.parametrize("others", [[telling(2, [])], [telling(2, "no room", 507)]])
async def test_all_are_told_of_a_switch_once_it_is_known(others: list[Fake]) -> None:
    """One may have come while the others were asked, and so have learned of it neither with them nor at its start."""
    spread: list[int] = []
    off = {"turn": "off", "kind": "endpoint", "name": "GET /b"}
    acting_now = acting(telling(1, []), *others, spread=lambda: spread.append(1))
    with suppress(ActionError):
        await acting_now.actions([("switch", "")], []).get("switch").run(off)  # type: ignore[union-attr]
    assert spread == [1]


@pytest.mark.parametrize(
    ("statuses", "done", "why"),
    [
        ((200, 200), {"reset": 2}, None),
        ((200, 399), {"reset": 2}, None),
        ((200, 400), {"reset": 1}, None),
        ((200, 499), {"reset": 1}, None),
        ((200, 500), None, (504, "Done by 1 of 2 workers. Worker 2: {'reset': 1}")),
        ((400, 404), None, (400, "{'reset': 1}")),
        ((500, 503), None, (500, "{'reset': 1}")),
        ((404, 503), None, (503, "{'reset': 1}")),
    ],
)
@pytest.mark.anyio
async def test_who_has_done_what_all_were_ordered(
    statuses: tuple[int, int], done: Any, why: tuple[int, str] | None
) -> None:
    """A refusal is that of one which has nothing to do; a failure is told, and where nobody has done it the first one."""
    workers = [telling(number, {"reset": 1}, status) for number, status in enumerate(statuses, 1)]
    if why is None:
        outcome = await acting(*workers).all("quota_reset", {"key": "a"})
        count = done["reset"]
        assert (outcome.data, outcome.summary, outcome.status) == (
            done,
            f"{'; '.join(['done'] * count)} (workers: {count})",
            200,
        )
    else:
        with pytest.raises(ActionError) as raised:
            await acting(*workers).all("quota_reset", {"key": "a"})
        assert (raised.value.status, str(raised.value)) == why


@pytest.mark.anyio
async def test_who_is_silent_may_do_it_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a worker that comes later does it too, though all that have answered refuse."""
    monkeypatch.setattr(Asking.all, "__defaults__", (0.01,))
    journal, order = Journal(), {"upstream": "users", "order": "open"}
    with pytest.raises(ActionError, match=r"^Unknown\.$"):
        await acting(telling(1, "Unknown.", 404), silent(2), journal=journal).all("breaker", order)
    assert list(journal) == [("breaker", order)]
    with pytest.raises(ActionError) as raised:
        await acting(telling(1, []), silent(2)).all("breaker", order)
    words = "Done by 1 of 2 workers. Worker 2 has not answered within 1 s; it does it when it goes on."
    assert (raised.value.status, str(raised.value)) == (504, words)


@pytest.mark.anyio
async def test_one_worker_is_waited_for_as_long_as_a_request_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the operator reads how long that was."""
    monkeypatch.setattr("aggregator.server.workers.administering.acting.TO_TRY", 0.05)
    keeps = Fake(1, lambda ask: None if ask.is_action else Told(ask.number, 200, b"{}"))
    with pytest.raises(ActionError) as raised:
        await acting(keeps).replay({"id": "abc"})
    assert (raised.value.status, str(raised.value)) == (503, "No worker has answered within 0.05 s.")


@pytest.mark.anyio
async def test_one_that_has_ended_is_not_missing() -> None:
    """Nobody waits for what it might say."""
    ended = Fake(2, lambda _: None)
    ended.channel.is_full = True
    ended.ended = SimpleNamespace(done=lambda: True)
    asking = Asking(lambda: members(telling(1, []), ended))
    assert (await asking.all(asking.view("/-/breakers", {"a": "b c"}))).missing == ()


def test_questions_and_orders_are_numbered() -> None:
    """From one, whatever they are."""
    asking = Asking(list)
    assert asking.view("/-/a", {"a": "b c"}) == Ask(1, "/-/a", "a=b+c")
    assert asking.order("do", {"b": 1}) == Ask(2, "do", "", b'{"b":1}', is_action=True)


@pytest.mark.parametrize(
    ("orders", "left"),
    [
        ([("log", {"level": "debug"})], 1),
        ([("log", {"by": "ops"})], 0),
        ([("log", {"level": None, "format": "json"})], 1),
        ([("log", {"level": "debug"}), ("log", {"level": "info"})], 1),
        ([("log", {"level": "debug"}), ("log", {"format": "json"})], 2),
        ([("revoke", {"scheme": "a", "jti": "x"}), ("revoke", {"scheme": "a", "jti": "y"})], 2),
        ([("revoke", {"scheme": "a", "jti": "x"}), ("revoke", {"scheme": "b", "jti": "x"})], 2),
        ([("switch", {"turn": "off"}), ("cache_purge", {}), ("reload", {})], 0),
    ],
)
def test_what_is_ordered_again_of_later_workers(orders: list[tuple[str, dict[str, Any]]], left: int) -> None:
    """The last order to each thing, where it lasts; none of those that nobody has carried out."""
    journal = Journal(lambda: 1000.0)
    for action, given in orders:
        journal.add(action, given)
    assert list(journal) == (orders[-left:] if left else [])
    for action, given in orders:
        journal.forget(action, given)
    assert list(journal) == []


def test_an_order_that_is_over_is_not_ordered_again() -> None:
    """Not even for a moment; an order to another thing is."""
    now = [1000.0]
    journal = Journal(lambda: now[0])
    journal.add("log", {"level": "debug", "for": "10s"})
    now[0] += 9.5
    assert list(journal) == [("log", {"level": "debug", "for": "0.500s"})]
    now[0] += 0.5
    assert list(journal) == []


def test_an_order_that_says_until_when_keeps_it() -> None:
    """Only one without it means now; one token has no such time."""
    journal = Journal(lambda: 0.0)
    for given in ({"scheme": "a", "sub": "x", "before": "2020"}, {"scheme": "a", "jti": "y"}):
        journal.add("revoke", given)
    assert [given for _, given in journal] == [
        {"scheme": "a", "sub": "x", "before": "2020"}, {"scheme": "a", "jti": "y"},
    ]  # fmt: skip


@pytest.mark.long
def test_no_more_than_ten_thousand_orders_are_remembered() -> None:
    """The oldest goes, and one that is given again is the newest."""
    journal = Journal(lambda: 0.0)
    for number in (*range(10_000), 0, 10_000):
        journal.add("breaker", {"upstream": str(number), "order": "open"})
    kept = [given["upstream"] for _, given in journal]
    assert (len(kept), kept[0], kept[-2:]) == (10_000, "2", ["0", "10000"])


@pytest.mark.anyio
async def test_words_of_operators_are_kept_up_to_a_length() -> None:
    """A hundred characters of who, two hundred of why; what is off for a time is so from its order on."""
    switches = KeptSwitches(lambda: 1000.0)
    off = {
        "turn": "off",
        "kind": "part",
        "name": "GET /a",
        "part": "b",
        "for": "10m",
        "by": "o" * 101,
        "why": "w" * 201,
    }
    await switches.take(switches.timed(off))
    switch = Switch(1600.0, 1000.0, "o" * 100, "w" * 200)
    assert switches.changes() == {Target("part", "GET /a", "b"): Change(1000.0, switch)}
    with pytest.raises(ActionError) as raised:
        switches.timed({"since": 1.0})
    words = "An order has the time at which it is taken, and no `since`."
    assert (raised.value.status, str(raised.value)) == (400, words)
