"""Tokens in the place of those of callers (RFC 8693): each caller has its own, which no other caller ever gets."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.policies.credentials.callers import Places, caller_token
from aggregator.policies.credentials.oauth.asking import Client
from aggregator.policies.credentials.oauth.door import TokenDoor
from aggregator.policies.credentials.oauth.telling import Counted
from aggregator.policies.credentials.oauth.tokens import Tokens
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.policies.rate_limit.pacing import Pace
from aggregator.transport import Door
from aggregator.transport.door import CallerDoor

MOST = 4096
"""Callers whose tokens are remembered; those who were seen longest ago are forgotten first."""


class CallerTokens:
    """The tokens of the upstream *name*, by the hash of who calls with which token of their own."""

    def __init__(self, name: str, plan: OauthPlan, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._client = client
        self._clock = clock
        self._told = Counted(name, clock)
        self._known: OrderedDict[bytes, Tokens] = OrderedDict()

    def of(self, identity: str, token: str) -> Tokens:
        """Return the tokens of the caller with *identity*, in the place of *token*."""
        key = _key(identity, token)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Tokens(self._plan, self._client, self._told, self._clock, token)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found


def _key(identity: str, token: str) -> bytes:
    return hashlib.sha256(f"{len(identity)}:{identity}{token}".encode("utf-8", "surrogateescape")).digest()


class ExchangeDoor(CallerDoor):
    """The way to an upstream that is called in the name of each caller, whose token is at one of *places*.

    Itself it carries no token.
    """

    __slots__ = ("_pace", "_places", "_tokens")

    def __init__(self, inner: Door, tokens: CallerTokens, places: Places, pace: Pace | None = None) -> None:
        super().__init__(inner)
        self._tokens = tokens
        self._pace = pace
        self._places = places

    def bound(self, exchange: Exchange) -> Door:
        """Return the way for the caller of *exchange*; raises ``CallError`` for one without a token."""
        return TokenDoor(self.inner, self._tokens.of(*self._caller(exchange)), self._pace)

    def identity(self, exchange: Exchange) -> bytes:
        """Return what tells the caller of *exchange*, with this very token, from all others."""
        return _key(*self._caller(exchange))

    def _caller(self, exchange: Exchange) -> tuple[str, str]:
        """Return identity and token of the caller of *exchange*."""
        token = caller_token(self._places, exchange)
        if token is None:
            raise _nobody()
        return exchange.caller.identity, token


def _nobody() -> CallError:
    error = CallError(Cause.CREDENTIALS, "The caller has no token in whose place one could be had.", lasts=True)
    error.attempts = 0
    return error
