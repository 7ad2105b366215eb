"""An upstream that fails is tried one delivery at a time, with pauses that grow; one that arrives ends that."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from aggregator.runtime.background.durable.delivering.pacing import FAILS, FIRST, MOST, MOST_ASKED, Paces
from aggregator.runtime.background.durable.delivering.pump import LOOK
from aggregator.runtime.background.durable.delivering.under_way import UnderWay
from aggregator.server.admin.reading.upstreams import upstreams_shown
from aggregator.stores.effects.contract import Filter, Turn, Turned
from aggregator.stores.effects.file import EffectsInFile
from tests.effects.conftest import Application, document, process, record
from tests.effects.test_operators import act
from tests.policies.conftest import START, Respond

PATIENT = document().replace("attempts: 3, backoff: 1s..1s", "attempts: 90, backoff: 1s..1s")
"""A call that is sent again for as long as a test lasts."""


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the ids that each turn claims."""
    found: list[list[str]] = []
    turn = EffectsInFile.turn

    async def counted(self: EffectsInFile, asked: Turn) -> Turned:
        turned = await turn(self, asked)
        found.append([one.id for one in turned.claimed])
        return turned

    monkeypatch.setattr(EffectsInFile, "turn", counted)
    return found


def fail(paces: Paces, times: int = FAILS, now: float = START) -> None:
    """Have deliveries to the upstream of ``record()`` fail so many *times*, all *now*."""
    for _ in range(times):
        paces.failed("mail", now)


def slow(served: Application, waiting: int) -> int:
    """Have so many effects wait for an upstream that has become slow; return how often it was tried."""
    served.sign_up(*(f"n{number}" for number in range(waiting)))
    served.until(lambda: served.outbox.ends["again"] >= FAILS and served.counts() == {"waiting": waiting})
    return served.outbox.ends["again"]


def test_an_upstream_that_fails_gets_one_delivery_at_a_time() -> None:
    """So that trying all that waits as fast as it fails takes no time from requests; one that arrives ends that."""
    under_way = UnderWay()
    for _ in range(FAILS):
        assert under_way.room(["mail", "push"], 8, START)[0] == {"mail": 4, "push": 4}
        under_way.paces.failed("mail", START)
    assert under_way.room(["mail", "push"], 8, START)[0] == {"push": 4}
    later = START + FIRST
    assert under_way.room(["mail", "push"], 8, later)[0] == {"mail": 1, "push": 4}
    under_way.begin(record())
    assert under_way.room(["mail"], 8, later)[0] == {}
    under_way.end(record())
    under_way.paces.arrived("mail")
    assert under_way.room(["mail"], 8, later)[0] == {"mail": 4}


def test_each_pause_is_twice_the_one_before() -> None:
    """Up to the longest; those that fail together count as one."""
    paces, now, pauses = Paces(), START, []
    fail(paces, FAILS + 3)
    for _ in range(7):
        due = paces.next_at(["mail"], now)
        assert due is not None
        pauses.append(round(due - now, 3))
        now = due
        paces.failed("mail", now)
    assert pauses == [FIRST, 0.1, 0.2, 0.4, 0.8, MOST, MOST]


def test_an_hour_of_a_dead_sink_is_an_hour_of_tries() -> None:
    """One a second, however many come meanwhile: those that come in a pause find no room, and no reason to look."""
    under_way, now, tries = UnderWay(), START, 0
    fail(under_way.paces)
    while now < START + 3600:
        due = under_way.paces.next_at(["mail"], now)
        assert due is not None
        assert under_way.room(["mail"], 8, (now + due) / 2)[0] == {}
        now = due
        assert under_way.room(["mail"], 8, now)[0] == {"mail": 1}
        under_way.paces.failed("mail", now)
        tries += 1
    assert 3600 <= tries <= 3606
    under_way.paces.arrived("mail")
    assert under_way.room(["mail"], 8, now)[0] == {"mail": 4}


@pytest.mark.parametrize(("asked", "pause"), [(0.01, FIRST), (30.0, 30.0), (7200.0, MOST_ASKED)])
def test_a_longer_pause_is_that_which_the_upstream_asks_for(asked: float, pause: float) -> None:
    """By `Retry-After`; within bounds, since it may be meant for one of those that wait."""
    paces = Paces()
    for _ in range(FAILS):
        paces.failed("mail", START, asked)
    assert paces.next_at(["mail"], START) == START + pause


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    """An hour back, the upstream is tried at once."""
    paces = Paces()
    fail(paces)
    assert paces.places("mail", 4, START) == 0
    assert paces.places("mail", 4, START - 3600) == 1
    assert paces.next_at(["mail"], START - 3600) is None


def test_what_is_let_go_is_tried_at_once_and_slowly_again() -> None:
    """Who asks for it gets one try, and pauses grow from the first."""
    paces = Paces()
    fail(paces)
    fail(paces, 1, START + 1)
    paces.let_go()
    assert paces.places("mail", 4, START + 1) == 1
    fail(paces, 1, START + 1)
    assert paces.next_at(["mail"], START + 1) == pytest.approx(START + 1 + FIRST)


def test_a_dead_sink_is_tried_once_in_each_pause(tmp_path: Path, turns: list[list[str]], refuse: Respond) -> None:
    """In a pause new effects are kept, and neither tried nor looked for; then one is tried."""
    with process(tmp_path, PATIENT, refuse) as served:
        tried = slow(served, 20)
        assert tried < FAILS + 4
        before = len(turns)
        served.sign_up(*(f"more{number}" for number in range(20)))
        assert (served.outbox.ends["again"], len(turns)) == (tried, before)
        for _ in range(5):
            tried += 1
            served.now += MOST
            served.until(lambda tried=tried: served.outbox.ends["again"] >= tried)  # type: ignore[misc]
            served.until(lambda: served.counts() == {"waiting": 40})
            assert served.outbox.ends["again"] == tried


@pytest.mark.parametrize("first", [200, 404])
def test_what_waits_goes_at_full_width_once_one_was_answered(
    tmp_path: Path, turns: list[list[str]], first: int
) -> None:
    """Also when that one is refused for good: whoever does so is there. Those that follow do not come one by one."""
    answers = [503]

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(answers[0] if len(answers) == 1 else answers.pop(0))

    with process(tmp_path, PATIENT, respond) as served:
        slow(served, 21)
        turns.clear()
        answers[:] = [first, 200]
        served.now += 60
        served.until(lambda: not served.counts().get("waiting") and not served.counts().get("leased"))
        assert [len(ids) for ids in turns if ids][:2] == [1, 4]


def test_others_are_delivered_meanwhile(tmp_path: Path) -> None:
    """What goes to another upstream waits for none of these pauses."""
    text = PATIENT + "      - {name: push, durable: true, url: POST push:/x, json: {}}\n"
    text = text.replace("upstreams:\n", "upstreams:\n  push: {url: 'http://push.test', idempotent: true}\n")
    with process(tmp_path, text, lambda one: httpx.Response(503 if one.url.host == "mail.test" else 200)) as served:
        served.sign_up(*"abcdefghijkl")
        served.settle(waiting=12, sent=12)
        tried = served.outbox.ends["again"]
        served.sign_up("m")
        served.settle(waiting=13, sent=13)
        assert served.outbox.ends["again"] == tried


def test_what_it_takes_waits_for_few_that_it_does_not(tmp_path: Path) -> None:
    """Every other try is a new one: a path that is broken keeps no other from its effects for hours."""
    text = PATIENT + "  POST /leave:\n    body: {type: object}\n    respond: {status: 201, body: {ok: true}}\n"
    text += "    background: {name: bye, durable: true, url: POST mail:/bye, json: {}}\n"
    with process(tmp_path, text, lambda one: httpx.Response(200 if one.url.path == "/base/bye" else 503)) as served:
        slow(served, 40)
        served.post("/leave", json={})
        for _ in range(2):
            served.now += MOST
            tried = served.outbox.ends.total()
            served.until(lambda tried=tried: served.outbox.ends.total() > tried)  # type: ignore[misc]
        assert served.outbox.ends["sent"] == 1


def reload(served: Application) -> None:
    """Serve what was loaded again."""
    running = served.app.running
    assert running.generation is not None
    served.outbox.configure(running.plan.background, running.generation.deliveries)


@pytest.mark.parametrize("let_go", [reload, lambda served: act(served, order="retry", state="waiting", name="welcome")])
def test_who_asks_for_it_has_it_tried_at_once(
    tmp_path: Path, refuse: Respond, let_go: Callable[[Application], object]
) -> None:
    """A reload may have mended it, and who retries wants to see what happens now: the clock stands."""
    with process(tmp_path, PATIENT, refuse) as served:
        tried = slow(served, 9)
        let_go(served)
        served.until(lambda: served.outbox.ends["again"] == tried + 1)


def test_what_is_tried_slowly_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the failures and the pause; the log tells it once pauses are the longest, and when one has arrived."""
    statuses = [503]
    text = PATIENT + "telemetry: {metrics: {}}\n"
    with process(tmp_path, text, lambda _: httpx.Response(statuses[0])) as served:

        def metric() -> bool:
            return 'aggregator_effects_slow{upstream="mail"} 1' in served.get("/metrics").text

        def shown() -> object:
            (upstream,) = upstreams_shown(served.app.running)
            return upstream["deliveries"]

        caplog.set_level(logging.INFO, "aggregator.effects")
        assert (shown(), metric()) == (None, False)
        tried = slow(served, 20)
        assert metric()
        assert shown() == {"failures": tried, "pause": FIRST, "next_at": round(served.now + FIRST, 3)}
        assert "is tried slowly" not in caplog.text
        for _ in range(9):
            tried += 1
            served.now += MOST
            served.until(lambda tried=tried: served.outbox.ends["again"] >= tried)  # type: ignore[misc]
        assert shown() == {"failures": tried, "pause": MOST, "next_at": round(served.now + MOST, 3)}
        assert caplog.text.count("is tried slowly") == 1
        statuses[0] = 200
        served.now += 60
        served.settle(sent=20)
        assert (shown(), metric()) == (None, False)
    assert caplog.text.count("Durable effects are delivered again") == 1


def test_an_upstream_for_which_nothing_waits_is_not_slow(tmp_path: Path, refuse: Respond) -> None:
    """All of it has been given up: there is nothing to be told of any more, nor an alert to go on."""
    with process(tmp_path, PATIENT, refuse) as served:
        slow(served, FAILS)
        assert served.outbox.pace("mail") is not None
        assert served.run(served.outbox.ask(lambda store: store.order("discard", Filter(), START))) == FAILS
        served.now += LOOK
        served.until(lambda: served.outbox.pace("mail") is None)
        assert served.outbox.upstreams == set()


def test_credentials_that_are_not_taken_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is an attempt meanwhile, and so nothing would be dead for days: the log says why it waits."""
    auth = "auth: {oauth2: {token_url: 'http://id.test/token', client_id: shop, client_secret: guessed}}"
    with process(tmp_path, document(upstream=auth), lambda _: httpx.Response(401)) as served:
        served.sign_up(*(f"n{number}" for number in range(20)))
        tried = 0
        while "is tried slowly" not in caplog.text:
            tried += 1
            served.now += 10 * MOST
            served.until(lambda tried=tried: served.outbox.ends["again"] >= tried)  # type: ignore[misc]
        served.settle(waiting=20)
        assert [record.getMessage() for record in caplog.records if "tried slowly" in record.getMessage()] == [
            "Durable effects wait: their upstream fails, and is tried slowly."
        ]
