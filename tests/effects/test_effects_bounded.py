"""What happens when effects cannot be kept: too many, a broken disk, a file that is corrupt or gone."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import httpx
import pytest

from aggregator.errors import StoreError
from aggregator.stores.effects import keeping
from aggregator.stores.effects.contract import Bounds, Filter
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.table import EffectTable
from tests.effects.conftest import Application, document, down, process, record, with_call
from tests.policies.conftest import START

MANY = Bounds(1000, 10**9)


def test_beyond_the_bound_requests_are_refused_before_their_calls(tmp_path: Path) -> None:
    """The third is refused, and nothing is called for it."""
    with process(tmp_path, with_call(document(durable="max: {count: 2}")), down) as served:
        statuses = served.sign_up("a", "b", "c")
        assert statuses == [200, 200, 503]
        assert sum(request.url.host == "users.test" for request in served.requests) == 2
        answer = served.post(json={})
        assert "too many wait" in answer.json()["detail"]
        assert answer.headers["retry-after"]


def called(served: Application) -> int:
    """Return how many calls were made before an answer."""
    return sum(request.url.host == "users.test" for request in served.requests)


def test_one_that_is_too_large_is_found_after_its_calls(tmp_path: Path) -> None:
    """Its answer says that they were made; how large others are is not concluded from it."""
    with process(tmp_path, with_call(document(durable="max: {bytes: 10KiB}")), down) as served:
        assert served.sign_up("a" * 4000, "b" * 4000) == [200, 200]
        answer = served.post(json={"email": "c" * 4000})
        assert (answer.status_code, called(served)) == (503, 3)
        assert answer.json()["detail"].startswith("The calls of this request were made")
        assert answer.json()["cause"] == "state_unavailable"
        assert served.sign_up("d", "e") == [200, 200]


def test_where_no_calls_were_made_none_are_told(tmp_path: Path) -> None:
    """An endpoint may answer without any."""
    with process(tmp_path, document(durable="max: {bytes: 10KiB}"), down) as served:
        answer = served.post(json={"email": "c" * 11000})
        assert answer.json()["detail"] == "There is no room for what follows the answer."


def test_a_request_that_is_refused_has_a_cause(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In its answer and in the log alike, before its calls and after them; other failures have theirs."""
    caplog.set_level("INFO")
    with process(tmp_path, with_call(document(durable="max: {bytes: 10KiB}")), down) as served:
        assert served.sign_up("a" * 11000) == [503]
        assert served.sign_up("a" * 5000, "b" * 4300) == [200, 200]
        assert served.post(json={"email": "c"}).json()["cause"] == "state_unavailable"
    told = [record.fields for record in caplog.records if record.name == "aggregator.request"]  # type: ignore[attr-defined]
    assert [one["cause"] for one in told if one["status"] == 503] == ["state_unavailable"] * 2


def test_with_no_bytes_left_for_the_smallest_requests_are_refused_before_their_calls(tmp_path: Path) -> None:
    """An effect of which nothing is sent takes room, too; once there is some again they are tried."""
    with process(tmp_path, with_call(document(durable="max: {bytes: 10KiB}")), down) as served:
        assert served.sign_up("a" * 5000, "b" * 4300) == [200, 200]
        assert "too much room" in served.post(json={"email": "c"}).json()["detail"]
        assert called(served) == 2
        served.run(served.outbox.ask(lambda store: store.order("discard", Filter(), served.now)))
        assert served.sign_up("d" * 4000) == [200]


def test_the_first_that_does_not_fit_is_refused_before_its_calls(tmp_path: Path) -> None:
    """A request that leads to two needs room for two, from the first on."""
    text = with_call(document(durable="max: {count: 1}"))
    text += "      - {name: push, durable: true, url: POST mail:/push, json: {}}\n"
    with process(tmp_path, text, down) as served:
        assert served.sign_up("a") == [503]
        assert (called(served), served.outbox.kept.number) == (0, 0)


FRIENDS = with_call(document(durable="max: {count: 5}", call='for_each: "{{ response.body.friends }}"')).replace(
    "url: users:/users", 'url: users:/users, json: "{{ body }}"'
)
"""A file whose requests lead to as many effects as their call says."""


def friends(request: httpx.Request) -> httpx.Response:
    """Answer mails, and how many friends somebody has."""
    number = 6 if b"popular" in request.content else 1
    return httpx.Response(200, json={"friends": ["f"] * number})


def test_one_that_can_never_fit_refuses_no_other(tmp_path: Path) -> None:
    """Six effects are more than may be kept; a request that is no smaller, and leads to one, is tried and kept."""
    with process(tmp_path, FRIENDS, friends) as served:
        for _ in range(2):
            answer = served.post(json={"who": "popular", "email": "a"})
            assert answer.status_code == 503
            told = "The calls of this request were made, and there is no room for what follows them."
            assert answer.json()["detail"] == told
            assert served.post(json={"who": "ann", "email": "a" * 100}).status_code == 200
        served.settle(sent=2)


def test_what_a_small_request_has_led_to_decides_for_no_larger_one(tmp_path: Path) -> None:
    """Six of a short list are kept; one of a longer body has a place, and gets it. When all are taken none is tried."""
    text = with_call(document(durable="max: {count: 7}", call='for_each: "{{ body.all }}"'))
    text = text.replace('{to: "{{ body.email }}"}', '{to: "{{ item }}"}')
    with process(tmp_path, text, down) as served:
        lists = (["x"] * 6, ["x"] * 2, ["somebody@with-a-long-address.example"], ["x"])
        statuses = [served.post(json={"all": some}).status_code for some in lists]
        assert (statuses, called(served)) == ([200, 503, 200, 503], 3)
        assert served.outbox.kept.number == 7


def test_what_was_sent_makes_room(tmp_path: Path) -> None:
    """Those that were delivered are let go first."""
    with process(tmp_path, document(durable="max: {count: 2}")) as served:
        for name in "abcde":
            assert served.sign_up(name) == [201]
            served.until(lambda: not served.counts().get("waiting") and not served.counts().get("leased"))
        assert served.counts() == {"sent": 2}


def test_with_drop_the_answer_is_given(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The effect is dropped, which is counted and told."""
    with process(tmp_path, document(durable="max: {count: 1}, full: drop"), down) as served:
        assert served.sign_up("a", "b") == [201, 201]
        assert served.outbox.ends["dropped"] == 1
    assert "A durable effect was dropped" in caplog.text


def test_with_memory_it_is_made_as_one_that_is_not_durable(tmp_path: Path) -> None:
    """It is sent once, from the queue of the process."""
    with process(tmp_path, document(durable="max: {count: 1}, full: memory"), down) as served:
        assert served.sign_up("a", "b") == [201, 201]
        served.until(lambda: served.app.running.queue.counts.failed == 1)


def test_a_write_that_fails_afterwards_says_that_calls_were_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first request meets the broken disk, those after it are refused at once; then it is well again."""
    with process(tmp_path, with_call(document()), down) as served:
        put_all = keeping.put_all

        def broken(*_: object) -> list[bool]:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(keeping, "put_all", broken)
        monkeypatch.setattr(EffectTable, "probe", broken)
        answer = served.post(json={})
        assert (answer.status_code, answer.json()["detail"].startswith("The calls of this request were made")) == (
            503, True,
        )  # fmt: skip
        assert "disk cannot be written" in served.post(json={}).json()["detail"]
        assert "Durable effects cannot be written" in caplog.text
        monkeypatch.setattr(keeping, "put_all", put_all)
        monkeypatch.setattr(EffectTable, "probe", lambda _: None)
        served.until(lambda: served.outbox.trouble is None)
        assert served.sign_up("a") == [200]


def test_a_corrupt_file_is_put_aside_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is never overwritten; a new one is begun."""
    file = tmp_path / "state" / "effects.db"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(b"this is no database " * 500)
    with process(tmp_path, document()) as served:
        served.sign_up("a")
        served.settle(sent=1)
    assert "put aside" in caplog.text
    assert file.with_name("effects.db.broken1").read_bytes().startswith(b"this is no database")


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """It is put aside as it is, and not written."""
    file = tmp_path / "state" / "effects.db"
    file.parent.mkdir(mode=0o700)
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with process(tmp_path, document()):
        aside = sqlite3.connect(file.with_name("effects.db.broken1"))
        assert aside.execute("PRAGMA user_version").fetchone() == (99,)
        aside.close()


def test_a_file_that_is_deleted_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The next write fails, be it of a request or of deliveries, and is told; what is accepted is in a new file."""
    with process(tmp_path, document(), down) as served:
        served.sign_up("a")
        (tmp_path / "state" / "effects.db").unlink()
        statuses = served.sign_up("b")
        served.until(lambda: served.outbox.trouble is None)
        statuses += served.sign_up("c")
        assert statuses in ([503, 201], [201, 201])
        assert served.outbox.kept.number == statuses.count(201)
        assert (tmp_path / "state" / "effects.db").exists()
    assert "Durable effects cannot be written" in caplog.text


def test_what_is_written_to_a_deleted_file_is_not_kept(tmp_path: Path) -> None:
    """The write fails that finds it gone, the next one goes to a new file."""

    async def run() -> int:
        store = EffectsInFile(tmp_path, "normal")
        await store.put_all([[record(0)]], MANY)
        (tmp_path / "effects.db").unlink()
        with pytest.raises(StoreError, match="deleted or replaced"):
            await store.put_all([[record(1)]], MANY)
        assert await store.put_all([[record(2)]], MANY) == [True]
        await store.aclose()
        return store.kept.number

    assert asyncio.run(run()) == 1


def test_one_that_waits_too_long_is_dead(tmp_path: Path) -> None:
    """Beyond `max.age` it is given up, which counts as dead, and after `keep_dead` forgotten."""
    text = document(durable="max: {age: 1h}, keep_dead: 1d", call="delay: 20d")
    with process(tmp_path, text, down) as served:
        served.sign_up("a")
        served.now += 3700
        served.settle(dead=1)
        served.until(lambda: served.outbox.ends["dead"] == 1)
        served.now += 86500
        served.until(lambda: served.outbox.kept.number == 0)


def test_what_was_sent_is_forgotten_after_its_time(tmp_path: Path) -> None:
    """It is a ledger for as long as the file says."""
    with process(tmp_path, document(durable="keep_sent: 1h")) as served:
        served.sign_up("a")
        served.settle(sent=1)
        served.now = START + 3700
        served.until(lambda: served.outbox.kept.number == 0)


def test_a_stream_keeps_what_follows_it(tmp_path: Path) -> None:
    """It is written once the stream has ended."""
    text = with_call(document(moment="accepted")).replace("    body: {type: object}\n", "    stream: true\n")
    text = text.replace('{to: "{{ body.email }}"}', '{to: "{{ response.status }}"}')
    with process(tmp_path, text, lambda _: httpx.Response(200, text="piece")) as served:
        assert served.post().text == "piece"
        served.settle(sent=1)
        assert served.requests[-1].content == b'{"to":200}'
