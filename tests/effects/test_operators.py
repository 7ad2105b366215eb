"""Operators: listing, retrying, replaying, discarding and forgetting effects, with a server and without."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from aggregator.cli.group import cli
from aggregator.policies.switches.table import Change, Switch, Target
from aggregator.server.admin.actions import ActionError
from aggregator.server.admin.effects.acting import effects_action, effects_shown
from aggregator.server.metrics.sampling import sample_effects
from aggregator.stores.effects.contract import Bounds, Filter
from aggregator.stores.effects.file import EffectsInFile
from aggregator.telemetry.metrics.families import EFFECT_ORDERS
from tests.effects.conftest import Application, document, process, record
from tests.policies.conftest import START

ORDER = 'order: "{{ body.email }}"'


def listed(served: Application, **asked: str) -> list[dict[str, object]]:
    """Return the effects that are asked for."""
    found: list[dict[str, object]] = served.run(effects_shown(served.app.running, asked))
    return found


def act(served: Application, **given: str) -> object:
    """Return what came of an order."""
    return served.run(effects_action(served.app.running).run(given)).data


@pytest.fixture
def answers() -> dict[str, int]:
    """Return how mails are answered, by the one they are to; all others with 200."""
    return {}


def responding(answers: dict[str, int]):  # type: ignore[no-untyped-def]
    """Return an upstream that answers as *answers* say."""
    return lambda one: httpx.Response(answers.get(json.loads(one.content)["to"], 200))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"order": "retry", "state": "dead", "name": "welcome"}, "retry 1, by name welcome, state dead"),
        ({"order": "discard", "key": "b", "since": "2h"}, "discard 1, by since 2h, key"),
        ({"order": "forget", "key": "b"}, "forget 1, answers 0, by key"),
    ],
)
def test_the_log_says_which_were_meant(tmp_path: Path, given: dict[str, str], said: str) -> None:
    """By what they were named; a key may be that of a customer, who is forgotten, so it is not written down."""
    with process(tmp_path, document(call=ORDER), lambda _: httpx.Response(400)) as served:
        served.sign_up("b")
        served.settle(dead=1)
        assert served.run(effects_action(served.app.running).run(given)).summary == said


def test_effects_are_found_by_what_they_are(tmp_path: Path, answers: dict[str, int]) -> None:
    """By state, key, name, request and id; one alone with what it sends."""
    answers["b"] = 400
    with process(tmp_path, document(call=ORDER), responding(answers)) as served:
        served.sign_up("a")
        served.post(json={"email": "b"}, headers={"x-request-id": "asked-by-b"})
        served.settle(sent=1, dead=1)
        assert len(listed(served)) == len(listed(served, name="welcome")) == 2
        (found,) = listed(served, request="asked-by-b")
        assert (found["state"], found["key"], found["last"]["status"]) == ("dead", "b", 400)  # type: ignore[index]
        assert listed(served, state="dead") == listed(served, key="b") == [found]
        (whole,) = listed(served, id=str(found["id"]))
        assert whole["request"]["body"] == '{"to":"b"}'  # type: ignore[index]


def test_one_that_is_dead_is_sent_again_when_it_is_asked_for(tmp_path: Path, answers: dict[str, int]) -> None:
    """Under the key that it had, from its first attempt."""
    answers["a"] = 400
    with process(tmp_path, document(), responding(answers)) as served:
        served.sign_up("a")
        served.settle(dead=1)
        answers.clear()
        assert act(served, order="retry", state="dead") == {"retry": 1}
        served.settle(sent=1)
        assert len({request.headers["idempotency-key"] for request in served.requests}) == 1
        assert served.requests[-1].headers["aggregator-attempt"] == "1"


def test_what_was_sent_is_sent_again_by_replay(tmp_path: Path) -> None:
    """Those since then, under their keys."""
    with process(tmp_path, document()) as served:
        served.sign_up("old")
        served.settle(sent=1)
        served.now += 7200
        served.sign_up("new")
        served.settle(sent=2)
        assert act(served, order="replay", since="1h") == {"replay": 1}
        served.until(lambda: len(served.requests) == 3)
        served.settle(sent=2)
        first, again = served.requests[1:]
        assert first.content == again.content == b'{"to":"new"}'
        assert first.headers["idempotency-key"] == again.headers["idempotency-key"]


def test_what_is_discarded_makes_way(tmp_path: Path, answers: dict[str, int]) -> None:
    """The next of its key is delivered then."""
    answers["a"] = 503
    text = document(call='order: "{{ body.account }}"')
    with process(tmp_path, text, responding(answers)) as served:
        served.post(json={"email": "a", "account": "x"})
        served.until(lambda: served.outbox.ends["again"] == 1)
        served.post(json={"email": "b", "account": "x"})
        (first, _) = listed(served, key="x")
        served.settle(waiting=2)
        assert act(served, order="discard", id=str(first["id"])) == {"discard": 1}
        served.settle(sent=1)


def test_what_is_kept_of_a_subject_is_erased(tmp_path: Path) -> None:
    """What was sent, too, and the keys under which nothing else is kept."""
    text = document(call=ORDER + '\ndedupe: {key: "{{ body.email }}"}')
    with process(tmp_path, text) as served:
        served.sign_up("a", "b")
        served.settle(sent=2)
        assert act(served, order="forget", key="a") == {"forget": 1, "answers": 0}
        assert [one["key"] for one in listed(served)] == ["b"]
        served.sign_up("a", "b")
        served.until(lambda: len(served.requests) == 3)


def test_one_that_is_switched_off_is_kept(tmp_path: Path) -> None:
    """It is stored and not delivered, without using up its attempts; once it is switched on it is."""
    target = Target("effect", "POST /signup", "welcome")
    with process(tmp_path, document()) as served:
        running = served.app.running
        running.switching.table.turn_off(target, Switch(None, served.now, "", ""))
        served.run(running.switch())
        assert served.sign_up("a") == [201]
        for _ in range(5):
            served.now += 20
            served.outbox.wake()
            served.run(asyncio.sleep(0.01))
        (found,) = listed(served)
        assert (served.requests, served.outbox.ends["again"], found["attempts"]) == ([], 0, 0)
        running.switching.table.merge({target: Change(served.now, None)}, served.now)
        served.run(running.switch())
        served.now += 20
        served.settle(sent=1)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"order": "retry"}, 400), ({"order": "eat", "id": "x"}, 400), ({"order": "forget", "name": "welcome"}, 400),
        ({"order": "retry", "id": "unknown"}, 404), ({"order": "retry", "state": "odd"}, 400),
        ({"order": "retry", "since": "soon"}, 400), ({"order": "retry", "colour": "red"}, 400),
    ],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_refused(tmp_path: Path, given: dict[str, str], status: int) -> None:
    """It says why, and nothing is done."""
    with process(tmp_path, document()) as served, pytest.raises(ActionError) as refused:
        act(served, **given)
    assert refused.value.status == status


def run(folder: Path, *words: str) -> Result:
    """Return what the command prints where no server runs."""
    return CliRunner().invoke(cli, ["effects", *words, "--file", str(folder / "routes.yaml")])


def test_without_a_server_the_folder_is_worked_on(tmp_path: Path, answers: dict[str, int]) -> None:
    """List, show, retry and export do the same there; an unknown id is exit code 1."""
    answers["a"] = 400
    with process(tmp_path, document(), responding(answers)) as served:
        served.sign_up("a")
        served.settle(dead=1)
    listing = run(tmp_path, "list", "--state", "dead")
    assert (listing.exit_code, "welcome" in listing.output) == (0, True)
    (line,) = run(tmp_path, "list", "--json").output.splitlines()
    found = json.loads(line)["id"]
    assert json.loads(run(tmp_path, "show", found, "--json").output)["request"]["body"] == '{"to":"a"}'
    assert json.loads(run(tmp_path, "export").output)["request"]["target"] == "/send"
    assert json.loads(run(tmp_path, "retry", found, "--json").output) == {"retry": 1}
    nothing = run(tmp_path, "list", "--name", "told")
    assert (nothing.exit_code, "No such effect is kept" in nothing.output, "told.mail" in nothing.output) == (
        0,
        True,
        True,
    )
    assert run(tmp_path, "show", "unknown").exit_code == 1
    assert run(tmp_path, "show").exit_code == 2
    patient = document(durable="max: {age: 30000d}")
    with process(tmp_path, patient, now=START + 2e9) as served:  # the command went by the clock of the machine
        served.settle(sent=1)


@pytest.mark.parametrize("order", [["list"], ["discard", "--state", "dead"]])
def test_the_command_leaves_a_file_that_it_cannot_read_where_it_is(tmp_path: Path, order: list[str]) -> None:
    """Of a later version, say: the server that knows it finds it there."""
    file = tmp_path / "state" / "effects.db"
    with process(tmp_path, document()):
        pass
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version=99")
    refused = run(tmp_path, *order)
    assert (refused.exit_code, "it is of version 99" in refused.output) == (1, True)
    assert not [*file.parent.glob("*broken*")]


def test_an_export_opens_the_folder_once_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what each of them sends."""
    with process(tmp_path, document()):
        pass
    opened: list[Path] = []
    made = EffectsInFile.__init__

    def counted(self: EffectsInFile, folder: Path, *words: Any, **options: Any) -> None:
        opened.append(folder)
        made(self, folder, *words, **options)

    async def put() -> None:
        store = EffectsInFile(tmp_path / "state", "normal")
        await store.put_all([[record(number) for number in range(120)]], Bounds(1000, 10**6))
        await store.aclose()

    asyncio.run(put())
    monkeypatch.setattr(EffectsInFile, "__init__", counted)
    lines = run(tmp_path, "export").output.splitlines()
    assert [json.loads(line)["request"]["body"] for line in lines] == [str(number) for number in range(120)]
    assert len(opened) <= 4


@pytest.mark.parametrize("order", [["list", "--json"], ["export"]])
def test_what_is_printed_is_utf_8(tmp_path: Path, answers: dict[str, int], order: list[str]) -> None:
    """People search it for what they know."""
    answers["Jörg"] = 400
    with process(tmp_path, document(), responding(answers)) as served:
        served.sign_up("Jörg")
        served.settle(dead=1)
    assert ("Jörg" in run(tmp_path, *order).output) == (order == ["export"])
    assert "\\u" not in run(tmp_path, *order).output


def test_an_export_leaves_out_what_has_gone_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the list of it and a look at all of it."""
    with process(tmp_path, document()) as served:
        served.sign_up("a", "b")
        served.settle(sent=2)
        gone = str(listed(served)[0]["id"])
    show = EffectsInFile.show

    async def shown(self: EffectsInFile, id_: str) -> dict[str, Any] | None:
        return None if id_ == gone else await show(self, id_)

    monkeypatch.setattr(EffectsInFile, "show", shown)
    (line,) = run(tmp_path, "export").output.splitlines()
    assert json.loads(line)["request"]["body"] == '{"to":"b"}'


def test_orders_are_counted(tmp_path: Path, answers: dict[str, int]) -> None:
    """By what they were, and how many effects they were for."""
    with process(tmp_path, document(), responding(answers)) as served:
        served.sign_up("a", "b")
        served.settle(sent=2)
        act(served, order="replay", name="welcome")
        served.until(lambda: len(served.requests) == 4)
        (orders,) = [samples for family, samples in sample_effects(served.app.running) if family is EFFECT_ORDERS]
    assert {labels: count for labels, count in orders if count} == {'order="replay"': 2}


@pytest.mark.parametrize("filler", [0, 1015])
def test_a_secret_that_was_rotated_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filler: int
) -> None:  # fmt: skip
    """An answer that repeats it is kept without it, also where it is cut there; what is sent is shown without it."""
    monkeypatch.setenv("HOOK", "canary-of-old")
    text = document(call="headers: {x-sent: 'key ${HOOK}'}")
    with process(tmp_path, text, lambda one: httpx.Response(400, text=f"{'.' * filler} {one.headers['x-sent']}")) as it:
        it.sign_up("a")
        it.settle(dead=1)
        (kept,) = it.run(it.outbox.ask(lambda store: store.find(Filter())))
        assert kept["last"]["body"].startswith("." * filler + " key *")
        assert "cana" not in str(kept)
        running = it.app.running
        it.outbox.configure(running.plan.background, running.generation.deliveries, ["canary-of-new"])
        (shown,) = listed(it, id=kept["id"])
        assert "canary" not in str(shown)
        assert "key ********" in str(shown)


def test_without_a_server_secrets_of_the_file_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream whose answer repeats what it was sent: neither by `list`, `show` nor `export`."""
    monkeypatch.setenv("HOOK", "canary-of-a-hook")
    text = document().replace("mail.test/base", "mail.test/${HOOK}")
    with process(tmp_path, text, lambda one: httpx.Response(400, text=f"no {one.url}")) as served:
        served.sign_up("a")
        served.settle(dead=1)
    listing = run(tmp_path, "list", "--json").output
    shown = [listing, run(tmp_path, "list").output, run(tmp_path, "export").output]
    shown.append(run(tmp_path, "show", json.loads(listing)["id"]).output)
    assert ["canary" in one for one in shown] == [False] * 4
    assert "no http://mail.test/" in listing
