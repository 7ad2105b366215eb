"""The way to an upstream that is called with a token: a door around its pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from functools import partial
from typing import Protocol

from aggregator.errors import CallError, Cause
from aggregator.policies.credentials.oauth.tokens import Token, Tokens
from aggregator.transport import Door, Reply, StreamReply
from aggregator.transport.door import Cancelable, Done, OuterDoor

LARGEST_REPEATED = 64 * 1024
"""Bytes of a body that is sent a second time after a 401, with another token."""
_UNAUTHORIZED = 401


class TokenDoor(OuterDoor):
    """Calls carry a token; one that the upstream refuses (401) is sent once more with another, if there is one."""

    __slots__ = ("_tokens",)

    def __init__(self, inner: Door, tokens: Tokens) -> None:
        super().__init__(inner)
        self._tokens = tokens

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float, done: Done,
        steps: int = 0, under_way: bool = False,
    ) -> Cancelable:  # fmt: skip
        """See `Door.start`."""
        send = partial(self.inner.start, method, target, body=body, deadline=deadline, steps=steps, under_way=under_way)
        return _Call(self._tokens, send, headers, deadline, done, repeats=_is_short(body))

    async def stream(
        self,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: bytes | AsyncIterable[bytes] | None,
        *,
        deadline: float | None,
        answer_timeout: float | None = None,
        idle_timeout: float | None = None,
        decode: bool = False,
    ) -> StreamReply:
        """See `Door.stream`; a body that is sent as it comes is sent once."""
        send = partial(
            self.inner.stream, method, target, body=body, deadline=deadline, answer_timeout=answer_timeout,
            idle_timeout=idle_timeout, decode=decode,
        )  # fmt: skip
        patience = _earlier(deadline, answer_timeout)
        token = self._tokens.now() or await _fetched(self._tokens, patience)
        reply = await send(headers=headers + token.line)
        if reply.status != _UNAUTHORIZED or not _is_short(body) or not self._tokens.replaces(token):
            return reply
        try:
            other = await _another(self._tokens, token, patience)
        except BaseException:
            await reply.aclose()
            raise
        if other.line == token.line:
            return reply
        await reply.aclose()
        return await send(headers=headers + other.line)


class _Send(Protocol):
    def __call__(self, *, headers: bytes, done: Done) -> Cancelable: ...


class _Call:
    """One call. States: waiting for a token, sent, waiting for another one after a 401, sent again, over."""

    __slots__ = ("_deadline", "_done", "_headers", "_refusal", "_repeats", "_send", "_ticket", "_token", "_tokens")

    def __init__(
        self, tokens: Tokens, send: _Send, headers: bytes, deadline: float, done: Done, *, repeats: bool
    ) -> None:
        self._tokens = tokens
        self._send = send
        self._headers = headers
        self._deadline = deadline
        self._done = done
        self._repeats = repeats
        self._refusal: Reply | None = None
        self._token = token = tokens.now()
        if token is None:
            self._ticket: Cancelable = tokens.ask(self._got, deadline)
        else:
            self._ticket = send(headers=headers + token.line, done=self._answered if repeats else done)

    def _got(self, token: Token | CallError) -> None:
        if isinstance(token, CallError):
            token.attempts = 0 if self._refusal is None else self._refusal.attempts
            self._done(token)
        elif self._refusal is not None and self._token is not None and token.line == self._token.line:
            self._done(self._refusal)
        else:
            self._token = token
            self._ticket = self._send(headers=self._headers + token.line, done=self._answered)

    def _answered(self, outcome: Reply | CallError) -> None:
        if self._refusal is not None:
            outcome.met = (*_words(self._refusal), str(_UNAUTHORIZED), *_words(outcome))
            outcome.attempts += self._refusal.attempts
        elif self._repeats and isinstance(outcome, Reply) and outcome.status == _UNAUTHORIZED and self._is_replaced():
            self._refusal = outcome
            self._renew()
            return
        self._done(outcome)

    def _is_replaced(self) -> bool:
        return self._token is not None and self._tokens.replaces(self._token)

    def _renew(self) -> None:
        known = self._tokens.now()
        if known is None or known is self._token:
            self._ticket = self._tokens.ask(self._got, self._deadline)
        else:
            self._got(known)

    def cancel(self) -> None:
        """Return up the call."""
        self._ticket.cancel()


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
