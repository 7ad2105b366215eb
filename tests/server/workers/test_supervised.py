"""A supervisor with workers that a test plays: what it orders of them, and what it tells."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from aggregator.errors import ServingError, StartupError
from aggregator.server.workers.messages import (
    Commit,
    Drop,
    Failed,
    Go,
    Imported,
    Look,
    Made,
    Message,
    Prepare,
    Reopen,
    Stop,
    Switched,
    TakeOver,
)
from tests.server.workers.played import Played, serves
from tests.server.workers.supervised import Supervised

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

Supervise = Callable[..., Supervised]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Return what was logged, each sentence with its fields."""
    return [(record.getMessage(), record.fields) for record in caplog.records]  # type: ignore[attr-defined]


def test_all_serve_and_all_stop(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    """Who starts is greeted once both serve; at a signal each is told to stop, and nobody listens any more."""

    async def script(running: Supervised) -> None:
        assert await running.greets() == [[Switched(()), Go()], [Switched(()), Go()]]
        running.stop()
        assert await running.heard(Stop) == [[Stop()], [Stop()]]
        assert [listener.socket.fileno() for listener in running.listeners] == [-1]
        for one in running.players.all:
            running.players.end(one, 0)

    running = supervise(script)
    assert (running.run(), running.greeted, running.reloads) == (0, [2], [])
    assert running.players.said == ["stop", "close", "close"]
    assert told(caplog) == [
        ("A worker serves.", {"pid": 101}),
        ("A worker serves.", {"pid": 102}),
        ("The workers stop.", {"workers": 2}),
        ("A worker has stopped.", {"pid": 101}),
        ("A worker has stopped.", {"pid": 102}),
        ("All workers have stopped.", {}),
    ]


def test_a_start_of_which_nobody_serves_has_failed(supervise: Supervise) -> None:
    """The reason is that of the third one."""

    async def script(running: Supervised) -> None:
        for number in range(3):
            one = await running.until(lambda number=number: running.players.all[number:])  # type: ignore[misc]
            await asyncio.sleep(0)
            running.players.end(one[0], number)

    running = supervise(script, lambda _: None)
    with pytest.raises(StartupError) as raised:
        running.run()
    assert (str(raised.value), running.greeted) == ("ended with 2", [])


def answering(problem: str = "", digest: str = "") -> Callable[[Supervised], Coroutine[Any, Any, list[list[Message]]]]:
    """Return what has the first worker answer with a *problem* or another *digest* what the second has made."""

    async def answer(running: Supervised) -> list[list[Message]]:
        heard = await running.heard(Prepare)
        for messages, one in zip(heard, running.players.all, strict=True):
            (order,) = (message for message in messages if isinstance(message, Prepare))
            is_first = one is running.players.all[0]
            made = Made(problem=problem) if is_first and problem else Made((is_first and digest) or order.digest)
            one.tell(Imported(), made)
        return heard

    return answer


def test_a_reload_is_prepared_by_all_and_served_on_one_word(
    supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    """By what makes workers, too: the next one is of it."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        heard = await answering()(running)
        fresh = cast("Prepare", heard[0][0]).digest
        assert (heard, fresh != running.digest) == ([[Prepare(fresh)]] * 2, True)
        assert await running.heard(Commit) == [[Commit(2)]] * 2
        await running.until(lambda: running.reloads)
        assert running.reloads == [(fresh[:8], 2, "swapped: 1 endpoints")]
        assert running.players.said == [("prepare", fresh), ("commit", 2)]
        running.players.end(running.players.all[0], 1)
        third = await running.until(lambda: running.players.all[2:])
        assert (third[0].order.seat, third[0].order.generation) == (2, 2)
        await running.until(lambda: len(running.supervisor.crew.serving) == 2)
        await running.end()

    assert supervise(script).run() == 0
    (served,) = [fields for sentence, fields in told(caplog) if sentence == "All workers serve the new configuration."]
    assert (served["generation"], served["endpoints"], served["workers"]) == (2, 1, 2)


def test_nobody_serves_what_one_cannot(supervise: Supervise) -> None:
    """All give up what they had made, and the words name who could not, and why."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        await answering("no room")(running)
        assert await running.heard(Drop) == [[Drop()]] * 2
        await running.until(lambda: running.reloads)
        words = "refused: Nobody serves it, since worker 101 cannot: no room"
        assert running.reloads == [(running.digest[:8], 1, words)]
        assert running.players.said[1:] == ["drop"]
        await running.end()

    assert supervise(script).run() == 0


def test_files_that_change_while_all_load_them_are_loaded_again(supervise: Supervise) -> None:
    """Three times; then they are refused, in words that say so."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(3):
            await answering(digest="of other texts")(running)
        await running.until(lambda: running.reloads)
        assert running.reloads == [(running.digest[:8], 1, "refused: The files change while they are loaded.")]
        assert [said for said in running.players.said if said == "drop"] == ["drop"] * 3
        await running.end()

    assert supervise(script).run() == 0


NOWHERE = (
    "`idempotency` of several workers needs a place where all keep their answers: `state`, or "
    "`server: {idempotency: {store: shared}}` with a `store`."
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "version: 1\nendpoints: {}\n",
            "It declares no endpoint any more, as a file does that is still being written.",
        ),
        (
            "version: 1\nendpoints: {POST /n: {idempotency: {}, respond: {body: 1}}}\n",
            NOWHERE,
        ),
    ],
)
def test_what_the_supervisor_refuses_no_worker_hears_of(supervise: Supervise, text: str, why: str) -> None:
    """Nor of files with problems."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.path.write_text(text)
        os.kill(os.getpid(), signal.SIGHUP)
        await running.until(lambda: running.reloads)
        assert running.reloads == [(running.digest[:8], 1, f"refused: {why}")]
        assert (await running.heard(), running.players.said) == ([[], []], [])
        await running.end()

    assert supervise(script).run() == 0


def test_a_reload_that_changes_nothing_looks_at_plug_ins(
    supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has imported an older one is replaced, one after another; nobody is told of a reload."""

    async def script(running: Supervised) -> None:
        await running.greets()
        os.kill(os.getpid(), signal.SIGHUP)
        assert await running.heard(Look) == [[Look()]] * 2
        running.players.all[0].tell(Imported(("b.py", "a.py"), ("b",)))
        running.players.all[1].tell(Imported(("a.py",)))
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [102, 103])
        running.players.end(running.players.all[0], 0)
        await running.end()

    running = supervise(script)
    assert (running.run(), running.reloads) == (0, [])
    sentence = "Plug-ins have changed; who has imported them is replaced, one after another."
    assert (sentence, {"plugins": ["b"], "workers": 1}) in told(caplog)


def test_one_whose_plug_ins_are_older_keeps_what_it_serves_until_it_is_replaced(supervise: Supervise) -> None:
    """It is no hindrance for the others, which serve what is new."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        heard = await running.heard(Prepare)
        fresh = cast("Prepare", heard[0][0]).digest
        running.players.all[0].tell(Imported(("b.py",), ("b",)), Made(problem="it has another one"))
        running.players.all[1].tell(Imported(), Made(fresh))
        first, second = await running.heard(Drop, Commit)
        assert (first[0], second) == (Drop(), [Commit(2)])
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [102, 103])
        running.players.end(running.players.all[0], 0)
        await running.end()

    assert supervise(script).run() == 0


def test_the_log_is_opened_again_by_all(supervise: Supervise) -> None:
    """By the supervisor and by each worker."""

    async def script(running: Supervised) -> None:
        await running.greets()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert await running.heard(Reopen) == [[Reopen()]] * 2
        assert running.reopened == [1]
        await running.end()

    assert supervise(script).run() == 0


def test_workers_are_replaced_at_a_signal_one_by_one(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    """What ends others take over; what they tell once they were told to stop is an end as it is to be."""

    async def script(running: Supervised) -> None:
        await running.greets()
        os.kill(os.getpid(), signal.SIGUSR2)
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [102, 103])
        running.players.end(running.players.all[0], 0)
        second: list[Message] = []
        await running.until(lambda: second.extend(running.players.all[1].heard()) or TakeOver() in second)
        await running.until(lambda: len(running.players.all) == 4)
        serves(running.players.all[3])
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [103, 104])
        await running.end()

    def all_but_the_last(one: Played) -> None:
        if one.pid < 104:
            serves(one)

    assert supervise(script, all_but_the_last).run() == 0
    said = told(caplog)
    assert ("The workers are replaced, one after another.", {"workers": 2}) in said
    assert said.count(("A worker has stopped.", {"pid": 101})) == 1


def test_without_its_maker_everything_stops(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    """No worker could be replaced any more; it is an end that has failed."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.lose()
        await running.heard(Stop)
        for one in running.players.all:
            one.close()

    with pytest.raises(ServingError, match=r"^The fork server has gone\.$"):
        supervise(script).run()
    sentence = "The fork server has gone, so no worker can be replaced; everything stops."
    assert [one for one in told(caplog) if one[0] == sentence] == [(sentence, {})]


def test_the_last_words_of_a_worker_are_the_reason_of_its_end(supervise: Supervise) -> None:
    """The exit of its process may be reported before what it has told was read."""

    def fails(one: Played) -> None:
        one.tell(Failed("No module named 'x'."))
        asyncio.get_running_loop().call_soon(running.players.end, one, 3)

    async def script(_: Supervised) -> None: ...

    running: Supervised = supervise(script, fails)
    with pytest.raises(StartupError, match=r"^No module named 'x'\.$"):
        running.run()
