"""The way to an upstream that is called with a token: a door around its pool."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterable
from functools import partial
from typing import NamedTuple, Unpack

from aggregator.errors import CallError, Cause
from aggregator.policies.credentials.oauth.tokens import Token, Tokens
from aggregator.policies.rate_limit.pacing import Asking, Pace
from aggregator.transport import Door, Reply, StreamReply
from aggregator.transport.door import CallTerms, Cancelable, OuterDoor, StreamTerms, with_done

LARGEST_REPEATED = 64 * 1024
"""Bytes of a body that is sent a second time after a 401, with another token."""
_UNAUTHORIZED = 401


class TokenDoor(OuterDoor):
    """Calls carry a token; one that the upstream refuses (401) is sent once more with another, if there is one.

    The second request waits for a turn of *pace*, as the first has; where none comes in time, the 401 stands.
    """

    __slots__ = ("pace", "tokens")

    def __init__(self, inner: Door, tokens: Tokens, pace: Pace | None = None) -> None:
        super().__init__(inner)
        self.tokens, self.pace = tokens, pace

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Cancelable:
        """See `Door.start`."""
        token = self.tokens.now()
        call = _Call(self, (method, target, headers, body), terms, token)
        if token is None:
            call.ticket = self.tokens.ask(call.go_on, terms["deadline"])
        else:  # said here once more, since it is the way of nearly every call
            told = terms.copy()
            told["done"] = call.answered
            call.ticket = self.inner.start(method, target, headers + token.line, body, **told)
        return call

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`; a body that is sent as it comes is sent once."""
        send = partial(self.inner.stream, method, target, body=body, **terms)
        patience = _earlier(terms["deadline"], terms.get("answer_timeout"))
        token = self.tokens.now() or await _fetched(self.tokens, patience)
        reply = await send(headers=headers + token.line)
        if reply.status != _UNAUTHORIZED or not _is_short(body) or not self.tokens.replaces(token):
            return reply
        try:
            other = await _another(self.tokens, token, patience)
            is_due = other.line != token.line and await self._turn(patience)
        except BaseException as error:
            await reply.aclose()
            if isinstance(error, CallError):
                error.attempts = 1
            raise
        if not is_due:
            return reply
        await reply.aclose()
        return await send(headers=headers + other.line)

    async def _turn(self, patience: float | None) -> bool:
        """Return whether the turn of another request has come before *patience* (loop time) was over."""
        if self.pace is not None:
            left = math.inf if patience is None else patience - asyncio.get_running_loop().time()
            try:
                await self.pace.turn(left)
            except CallError:
                return False
        return True


_Request = tuple[bytes, bytes, bytes, bytes | None]
"""Method, target, headers and body."""


class _Call:
    """One call.

    States: waiting for a token, sent, waiting for another one after a 401, waiting for its turn, sent again, over.
    """

    __slots__ = ("_done", "_door", "_refusal", "_request", "_terms", "_token", "ticket")
    ticket: Cancelable

    def __init__(self, door: TokenDoor, request: _Request, terms: CallTerms, token: Token | None) -> None:
        self._door = door
        self._request = request
        self._terms = terms
        self._done = terms["done"]
        self._token = token
        self._refusal: Reply | None = None

    def go_on(self, token: Token | CallError) -> None:
        """Send the request with *token*, or fail with the reason why there is none."""
        if isinstance(token, CallError):
            token.attempts = 0 if self._refusal is None else self._refusal.attempts
            self._done(token)
        elif self._refusal is None:
            self._send(token)
        elif self._token is not None and token.line == self._token.line:
            self._done(self._refusal)
        else:
            self._send_again(token, self._refusal)

    def _send(self, token: Token) -> None:
        self._token = token
        method, target, headers, body = self._request
        terms = with_done(self._terms, self.answered)
        self.ticket = self._door.inner.start(method, target, headers + token.line, body, **terms)

    def _sent(self, token: Token) -> Cancelable:
        """Send the request with *token*; return its ticket."""
        self._send(token)
        return self.ticket

    def _send_again(self, token: Token, refusal: Reply) -> None:
        """Send the request with *token* at its turn; if that comes too late, *refusal* is the answer."""
        pace, loop = self._door.pace, asyncio.get_running_loop()
        if pace is None:
            self._send(token)
            return
        left = self._terms["deadline"] - loop.time()
        if pace.asks:
            self.ticket = Asking(pace, left, lambda: self._sent(token), lambda _: self._done(refusal))
            return
        try:
            wait = pace.reserve(left)
        except CallError:
            self._done(refusal)
            return
        self.ticket = _Turn(loop.call_later(wait, self._send, token), pace)

    def answered(self, outcome: Reply | CallError) -> None:
        """Pass *outcome* on, unless it is the first 401 and another token can be fetched."""
        if self._refusal is not None:
            outcome.met = (*_words(self._refusal), str(_UNAUTHORIZED), *_words(outcome))
            outcome.attempts += self._refusal.attempts
        elif isinstance(outcome, Reply) and outcome.status == _UNAUTHORIZED and self._may_go_again():
            self._refusal = outcome
            self._renew()
            return
        self._done(outcome)

    def _may_go_again(self) -> bool:
        return _is_short(self._request[3]) and self._token is not None and self._door.tokens.replaces(self._token)

    def _renew(self) -> None:
        known = self._door.tokens.now()
        if known is None or known is self._token:
            self.ticket = self._door.tokens.ask(self.go_on, self._terms["deadline"])
        else:
            self.go_on(known)

    def cancel(self) -> None:
        """Cancel the call."""
        self.ticket.cancel()


class _Turn(NamedTuple):
    """The turn of a second request, which comes when *timer* is over."""

    timer: asyncio.TimerHandle
    pace: Pace

    def cancel(self) -> None:
        """Cancel the turn, and return it to the pace."""
        self.timer.cancel()
        self.pace.give_back()


def _words(outcome: Reply | CallError) -> tuple[str, ...]:
    """Return what was met before *outcome*, each time that its request was sent."""
    return outcome.met or (Cause.RESET.value,) * (outcome.attempts - 1)


def _is_short(body: bytes | AsyncIterable[bytes] | None) -> bool:
    return body is None or (isinstance(body, bytes) and len(body) <= LARGEST_REPEATED)


def _earlier(deadline: float | None, wait: float | None) -> float | None:
    """Return the end of a *wait* in seconds from now, or *deadline* if that is earlier; in loop time."""
    if wait is None:
        return deadline
    limit = asyncio.get_running_loop().time() + wait
    return limit if deadline is None else min(deadline, limit)


async def _another(tokens: Tokens, refused: Token, deadline: float | None) -> Token:
    known = tokens.now()
    return known if known is not None and known is not refused else await _fetched(tokens, deadline)


async def _fetched(tokens: Tokens, deadline: float | None) -> Token:
    """Return the token that is on its way; raises ``CallError``."""
    future: asyncio.Future[Token | CallError] = asyncio.get_running_loop().create_future()

    def done(outcome: Token | CallError) -> None:
        if not future.done():
            future.set_result(outcome)

    waiter = tokens.ask(done, deadline)
    try:
        outcome = await future
    finally:
        waiter.cancel()
    if isinstance(outcome, CallError):
        outcome.attempts = 0
        raise outcome
    return outcome
