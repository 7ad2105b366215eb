"""The address of administration of several workers, which are played: what is asked of which, and what is answered."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from aggregator.server.workers.administering import asking, source
from aggregator.server.workers.messages import Ask, Beat, Counted, Message, Opened, Ready, Switched, Told
from tests.server.workers.played import Played
from tests.server.workers.supervised import SECRET, Supervised

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

ADMIN = f', admin: {{address: "127.0.0.1:0", secret: {SECRET}}}'
METRICS = "telemetry: {metrics: {}}\n"
ACTIONS = tuple(
    (name, f"Does {name}.") for name in ("reload", "log", "try", "replay", "effect", "switch", "breaker", "quota_reset")
)
Said = Callable[[Played, Ask], Any]


def serves(one: Played) -> None:
    """Have *one* serve, and do all actions."""
    one.tell(Opened(), Ready(ACTIONS), Beat(1, "abc", 2, 3, 1000))


@pytest.fixture
def administer(supervise: Callable[..., Supervised]) -> Callable[..., None]:
    """Runs a claim with an address whose workers answer by *said*: data, a message, or None for never."""

    def run(claim: Callable[..., Coroutine[Any, Any, None]], said: Said, more: str = "") -> None:
        def told(one: Played, ask: Ask) -> Told | None:
            found = said(one, ask)
            if found is None or isinstance(found, Told):
                return found
            return Told(ask.number, 200, json.dumps(found).encode(), "done")

        async def script(running: Supervised) -> None:
            await running.greets()
            async with running.answering(told) as heard:
                await claim(running, heard)
            if not running.supervisor.crew.is_stopping:
                await running.end()

        assert supervise(script, serves, server=ADMIN, more=more).run() == 0

    return run


Administer = Callable[..., None]


def shown(answer: httpx.Response) -> tuple[int, Any, str | None]:
    """Return status and data of *answer*, and which workers are missing in it."""
    data = answer.json()
    return (
        answer.status_code,
        data.get("detail", data) if isinstance(data, dict) else data,
        answer.headers.get("x-workers-missing"),
    )


def refused(ask: Ask, status: int, why: str) -> Told:
    """Return a refusal of *ask*."""
    return Told(ask.number, status, json.dumps(why).encode(), why)


@pytest.mark.long
def test_the_configuration_of_all_is_shown_with_its_workers(administer: Administer) -> None:
    """What counts is added up; where nobody answers, what the supervisor itself knows is all."""
    answers: list[Any] = [{"in_flight": 2, "other": "first"}]

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        found = (await running.ask("GET", "/-/config")).json()
        workers = found.pop("workers")
        own = {"generation": 1, "config": running.digest, "last_refusal": None, "missing": []}
        assert found == {**own, "in_flight": 4, "other": "first"}
        members = [(one["pid"], one["state"], one["generation"], one["config"], one["in_flight"]) for one in workers]
        assert members == [(101, "serving", 1, "abc", 2), (102, "serving", 1, "abc", 2)]
        assert [[one.path for one in each if isinstance(one, Ask)] for each in heard.values()] == [["/-/config"]] * 2
        answers.clear()
        found = (await running.ask("GET", "/-/config")).json()
        del found["workers"]
        assert found == own

    administer(claim, lambda _, ask: answers[0] if answers else refused(ask, 500, "a fault"))


@pytest.mark.long
def test_probes_tell_whether_anybody_serves(administer: Administer) -> None:
    """More than that only to who may ask, and until the stop."""

    async def claim(running: Supervised, _: object) -> None:
        found = [await running.ask("GET", path) for path in ("/livez", "/readyz")]
        assert [(one.status_code, one.text, one.headers["content-type"]) for one in found] == [
            (200, "ok\n", "text/plain; charset=utf-8")
        ] * 2
        more = await running.ask("GET", "/readyz?verbose")
        assert more.status_code == 200
        assert (more.json()["ready"], more.json()["draining"], more.json()["generation"]) == (True, False, 1)
        running.stop()
        await running.until(lambda: running.supervisor.crew.is_stopping)
        over = await running.ask("GET", "/readyz")
        assert (over.status_code, over.text) == (503, "draining\n")
        assert (await running.ask("GET", "/livez")).text == "ok\n"
        more = await running.ask("GET", "/readyz?verbose")
        assert (more.status_code, more.json()["ready"], more.json()["draining"]) == (503, False, True)
        assert shown(await running.ask("GET", "/-/events")) == (503, "The workers stop.", None)
        for one in running.players.all:
            running.players.end(one, 0)

    administer(claim, lambda _, __: {})


@pytest.mark.long
def test_who_does_not_answer_is_named_in_the_answer(administer: Administer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it for longer than a second; where all are silent there is nothing to show."""
    monkeypatch.setattr(asking.Asking.all, "__defaults__", (0.05,))
    silent = {102}

    async def claim(running: Supervised, _: object) -> None:
        expected = [{"worker": 101, "a": 1}]
        found = await running.ask("GET", "/-/breakers")
        while found.headers.get("x-workers-missing") != "102":  # on a busy machine the other one may be late as well
            found = await running.ask("GET", "/-/breakers")
        assert shown(found) == (200, expected, "102")
        silent.add(101)
        status, detail, missing = shown(await running.ask("GET", "/-/breakers"))
        assert (status, missing) == (503, None)
        assert detail.startswith("No worker has answered within ")

    administer(claim, lambda one, _: None if one.pid in silent else [{"a": 1}])


def test_a_refusal_of_all_workers_is_answered_in_their_words(administer: Administer) -> None:
    """With their status."""

    async def claim(running: Supervised, _: object) -> None:
        assert shown(await running.ask("GET", "/-/requests/a")) == (404, "Not kept.", None)

    administer(claim, lambda _, ask: refused(ask, 404, "Not kept."))


SAMPLE = b"# HELP aggregator_requests_total Requests.\n# TYPE aggregator_requests_total counter\naggregator_requests_total %d\n"


@pytest.mark.long
def test_a_scrape_adds_up_what_all_count(administer: Administer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent one counts by what it has told last, and is named; what is no text of metrics is not read."""
    silent: set[int] = set()

    def told(one: Played, ask: Ask) -> Any:
        assert (ask.path, ask.is_action) == ("/metrics", False)
        if one.pid in silent:
            return None
        one.tell(Counted(ask.number, SAMPLE % (one.pid - 100)), Counted(ask.number, b"", is_last=True))
        return Told(ask.number, 200, b"")

    async def claim(running: Supervised, _: object) -> None:
        first = await running.ask("GET", "/metrics")
        assert first.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert ("x-workers-missing" in first.headers, first.content) == (False, SAMPLE % 3)
        silent.add(102)
        monkeypatch.setattr(source, "TO_COUNT", 0.05)
        second = await running.ask("GET", "/metrics")
        while second.headers["x-workers-missing"] != "102":  # on a busy machine the other one may be late as well
            second = await running.ask("GET", "/metrics")
        assert second.content == SAMPLE % 3
        running.players.all[1].tell(Counted(0, SAMPLE % 40, is_last=True))
        while (await running.ask("GET", "/metrics")).content != SAMPLE % 41:
            pass

    administer(claim, told, METRICS)


def test_a_scrape_of_what_nobody_counts_is_not_found(administer: Administer) -> None:
    """No worker is asked."""

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        assert shown(await running.ask("GET", "/metrics")) == (404, "The file declares no `telemetry.metrics`.", None)
        assert not any(isinstance(one, Ask) for each in heard.values() for one in each)

    administer(claim, lambda _, __: None)


def test_actions_are_those_of_the_workers_in_their_order(administer: Administer) -> None:
    """Some of them the supervisor does itself, and says so in words of its own."""

    async def claim(running: Supervised, _: object) -> None:
        found = (await running.ask("GET", "/-/actions")).json()
        assert [one["action"] for one in found] == [name for name, _ in ACTIONS]
        own = {one["action"] for one in found if one["summary"] != f"Does {one['action']}."}
        assert own == {"reload", "log", "quota_reset"}

    administer(claim, lambda _, __: None)


def spread(heard: dict[int, list[Message]]) -> list[Message]:
    """Return the messages that tell of switches."""
    return [one for each in heard.values() for one in each if isinstance(one, Switched)]


@pytest.mark.parametrize(("action", "askers"), [("try", 1), ("effect", 1), ("breaker", 2), ("switch", 2)])
def test_what_one_worker_can_do_is_done_by_one(administer: Administer, action: str, askers: int) -> None:
    """A trial, and what all keep together; everything else is done by each of them."""
    given = {"turn": "off", "kind": "endpoint", "name": "GET /n"} if action == "switch" else {"a": 1}
    whole = (
        {"did": 1} if askers == 1 else [] if action == "switch" else [{"worker": 101, "n": 1}, {"worker": 102, "n": 1}]
    )

    def told(_: Played, ask: Ask) -> Any:
        if not ask.is_action:
            return {}
        return {"did": 1} if askers == 1 else [] if action == "switch" else [{"n": 1}]

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        assert shown(await running.ask("POST", f"/-/{action}", given)) == (200, whole, None)
        orders = [one for each in heard.values() for one in each if isinstance(one, Ask) and one.is_action]
        assert [(one.path, one.query, len(one.given) > 2) for one in orders] == [(action, "", True)] * askers
        if action == "switch":  # the supervisor keeps them, and has all do so
            await running.until(lambda: len(spread(heard)) == 2)
        assert len(spread(heard)) == (2 if action == "switch" else 0)

    administer(claim, told)


@pytest.mark.parametrize(("status", "is_done"), [(200, True), (202, True), (399, True), (400, False), (404, False)])
def test_what_one_worker_answers_is_what_the_operator_reads(administer: Administer, status: int, is_done: bool) -> None:
    """Its status and its data; a refusal in its words."""

    def told(_: Played, ask: Ask) -> Any:
        if not ask.is_action:
            return {}
        return refused(ask, status, "it is as it is")

    async def claim(running: Supervised, _: object) -> None:
        answer = await running.ask("POST", "/-/try", {})
        said = answer.json()
        assert (answer.status_code, said if is_done else said["detail"]) == (status, "it is as it is")

    administer(claim, told)


def test_a_trial_that_ends_its_worker_is_told_as_that(administer: Administer) -> None:
    """At once: nobody has waited for as long as a trial may take, and no other worker is sent it."""
    found: list[Supervised] = []

    def told(one: Played, ask: Ask) -> Any:
        if not ask.is_action:
            return {}
        found[0].players.end(one, 1)
        return None

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        found.append(running)
        said = "No worker has answered: each that was asked has ended."
        assert shown(await running.ask("POST", "/-/try", {})) == (503, said, None)
        assert sum(isinstance(one, Ask) and one.is_action for each in heard.values() for one in each) == 1

    administer(claim, told)


@pytest.mark.long
def test_a_kept_request_is_asked_for_by_its_number(administer: Administer) -> None:
    """Whoever has it sends it again; where nobody has, the answer is theirs."""
    keeps = {102}

    def told(one: Played, ask: Ask) -> Any:
        return {"id": "abc"} if one.pid in keeps else refused(ask, 404, "Not kept.")

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        assert shown(await running.ask("POST", "/-/requests/abc/replay")) == (200, {"id": "abc"}, None)
        paths = {
            pid: [(one.path, one.is_action) for one in each if isinstance(one, Ask)] for pid, each in heard.items()
        }
        asked = ("/-/requests/abc", False)
        assert paths == {101: [asked], 102: [asked, ("replay", True)]}
        keeps.clear()
        assert shown(await running.ask("POST", "/-/requests/abc/replay")) == (404, "Not kept.", None)

    administer(claim, told)


@pytest.mark.long
def test_a_reload_is_the_supervisors(administer: Administer) -> None:
    """Who serves as a terminal is told as well."""

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        running.path.write_text("version: 1\nendpoints: {}\n")
        answer = await running.ask("POST", "/-/reload")
        assert (answer.status_code, answer.json()["verdict"]) == (422, "refused")
        assert [one[1] for one in running.reloads] == [1]
        assert not any(isinstance(one, Ask) for each in heard.values() for one in each)
        assert (await running.ask("GET", "/-/changes")).status_code == 200
        lately = (await running.ask("GET", "/-/lately")).json()
        assert [one["a"] for one in lately if "a" in one] == [1, 1]

    administer(claim, lambda _, ask: [{"at": 1e12, "a": 1}] if ask.path == "/-/lately" else None)


@pytest.mark.long
def test_quotas_are_those_that_the_supervisor_counts(administer: Administer) -> None:
    """No worker is asked: they count by it."""

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        assert shown(await running.ask("GET", "/-/quotas")) == (200, [], None)
        assert shown(await running.ask("POST", "/-/quota_reset", {"key": "a"})) == (
            404,
            "Nothing is used under this key.",
            None,
        )
        assert not any(isinstance(one, Ask) for each in heard.values() for one in each)

    administer(claim, lambda _, __: None)


def test_a_worker_that_comes_later_hears_what_was_ordered_before(administer: Administer) -> None:
    """Before it may serve, and behind the table of switches."""

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        order = {"upstream": "users", "order": "open"}
        assert (await running.ask("POST", "/-/breaker", order)).status_code == 200
        running.players.end(running.players.all[0], 1)
        await running.until(lambda: len(running.supervisor.crew.serving) == 2)
        asked, switched, go = (await running.until(lambda: heard.get(103)))[:3]
        assert (asked.path, json.loads(asked.given), asked.is_action) == ("breaker", order, True)
        assert [type(one).__name__ for one in (switched, go)] == ["Switched", "Go"]

    administer(claim, lambda _, __: [])


@pytest.mark.long
def test_events_name_what_is_served(administer: Administer) -> None:
    """The first event is the configuration of all; a client that goes is told of to the workers."""

    async def claim(running: Supervised, heard: dict[int, list[Message]]) -> None:
        (admin,) = [one.url for one in running.listeners if one.role == "admin"]
        async with (
            httpx.AsyncClient(headers={"authorization": f"Bearer {SECRET}"}) as client,
            client.stream("GET", f"{admin}/-/events?show=counts") as answer,
        ):
            first = await anext(answer.aiter_bytes())
        assert first == b'event: config\ndata: {"generation":1,"refused":null}\n\n'
        kinds = await running.until(lambda: _kinds(heard))
        assert kinds == [["Listen", "Quit"]] * 2

    administer(claim, lambda _, __: {})


def _kinds(heard: dict[int, list[Message]]) -> list[list[str]]:
    kinds = [[type(one).__name__ for one in each] for each in heard.values()]
    return kinds if len(kinds) == 2 and all("Quit" in one for one in kinds) else []
