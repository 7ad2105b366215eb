"""What each request with a key comes to, with its whole answer, and how often that was, by its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller
from aggregator.policies.idempotency.plan import IdempotencyPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.idempotent.answers import IdempotentAnswers
from aggregator.runtime.idempotent.serving import REPLAYED, Idempotency
from aggregator.stores.answers.kept import AnswersInMemory
from aggregator.stores.answers.table import Held
from aggregator.templates import compile_value

NOW = 1000.0
TYPE = (b"content-type", b"a/b")


class Maker:
    """Makes answers with *status*, one after another; it waits for *go* first, where there is one."""

    def __init__(self, status: int = 201) -> None:
        self.status = status
        self.count = 0
        self.go: asyncio.Event | None = None
        self.begun = asyncio.Event()

    async def made(self, _: Exchange, __: Any) -> tuple[Answer, None]:
        """Return the next answer."""
        self.count += 1
        count = self.count
        self.begun.set()
        if self.go is not None:
            await self.go.wait()
        if not self.status:
            raise RuntimeError("a fault")
        return Answer(self.status, [TYPE], b"%d" % count), None


class Failing(AnswersInMemory):
    """A store that fails."""

    async def claim(self, *_: Any) -> Held | int:
        """Raise ``StoreError``."""
        raise StoreError("It cannot be reached.")


class Unreadable(AnswersInMemory):
    """A store with answers that another version of the program wrote."""

    async def claim(self, _: bytes, request: bytes, *__: Any) -> Held | int:
        """Return what nobody can read."""
        return Held(request, b"?", 60.0)


def request(key: str = "k", *, body: bytes = b"1", caller: str = "") -> Exchange:
    """Return a request with *key*."""
    made = Exchange("POST", "/pay", b"", [(b"idempotency-key", key.encode())] if key else [])
    made.body = body
    made.caller = Caller("keys", caller) if caller else None
    return made


Told = Callable[..., Awaitable[tuple[int, bytes, bytes | None]]]


def serving(
    maker: Maker, answers: IdempotentAnswers, *, required: bool = True, key: str = "{{ headers['idempotency-key'] }}"
) -> Told:
    """Return a function request → status, body and how long to wait; a problem is told by its cause."""
    served = Idempotency(IdempotencyPlan(compile_value(key), 60.0, required), answers, ("POST", "/pay"), 20.0)

    async def ask(exchange: Exchange) -> tuple[int, bytes, bytes | None]:
        answer, _ = await served.serve(maker, exchange, asyncio.Future)  # type: ignore[arg-type]
        cause = answer.problem.cause if answer.problem is not None else None
        body = answer.body if cause is None else cause.encode()
        wait = [value for name, value in answer.headers if name == b"retry-after"]
        return answer.status, body + (b" again" if REPLAYED in answer.headers else b""), wait[0] if wait else None

    return ask


def test_a_repeat_gets_what_the_first_one_got() -> None:
    """It is counted apart; another caller, or another key, has an answer of its own, and another body is refused."""
    answers, maker = IdempotentAnswers(lambda: NOW), Maker()
    ask = serving(maker, answers)

    async def main() -> list[tuple[int, bytes, bytes | None]]:
        asked = [request(), request(), request(), request("other"), request(caller="ada"), request(body=b"2"), request(body=b"2"),
                 request(""), request("")]  # fmt: skip
        return [await ask(one) for one in asked]

    assert asyncio.run(main()) == [
        (201, b"1", None), (201, b"1 again", None), (201, b"1 again", None), (201, b"2", None), (201, b"3", None),
        (422, b"key_reused", None), (422, b"key_reused", None), (400, b"key_missing", None), (400, b"key_missing", None),
    ]  # fmt: skip
    assert answers.ends == {"made": 3, "replayed": 2, "key_reused": 2, "key_missing": 2}


def test_one_that_is_under_way_is_not_made_twice() -> None:
    """Who comes meanwhile is told to wait, for a second at most."""
    answers, maker = IdempotentAnswers(lambda: NOW), Maker()
    ask = serving(maker, answers)

    async def main() -> None:
        maker.go = asyncio.Event()
        first = asyncio.ensure_future(ask(request()))
        await maker.begun.wait()
        assert [await ask(request()) for _ in range(2)] == [(409, b"under_way", b"1")] * 2
        maker.go.set()
        assert await first == (201, b"1", None)
        assert await ask(request()) == (201, b"1 again", None)

    asyncio.run(main())
    assert answers.ends == {"made": 1, "under_way": 2, "replayed": 1}


@pytest.mark.parametrize(("status", "is_kept"), [(499, True), (500, False), (599, False)])
def test_a_failure_of_ours_is_no_answer(status: int, is_kept: bool) -> None:
    """A repeat of it makes the calls again; whatever is less is kept."""
    answers, maker = IdempotentAnswers(lambda: NOW), Maker(status)
    ask = serving(maker, answers)

    async def main() -> list[tuple[int, bytes, bytes | None]]:
        return [await ask(request()) for _ in range(2)]

    assert asyncio.run(main()) == [(status, b"1", None), (status, b"1 again" if is_kept else b"2", None)]
    assert answers.ends == ({"made": 1, "replayed": 1} if is_kept else {"made": 2})


def test_a_fault_leaves_no_claim() -> None:
    """Who comes again makes the answer."""
    answers, maker = IdempotentAnswers(lambda: NOW), Maker(0)
    ask = serving(maker, answers)

    async def main() -> tuple[int, bytes, bytes | None]:
        with pytest.raises(RuntimeError):
            await ask(request())
        maker.status = 200
        return await ask(request())

    assert asyncio.run(main()) == (200, b"2", None)
    assert answers.ends == {"made": 2}


@pytest.mark.parametrize(("store", "lines"), [(Failing, 0), (Unreadable, 1)])
def test_nothing_is_made_where_nobody_knows_what_was(
    store: type[AnswersInMemory], lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused, to be asked again in five seconds; one that cannot be read is logged."""
    answers, maker = IdempotentAnswers(lambda: NOW), Maker()
    ask = serving(maker, answers)

    async def main() -> list[tuple[int, bytes, bytes | None]]:
        answers.move(None, store(lambda: NOW))
        return [await ask(request()) for _ in range(2)]

    assert asyncio.run(main()) == [(503, b"state_unavailable", b"5")] * 2
    assert (answers.ends, maker.count) == ({"state_unavailable": 2}, 0)
    assert caplog.messages == ["A kept answer cannot be read: repeats of its request get 503."] * 2 * lines


def test_without_a_key_each_is_made_where_none_is_needed() -> None:
    """Nothing of it is counted; one that cannot be made is the mistake of who sent it."""
    answers, maker = IdempotentAnswers(lambda: NOW), Maker()
    ask = serving(maker, answers, required=False)
    wrong = serving(maker, answers, key="{{ headers['idempotency-key'] + 1 }}")

    async def main() -> list[tuple[int, bytes, bytes | None]]:
        return [await ask(request("")), await ask(request("")), await wrong(request("a"))]

    assert asyncio.run(main()) == [(201, b"1", None), (201, b"2", None), (400, b"input", None)]
    assert answers.ends == {}


@pytest.mark.parametrize(
    ("subject", "caller", "forgotten"),
    [(None, "ada", {"ada": 1, "1": 0}), (None, "", {"": 0}), ("{{ body }}", "ada", {"ada": 0, "1": 1}), ("{{ none }}", "ada", {"ada": 0, "": 0}),
     ("{{ query.nothing }}", "ada", {"ada": 0, "": 0}), ("{{ body + 'a' }}", "ada", {"ada": 0, "1": 0})],
)  # fmt: skip
def test_answers_are_forgotten_by_their_subject(subject: str | None, caller: str, forgotten: dict[str, int]) -> None:
    """The caller, unless the file says whose it is; what nobody knows is nobody's, and kept all the same."""
    answers = IdempotentAnswers(lambda: NOW)
    said = None if subject is None else compile_value(subject)
    plan = IdempotencyPlan(compile_value("{{ headers['idempotency-key'] }}"), 60.0, True, said)
    served = Idempotency(plan, answers, ("POST", "/pay"), 20.0)

    async def main() -> dict[str, int]:
        exchange = request(caller=caller)
        exchange.body_value = 1
        answer, _ = await served.serve(Maker(), exchange, asyncio.Future)  # type: ignore[arg-type]
        assert answer.status == 201
        return {name: await answers.forget(name) for name in forgotten}

    assert asyncio.run(main()) == forgotten


class Remembering(AnswersInMemory):
    """A store that remembers for how long it is asked to hold something."""

    def __init__(self) -> None:
        super().__init__(lambda: NOW)
        self.seconds: list[float] = []

    async def claim(self, key: bytes, request: bytes, lifetime: float, *more: Any) -> Held | int:
        """Remember the time of a claim."""
        self.seconds.append(lifetime)
        return await super().claim(key, request, lifetime, *more)

    async def keep(self, key: bytes, token: int, value: bytes, lifetime: float, *more: Any) -> int:
        """Remember the time of an answer."""
        self.seconds.append(lifetime)
        return await super().keep(key, token, value, lifetime, *more)


def test_a_claim_outlasts_what_is_made_for_it() -> None:
    """By ten seconds, for what is stored after it; the answer is kept for its own time."""
    answers, store = IdempotentAnswers(lambda: NOW), Remembering()
    ask = serving(Maker(), answers)

    async def main() -> None:
        answers.move(None, store)
        await ask(request())

    asyncio.run(main())
    assert store.seconds == [30.0, 60.0]
