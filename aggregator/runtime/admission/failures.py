"""Failed credentials are limited by address: who guesses is refused before anything is verified.

What has to be verified later is counted when it begins, and given back when it was right, so that a flood of guesses at
once is no way around the limit. No credential, and one that is wrong by its time alone, are no failures.
"""

from __future__ import annotations

from functools import partial

from aggregator.edge.networks import client_key
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Refused
from aggregator.runtime.admission.schemes import Later, Limited, Scheme
from aggregator.stores.limiter import Limiter


class LimitedScheme:
    """*scheme*, which an address may fail as often as *limiter* grants.

    While an address has failed too often, what is remembered as right passes all the same: an office behind one address
    is not locked out. Other addresses are never touched.
    """

    def __init__(self, scheme: Scheme, limiter: Limiter) -> None:
        self.name = scheme.name
        self.challenge = scheme.challenge
        self.rates = scheme.rates
        self.recall = scheme.recall
        self._scheme = scheme
        self._limiter = limiter

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return what the scheme says; raises ``Limited`` for an address that failed too often."""
        try:
            known = self.recall(exchange)
            if known is not None:  # as nearly always: nobody is counted for it
                return known
            if len(self._limiter) and (wait := self._limiter.wait(client_key(exchange.client))):
                raise Limited(wait)
            judged = self._scheme.judge(exchange)
        except Refused as refused:
            if refused.reason.is_failure:
                self._limiter.take(client_key(exchange.client))
            raise
        if isinstance(judged, Caller):
            return judged
        address = client_key(exchange.client)
        self._limiter.take(address)
        return partial(self._settled, judged, address)

    async def _settled(self, later: Later, address: str) -> Caller:
        try:
            caller = await later()
        except Refused as refused:
            if not refused.reason.is_failure:
                self._limiter.give_back(address)
            raise
        except BaseException:  # nobody was told to be wrong
            self._limiter.give_back(address)
            raise
        self._limiter.give_back(address)
        return caller
