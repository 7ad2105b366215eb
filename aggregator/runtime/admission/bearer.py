"""Tokens that an issuer has signed: verified with its keys, and remembered until they end."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.keysets import KeySet
from aggregator.identity.remembered import Remembered
from aggregator.identity.revoked import Revocations
from aggregator.identity.tokens import Token, issuer_of, judge, read_token
from aggregator.plan.schemes import JwtPlan
from aggregator.runtime.admission.schemes import (
    CLOCKS,
    REMEMBERED,
    Clocks,
    Later,
    cookie,
    following,
    sent_authorization,
)
from aggregator.stores.rate import Rate


class Keys(Protocol):
    """The source of the keys of an issuer."""

    def now(self) -> KeySet | None:
        """Return the keys that are known; None when none are."""

    async def renewed(self, latest: float) -> KeySet:
        """Return the keys after another look, if one is due; raises ``Unavailable`` without any at *latest*."""


class JwtScheme:
    """Tokens of one issuer; those that were verified are remembered until they end."""

    rates: frozenset[Rate] = frozenset()

    def __init__(
        self, plan: JwtPlan, keys: Keys, clocks: Clocks = CLOCKS, revocations: Revocations | None = None
    ) -> None:
        self.name = plan.name
        self.challenge = "Bearer"
        self.issuer = plan.rules.issuer
        self._plan = plan
        self._keys = keys
        self._clocks = clocks
        lists = (plan.revoked, Revocations() if revocations is None else revocations)
        self._revoked = tuple(one for one in lists if one is not None)
        self._known: Remembered[Caller] = Remembered(REMEMBERED, clocks.steady)
        self._now = clocks.wall
        self._sent = sent_authorization if plan.cookie is None else self._in_cookie

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return the caller, at once when the token was seen before; raises ``Refused`` and ``Unavailable``."""
        known = self.recall(exchange)
        if known is not None:
            return known
        token = read_token(self._text(self._sent(exchange)))
        if issuer_of(token) != self.issuer:
            raise Refused(Reason.WRONG_ISSUER)
        keys = self._keys.now()
        if keys is None:
            return partial(self._after_a_look, token, exchange.deadline)
        try:
            return self._admit(token, keys)
        except Refused as refused:
            if refused.reason is not Reason.UNKNOWN_KEY:
                raise
        return partial(self._after_a_look, token, exchange.deadline)

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller if the token was verified before, and has not ended by either clock; raises ``Refused``.

        It is asked for as it was sent, before anything is read of it; who writes it in another way is known, too.
        """
        sent = self._sent(exchange)
        known = self._known.get(sent)
        if known is None and (usual := self._usual(self._text(sent))) != sent:
            known = self._known.get(usual)
        if known is None or self._now() >= known.until:
            return None
        for revoked in self._revoked:
            if not revoked.is_empty and revoked.holds(known.claims):
                raise Refused(Reason.REVOKED)
        return known

    async def _after_a_look(self, token: Token, latest: float) -> Caller:
        """Return the caller by the keys that the issuer has now: it may have a new one."""
        return self._admit(token, await self._keys.renewed(latest))

    def _admit(self, token: Token, keys: KeySet) -> Caller:
        now = self._clocks.wall()
        text = token.text.encode()
        caller = judge(token, self.name, self._plan.rules, keys, now).told_apart(text)
        if any(revoked.holds(caller.claims) for revoked in self._revoked):
            raise Refused(Reason.REVOKED)
        self._known.keep(self._usual(token.text), caller, self._clocks.steady() + caller.until - now)
        return caller

    def _text(self, sent: bytes) -> str:
        """Return the token of what was *sent*; raises ``Refused`` without one."""
        return following(sent, "bearer") if self._plan.cookie is None else sent.decode("utf-8", "surrogateescape")

    def _usual(self, text: str) -> bytes:
        """Return the token *text* as nearly everybody sends it, under which it is kept once, however it came."""
        token = text.encode("utf-8", "surrogateescape")
        return b"Bearer " + token if self._plan.cookie is None else token

    def _in_cookie(self, exchange: Exchange) -> bytes:
        assert self._plan.cookie is not None
        text = cookie(exchange, self._plan.cookie)
        if text is None:
            raise Refused(Reason.MISSING)
        return text.encode("utf-8", "surrogateescape")
