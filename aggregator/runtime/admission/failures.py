"""Failed credentials are limited by address: who guesses is refused before anything is verified.

What has to be verified later is counted when it begins, and given back when it was right, so that a flood of guesses at
once is no way around the limit. No credential, and one that is wrong by its time alone, are no failures.
"""

from __future__ import annotations

from functools import partial

from aggregator.edge.networks import client_key
from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Refused
from aggregator.policies.rate_limit.failures import SharedFailures
from aggregator.runtime.admission.schemes import Later, Limited, Scheme
from aggregator.stores.limiter import Limiter


class LimitedScheme:
    """*scheme*, which an address may fail as often as *limiter* grants.

    While an address has failed too often, what is remembered as right passes all the same: an office behind one address
    is not locked out. Other addresses are never touched. *shared* counts for all processes.
    """

    def __init__(self, scheme: Scheme, limiter: Limiter, shared: SharedFailures | None = None) -> None:
        self.name = scheme.name
        self.challenge = scheme.challenge
        self.rates = scheme.rates
        self.recall = scheme.recall
        self._scheme = scheme
        self._limiter = limiter
        self._shared = shared

    def judge(self, exchange: Exchange) -> Caller | Later:
        """Return what the scheme says; raises ``Limited`` for an address that failed too often."""
        try:
            known = self.recall(exchange)
            if known is not None:  # as nearly always: nobody is counted for it
                return known
            if len(self._limiter):
                address = client_key(exchange.client)
                if wait := self._limiter.wait(address):
                    raise Limited(wait)
                if self._shared is not None and self._shared.asks_about(address):
                    return partial(self._asked, self._shared, exchange, address)
            judged = self._scheme.judge(exchange)
        except Refused as refused:
            if refused.reason.is_failure:
                self._failed(client_key(exchange.client))
            raise
        if isinstance(judged, Caller):
            return judged
        address = client_key(exchange.client)
        self._limiter.take(address)
        return partial(self._settled, judged, address)

    def _failed(self, address: str) -> None:
        self._limiter.take(address)
        if self._shared is not None:
            self._shared.tell(address)

    async def _asked(self, shared: SharedFailures, exchange: Exchange, address: str) -> Caller:
        """Return what the scheme says, unless *address* has failed too often anywhere."""
        wait = await shared.take(address)
        if wait:
            raise Limited(wait)
        self._limiter.take(address)
        taken = None if wait is None else shared
        try:
            judged = self._scheme.judge(exchange)
            caller = judged if isinstance(judged, Caller) else await judged()
        except BaseException as error:
            if not _is_failure(error):
                self._give_back(address, taken)
            raise
        self._give_back(address, taken)
        return caller

    async def _settled(self, later: Later, address: str) -> Caller:
        try:
            caller = await later()
        except BaseException as error:
            if not _is_failure(error):  # nobody was told to be wrong
                self._limiter.give_back(address)
            elif self._shared is not None:
                self._shared.tell(address)
            raise
        self._limiter.give_back(address)
        return caller

    def _give_back(self, address: str, taken: SharedFailures | None) -> None:
        self._limiter.give_back(address)
        if taken is not None:
            taken.give_back(address)


def _is_failure(error: BaseException) -> bool:
    return isinstance(error, Refused) and error.reason.is_failure
