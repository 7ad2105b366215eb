"""The way of one call through a door that adds a token: what it is sent with, and what it is told of each try."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Unpack

import httpx
import pytest
from issuing import TOKEN_URL, Clock, Issuer

from aggregator.errors import CallError, Cause
from aggregator.policies.credentials.compiling import compile_credentials
from aggregator.policies.credentials.oauth.door import LARGEST_REPEATED, TokenDoor
from aggregator.policies.credentials.oauth.exchanging import MOST, CallerTokens
from aggregator.policies.credentials.oauth.granting import (
    LARGEST,
    LONGEST_TOKEN,
    Granted,
    NotGranted,
    read_answer,
)
from aggregator.policies.credentials.oauth.telling import Counted, Logged
from aggregator.policies.credentials.oauth.tokens import Tokens
from aggregator.policies.credentials.oauth.waiting import Waiting
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.policies.credentials.settings import CredentialSettings
from aggregator.policies.rate_limit.pacing import Pace
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.transport import Origin, PoolSettings, Reply, StreamReply
from aggregator.transport.door import CallTerms, OuterDoor, StreamTerms

BODY = b"x" * LARGEST_REPEATED
FIRST, SECOND = b"h: 1\r\nauthorization: Bearer token-1\r\n", b"h: 1\r\nauthorization: Bearer token-2\r\n"
NO_TOKEN = "Credentials for the upstream could not be had."


class Ticket:
    """A call that cannot be cancelled any more."""

    def cancel(self) -> None:
        """Do nothing."""


class Pieces:
    """A body that was never begun; *closed* counts how often it was given up."""

    closed = 0

    async def next_piece(self) -> bytes | None:
        """Return the end."""
        return None

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1

    def abandon(self) -> None:
        """Do nothing."""


class Upstream(OuterDoor):
    """A door that answers with the next of *outcomes*; *sent* are the headers of all requests, and their terms."""

    def __init__(self, *outcomes: Reply | CallError | int) -> None:
        self.settings = PoolSettings(Origin("http", "a.test", 80))
        self.outcomes = list(outcomes)
        self.sent: list[bytes] = []
        self.terms: list[Any] = []
        self.replies: list[StreamReply] = []

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Ticket:
        """Answer in the next turn of the loop."""
        self.sent.append(headers)
        self.terms.append({name: value for name, value in terms.items() if name != "done"})
        outcome = self.outcomes.pop(0)
        assert not isinstance(outcome, int)
        asyncio.get_running_loop().call_soon(terms["done"], outcome)
        return Ticket()

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: Any, **terms: Unpack[StreamTerms]
    ) -> StreamReply:
        """Answer with a status, or raise."""
        self.sent.append(headers)
        self.terms.append(terms)
        outcome = self.outcomes.pop(0)
        assert isinstance(outcome, int)
        self.replies.append(StreamReply(outcome, [], Pieces()))  # type: ignore[arg-type]
        return self.replies[-1]


class Rig:
    """Tokens of an issuer."""

    def __init__(self) -> None:
        self.issuer, self.clock = Issuer(), Clock()
        client = self.issuer.client()
        usual = {"token_url": TOKEN_URL, "client_id": "shop", "client_secret": "s"}
        plan = compile_credentials(CredentialSettings.model_validate({"oauth2": usual}))
        assert isinstance(plan, OauthPlan)
        self.plan, self.client = plan, lambda: client
        self.tokens = Tokens(plan, self.client, Logged("a"), self.clock)

    async def begin(self) -> None:
        """Wait for the first token."""
        future = asyncio.get_running_loop().create_future()
        self.tokens.ask(future.set_result, None)
        await future


def refusal(**parts: Any) -> Reply:
    """Return a 401."""
    return Reply(401, [], b"no", **parts)


async def called(door: TokenDoor, body: bytes | None = None, seconds: float = 30.0) -> Reply | CallError:
    """Return what becomes of a call that has so many *seconds*."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Reply | CallError] = loop.create_future()
    door.start(b"POST", b"/", b"h: 1\r\n", body, deadline=loop.time() + seconds, done=future.set_result, steps=3)
    return await future


def rig(main: Callable[[Rig], Any]) -> None:
    """Run *main* with tokens."""

    async def whole() -> None:
        await main(Rig())

    asyncio.run(whole())


@pytest.mark.parametrize("known", [True, False], ids=["known", "under way"])
@pytest.mark.parametrize(
    ("outcomes", "body", "told", "sent"),
    [
        ([Reply(200, [], b"")], None, (200, 1, ()), [FIRST]),
        ([refusal(), Reply(200, [], b"")], None, (200, 2, ("401",)), [FIRST, SECOND]),
        ([refusal(), Reply(200, [], b"")], BODY, (200, 2, ("401",)), [FIRST, SECOND]),
        ([refusal()], BODY + b"x", (401, 1, ()), [FIRST]),
        ([refusal(), refusal()], b"", (401, 2, ("401",)), [FIRST, SECOND]),
        ([refusal(attempts=3), Reply(200, [], b"", attempts=2)], None,
         (200, 5, ("reset", "reset", "401", "reset")), [FIRST, SECOND]),
        ([refusal(attempts=2, met=("dns",)), Reply(200, [], b"", attempts=2, met=("tls",))], None,
         (200, 4, ("dns", "401", "tls")), [FIRST, SECOND]),
        ([refusal(), CallError(Cause.RESET, "x")], None, (Cause.RESET, 2, ("401",)), [FIRST, SECOND]),
        ([CallError(Cause.RESET, "x")], None, (Cause.RESET, 1, ()), [FIRST]),
    ],
)  # fmt: skip
def test_each_try_is_told(
    known: bool, outcomes: list[Reply | CallError], body: bytes | None, told: tuple[object, ...], sent: list[bytes]
) -> None:
    """A refused token is tried once more, with what each try met, and the terms of the call are the same each time."""

    async def main(one: Rig) -> None:
        if known:
            await one.begin()
        copies = [Reply(each.status, [], b"", attempts=each.attempts, met=each.met) if isinstance(each, Reply)
                  else CallError(each.cause, each.message) for each in outcomes]  # fmt: skip
        upstream = Upstream(*copies)
        outcome = await called(TokenDoor(upstream, one.tokens), body)
        what = outcome.status if isinstance(outcome, Reply) else outcome.cause
        assert ((what, outcome.attempts, outcome.met), upstream.sent) == (told, sent)
        assert [terms["steps"] for terms in upstream.terms] == [3] * len(sent)
        assert len({terms["deadline"] for terms in upstream.terms}) == 1

    rig(main)


@pytest.mark.parametrize(("refused", "attempts"), [(False, 0), (True, 1)])
def test_a_call_without_a_token_was_not_tried(refused: bool, attempts: int) -> None:
    """Unless it was refused before that."""

    async def main(one: Rig) -> None:
        if refused:
            await one.begin()
        one.issuer.answer = lambda _: httpx.Response(500)
        outcome = await called(TokenDoor(Upstream(refusal()), one.tokens))
        assert isinstance(outcome, CallError)
        assert (outcome.cause, outcome.message, outcome.attempts) == (Cause.CREDENTIALS, NO_TOKEN, attempts)

    rig(main)


@pytest.mark.parametrize(("rate", "sent", "told"), [(Rate(1, 60.0, 2), 2, (200, 2)), (Rate(1, 60.0, 1), 1, (401, 1))])
def test_the_second_try_has_a_turn_of_its_own(rate: Rate, sent: int, told: tuple[int, int]) -> None:
    """Where none comes in time the refusal stands."""

    async def main(one: Rig) -> None:
        await one.begin()
        pace = Pace(Limiter(rate, one.clock), 30.0, "a")
        pace.reserve(0.0)  # as the call itself does
        upstream = Upstream(refusal(), Reply(200, [], b""))
        outcome = await called(TokenDoor(upstream, one.tokens, pace))
        assert isinstance(outcome, Reply)
        assert (len(upstream.sent), (outcome.status, outcome.attempts)) == (sent, told)

    rig(main)


async def streamed(door: TokenDoor, body: Any = None, **terms: Any) -> StreamReply:
    """Return the reply to a call whose answer comes as a stream."""
    return await door.stream(b"GET", b"/", b"h: 1\r\n", body, **{"deadline": None, **terms})


@pytest.mark.parametrize("known", [True, False], ids=["known", "under way"])
@pytest.mark.parametrize(
    ("statuses", "body", "status", "sent"),
    [
        ([200], None, 200, [FIRST]), ([401, 200], None, 200, [FIRST, SECOND]), ([401, 200], BODY, 200, [FIRST, SECOND]),
        ([401], BODY + b"x", 401, [FIRST]), ([401, 401], b"", 401, [FIRST, SECOND]), ([403], None, 403, [FIRST]),
    ],
)  # fmt: skip
def test_a_stream_is_tried_again_with_another_token(
    known: bool, statuses: list[int], body: bytes | None, status: int, sent: list[bytes]
) -> None:
    """The first reply is closed then, and the last is open."""

    async def main(one: Rig) -> None:
        if known:
            await one.begin()
        upstream = Upstream(*statuses)
        reply = await streamed(TokenDoor(upstream, one.tokens), body, answer_timeout=5.0)
        assert (reply.status, upstream.sent) == (status, sent)
        assert [terms["answer_timeout"] for terms in upstream.terms] == [5.0] * len(sent)
        assert reply is upstream.replies[-1]

    rig(main)


async def _endless() -> Any:
    yield b"x"


def test_a_body_that_comes_as_a_stream_is_sent_once() -> None:
    """Nobody has it any more."""

    async def main(one: Rig) -> None:
        upstream = Upstream(401)
        assert (await streamed(TokenDoor(upstream, one.tokens), _endless())).status == 401
        assert upstream.sent == [FIRST]

    rig(main)


@pytest.mark.parametrize(("refused", "attempts"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("terms", [{"deadline": 0.0}, {"answer_timeout": 0.0}, {"answer_timeout": 0.0, "deadline": 1e9},
                                   {"answer_timeout": 1e6, "deadline": 0.0}])  # fmt: skip
def test_a_stream_waits_for_a_token_as_long_as_it_may(terms: dict[str, float], refused: bool, attempts: int) -> None:
    """Until its deadline, or for as long as it waits for an answer, whichever is sooner."""

    async def main(one: Rig) -> None:
        if refused:
            await one.begin()
        one.issuer.gate = asyncio.Event()
        with pytest.raises(CallError, match=r"could not be had in time\.$") as caught:
            await streamed(TokenDoor(Upstream(401), one.tokens), **terms)
        assert caught.value.attempts == attempts

    rig(main)


@pytest.mark.parametrize(
    ("rate", "terms", "sent"),
    [
        (Rate(10**6, 1.0, 1), {}, 2), (Rate(10**6, 1.0, 1), {"answer_timeout": 60.0}, 2),
        (Rate(1, 60.0, 1), {"answer_timeout": 50.0}, 1), (Rate(1, 60.0, 1), {"answer_timeout": 900.0, "deadline": 50.0}, 1),
    ],
)  # fmt: skip
def test_a_stream_waits_for_its_second_turn_as_long_as_it_may(rate: Rate, terms: dict[str, float], sent: int) -> None:
    """Where that comes too late the refusal stands, and is there to be read."""

    async def main(one: Rig) -> None:
        await one.begin()
        pace = Pace(Limiter(rate, one.clock), 1e9, "a")
        pace.reserve(0.0)
        upstream = Upstream(401, 200)
        until = {"deadline": asyncio.get_running_loop().time() + terms["deadline"]} if "deadline" in terms else {}
        reply = await streamed(TokenDoor(upstream, one.tokens, pace), **{**terms, **until})
        assert (len(upstream.sent), reply.status) == (sent, 200 if sent == 2 else 401)

    rig(main)


@pytest.mark.parametrize(
    ("value", "life"),
    [("1" * 13, 86_400.0 * 365), ("999999", 999_999.0), ("1", 1.0), (10**9, 86_400.0 * 365), (0.25, 0.25)],
)
def test_how_long_a_token_is_believed(value: object, life: float) -> None:
    """Never longer than a year."""
    assert (
        read_answer(200, b'{"access_token": "a", "expires_in": %s}' % repr(value).replace("'", '"').encode()).life
        == life
    )


@pytest.mark.parametrize(
    ("status", "length", "reason"),
    [
        (200, LONGEST_TOKEN, None), (299, LONGEST_TOKEN, None),
        (200, LONGEST_TOKEN + 1, f"the token is longer than {LONGEST_TOKEN} characters"),
        (300, 1, "the token endpoint answered 300"), (199, 1, "the token endpoint answered 199"),
    ],
)  # fmt: skip
def test_which_answers_grant_a_token(status: int, length: int, reason: str | None) -> None:
    """Those of 2xx whose token fits a header."""
    body = b'{"access_token": "%s"}' % (b"a" * length)
    if reason is None:
        assert read_answer(status, body) == Granted("a" * length, 300.0)
    else:
        with pytest.raises(NotGranted) as caught:
            read_answer(status, body)
        assert str(caught.value) == reason


@pytest.mark.parametrize("over", [0, 1])
def test_the_largest_answer_of_an_issuer(over: int) -> None:
    """It has 64 KiB; a larger one is not read to its end."""

    async def main(one: Rig) -> None:
        head = b'{"access_token": "token-1", "more": "'
        one.issuer.answer = lambda _: httpx.Response(
            200, content=head + b"x" * (LARGEST + over - len(head) - 2) + b'"}'
        )
        outcome = await called(TokenDoor(Upstream(Reply(200, [], b"")), one.tokens))
        assert isinstance(outcome, CallError if over else Reply)

    rig(main)


def test_callers_that_were_seen_longest_ago_are_forgotten() -> None:
    """When there are more than can be remembered; a caller has tokens of their own for each token."""

    async def main(one: Rig) -> None:
        callers = CallerTokens("a", one.plan, one.client, one.clock)
        first, second = callers.of("1", "t"), callers.of("2", "t")
        assert len({id(each) for each in (first, second, callers.of("1", "u"), callers.of("", "1t"))}) == 4
        for number in range(MOST - 4):
            callers.of(f"n{number}", "t")
        assert callers.of("1", "t") is first
        callers.of("one more", "t")
        assert (callers.of("1", "t") is first, callers.of("2", "t") is second) == (True, False)

    rig(main)


def test_an_error_is_told_to_each_who_waits() -> None:
    """With a copy of its own: each says how often it was tried."""

    async def main(_: Rig) -> None:
        waiting: Waiting[str] = Waiting()
        told: list[Any] = []
        for _number in range(2):
            waiting.add(told.append, None)
        gone = waiting.add(told.append, None)
        gone.cancel()
        error = CallError(Cause.CREDENTIALS, "No.", retry_after=2.0)
        waiting.tell(error)
        waiting.tell("nobody")
        assert [(one.cause, one.message, one.retry_after, one is error) for one in told] == [
            (Cause.CREDENTIALS, "No.", 2.0, False)
        ] * 2
        assert told[0] is not told[1]

    rig(main)


def test_failures_for_callers_are_told_seldom(caplog: pytest.LogCaptureFixture) -> None:
    """The first at once, then once in ten seconds how many there were; nobody hears of one that succeeds again."""
    clock = Clock()
    told = Counted("a", clock)
    for moved in (0.0, 0.0, 9.9, 0.1, 9.0, 1.0):
        clock.now += moved
        told.failed("no", 0.5)
        told.again()
    assert [record.__dict__["fields"] for record in caplog.records] == [
        {"upstream": "a", "reason": "no", "count": count, "retry_in": 0.5} for count in (1, 3, 2)
    ]


def test_a_token_that_others_have_renewed_is_taken_at_once() -> None:
    """Of many calls that are refused together only the first has another one asked for."""

    class Late(Upstream):
        def start(
            self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
        ) -> Ticket:
            self.sent.append(headers)
            self.terms.append(terms["done"])
            return Ticket()

    async def main(one: Rig) -> None:
        await one.begin()
        upstream, told = Late(), []  # type: tuple[Late, list[Any]]
        door = TokenDoor(upstream, one.tokens)
        for _ in range(3):
            door.start(b"GET", b"/", b"h: 1\r\n", None, deadline=1e9, done=told.append)
        for done in upstream.terms[:3]:
            done(refusal())
            while (request := one.tokens.request) is not None:
                await asyncio.wait([request])
        assert (upstream.sent, len(one.issuer.asked), told) == ([FIRST] * 3 + [SECOND] * 3, 2, [])

    rig(main)
