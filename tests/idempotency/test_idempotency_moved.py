"""Where answers by key are kept changes with the configuration that is served, and no claim is lost by that."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from aggregator.runtime.idempotent.answers import IdempotentAnswers, subject_of
from aggregator.server.generations.reload import Verdict
from aggregator.stores.answers.kept import AnswersInFile, AnswersInMemory, forget_left
from aggregator.stores.answers.table import Held
from tests.policies.conftest import Served

FILE = """
{more}
upstreams: {{pay: {{url: 'http://pay.test'}}}}
endpoints:
  POST /pay:
    idempotency: {{}}
    call: {{method: POST, url: "pay:/", body: forward}}
"""
IN_A_FOLDER = FILE.format(more="state: ./state")
IN_A_SERVER = FILE.format(more="store: unix:///nowhere/s\nserver: {idempotency: {store: shared}}")


def pay(served: Served, key: str = "k") -> httpx.Response:
    """Return the answer to a payment under *key*."""
    answer: httpx.Response = served.run(served.ask("POST", "/pay", content="1", headers={"idempotency-key": key}))
    return answer


def is_replayed(answer: httpx.Response) -> bool:
    """Return whether *answer* is one that was kept."""
    assert answer.status_code == 200
    return "idempotency-replayed" in answer.headers


async def moved(answers: IdempotentAnswers, folder: Path | None) -> None:
    """Move *answers* to *folder*, or to memory."""
    opened = await answers.opened(folder)
    assert opened is not None
    answers.move(folder, opened)


def test_a_key_stays_claimed_when_the_place_changes(tmp_path: Path) -> None:
    """Until its answer is there; it is kept where it was claimed, and the new place begins empty."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    async def main() -> None:
        answers = IdempotentAnswers()
        await moved(answers, tmp_path / "a")
        token = await answers.claim(b"k", b"r", 60)
        assert isinstance(token, int)
        await moved(answers, tmp_path / "b")
        held = await answers.claim(b"k", b"r", 60)
        assert isinstance(held, Held)
        assert (held.request, held.value) == (b"r", None)
        await answers.keep(b"k", token, b"value", 60)
        assert isinstance(await answers.claim(b"k", b"r", 60), int)
        await answers.aclose()
        left = AnswersInFile(tmp_path / "a")
        kept = await left.claim(b"k", b"r", 60)
        await left.aclose()
        assert isinstance(kept, Held)
        assert kept.value == b"value"

    asyncio.run(main())


def test_what_was_left_in_a_folder_is_forgotten(tmp_path: Path) -> None:
    """With what is kept in the place of now."""

    async def main() -> None:
        answers = IdempotentAnswers()
        answers.folder = tmp_path
        assert await answers.forget("ann") == 0
        await moved(answers, tmp_path)
        for key in (b"k", b"l"):
            token = await answers.claim(key, b"r", 60, subject_of("ann"))
            assert isinstance(token, int)
            await answers.keep(key, token, b"value", 60)
            if key == b"k":
                await moved(answers, None)
        assert await answers.forget("ann") == 2
        await answers.aclose()

    asyncio.run(main())


def test_nothing_is_made_to_forget_in_a_folder(tmp_path: Path) -> None:
    """One in which nothing was left stays as it is."""
    assert asyncio.run(forget_left(tmp_path, b"s")) == 0
    assert not list(tmp_path.iterdir())


class Slow(AnswersInMemory):
    """Answers whose claims wait for a word; it tells when it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go, self.is_closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Wait, and claim."""
        self.asked.set()
        await self.go.wait()
        return await super().claim(key, request, lifetime, subject)

    async def aclose(self) -> None:
        """Close it, and tell."""
        await super().aclose()
        self.is_closed.set()


def test_a_claim_that_is_being_made_is_one_when_the_place_changes() -> None:
    """The key is under way in the new place, and the old one is open until it is given back, and closed then."""

    async def main() -> None:
        answers, slow = IdempotentAnswers(), Slow()
        answers.move(Path("slow"), slow)
        making = asyncio.create_task(answers.claim(b"k", b"r", 60))
        await slow.asked.wait()
        await moved(answers, None)
        assert isinstance(await answers.claim(b"k", b"r", 60), Held)
        slow.go.set()
        token = await making
        assert isinstance(token, int)
        assert not slow.is_closed.is_set()
        await answers.release(b"k", token)
        await slow.is_closed.wait()
        assert isinstance(await answers.claim(b"k", b"r", 60), int)
        await answers.aclose()

    asyncio.run(main())


def test_a_refused_reload_moves_nothing(tmp_path: Path) -> None:
    """What was answered is known still, and the server that the file names is not asked."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('no')\n")
    served = Served(tmp_path, IN_A_FOLDER)
    try:
        assert not is_replayed(pay(served))
        assert served.reload("plugins: [broken]\nstate: ./state" + IN_A_SERVER).verdict is Verdict.REFUSED
        assert is_replayed(pay(served))
        assert not is_replayed(pay(served, "other"))
    finally:
        served.close()


def test_a_refused_reload_opens_no_store_of_effects(tmp_path: Path) -> None:
    """What waits there is not delivered by who serves another file, and its own effects are not kept there."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('no')\n")
    durable = "store: unix:///nowhere/s\nbackground: {durable: {store: shared}}\nplugins: [broken]"
    served = Served(tmp_path, FILE.format(more=""))
    try:
        assert served.reload(FILE.format(more=durable)).verdict is Verdict.REFUSED
        assert not served.app.running.outbox.is_open
        (tmp_path / "broken.py").write_text("")
        assert served.reload(FILE.format(more=durable)).verdict is Verdict.SWAPPED
        assert served.app.running.outbox.is_open
    finally:
        served.close()


def test_a_reload_that_is_dropped_moves_nothing(tmp_path: Path) -> None:
    """As of a worker, when another one cannot prepare it."""
    served = Served(tmp_path, IN_A_FOLDER)
    try:
        assert not is_replayed(pay(served))
        served.path.write_text(f"version: 1\nstate: ./state{IN_A_SERVER}")

        async def prepared_and_dropped() -> None:
            prepared = await served.app.running.prepare()
            assert (await served.ask("POST", "/pay", content="1", headers={"idempotency-key": "k"})).status_code == 200
            served.app.running.drop(prepared)

        served.run(prepared_and_dropped())
        assert is_replayed(pay(served))
    finally:
        served.close()


def test_answers_leave_the_server_that_the_file_names_no_more(tmp_path: Path) -> None:
    """They are in memory from then on, as `check` says."""
    served = Served(tmp_path, IN_A_SERVER)
    try:
        assert pay(served).status_code == 503
        assert served.reload(FILE.format(more="")).verdict is Verdict.SWAPPED
        assert [is_replayed(pay(served)) for _ in range(2)] == [False, True]
    finally:
        served.close()
