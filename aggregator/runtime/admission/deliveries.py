"""Signed webhooks: the body is read for them, and a delivery that was answered well is not taken twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.remembered import Remembered
from aggregator.identity.signatures import Delivery, check_signature, fields_of
from aggregator.plan.schemes import SignaturePlan
from aggregator.runtime.admission.schemes import Clocks, Later
from aggregator.runtime.request.decoding import aside_or_refused
from aggregator.stores.rate import Rate

MOST = 50_000
"""Deliveries that are remembered for a scheme: beyond them the longest unused ones would be taken again.

As many may be under way at once.
"""
_LARGE = 1024 * 1024
"""Bytes of a body whose hash takes longer than the loop should wait."""


class Deliveries:
    """The deliveries of a scheme: keys of those *under_way*, and of those *answered* well. Both are bounded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.answered: Remembered[bool] = Remembered(MOST, clock)
        self.under_way: set[bytes] = set()


class SignedDelivery:
    """A delivery that a request is; *key* tells it from others of the same path.

    States: it has come; it is under way, from ``begin`` to ``end``; it has ended, at the latest when nobody holds it.
    """

    __slots__ = ("_deliveries", "_is_under_way", "_key", "_seconds")

    def __init__(self, delivery: Delivery, key: bytes, deliveries: Deliveries) -> None:
        self._key, self._seconds = key, delivery.seconds
        self._deliveries = deliveries
        self._is_under_way = False

    def begin(self) -> Literal["first", "under way", "answered"]:
        """Return whether it is to be answered now; beyond ``MOST`` of them each new one is like one under way."""
        if self._deliveries.answered.get(self._key) is not None:
            return "answered"
        others = self._deliveries.under_way
        if self._key in others or len(others) >= MOST:
            return "under way"
        others.add(self._key)
        self._is_under_way = True
        return "first"

    def end(self, *, well: bool) -> None:
        """End the delivery.

        After a good answer (*well*), it counts as repeated for as long as its signature could be used.
        """
        if not self._is_under_way:
            return
        self._is_under_way = False
        self._deliveries.under_way.discard(self._key)
        if well:
            self._deliveries.answered.keep(self._key, True, self._deliveries.clock() + self._seconds)

    def __del__(self) -> None:
        self.end(well=False)


class SignatureScheme:
    """Bodies that a sender has signed."""

    challenge = "Signature"
    rates: frozenset[Rate] = frozenset()

    def __init__(self, plan: SignaturePlan, deliveries: Deliveries, clocks: Clocks) -> None:
        self.name = plan.name
        self._plan = plan
        self._deliveries = deliveries
        self._clocks = clocks
        self._fields = {name.encode(): name for name in fields_of(plan.rules)}

    def judge(self, exchange: Exchange) -> Later:
        """Return what comes to the caller when the body is there; raises ``Refused`` without a signature."""
        return partial(self._verified, exchange, self._sent(exchange))

    def recall(self, exchange: Exchange) -> None:
        """Return nobody: a signature is good for its body alone; raises ``Refused`` without one."""
        self._sent(exchange)

    def _sent(self, exchange: Exchange) -> Mapping[str, str]:
        """Return the fields that the signature is made of; raises ``Refused`` for one that is there twice."""
        found: dict[str, str] = {}
        for field, value in exchange.header_list:
            name = self._fields.get(field)
            if name is not None:
                if name in found:
                    raise Refused(Reason.MALFORMED)
                found[name] = value.decode("utf-8", "surrogateescape")
        if self._plan.rules.header not in found:
            raise Refused(Reason.MISSING)
        return found

    async def _verified(self, exchange: Exchange, sent: Mapping[str, str]) -> Caller:
        if exchange.intake is not None:
            await exchange.intake(exchange)
        check = partial(
            check_signature, self._plan.rules, self._plan.secrets.values, sent, exchange.body, self._clocks.wall()
        )
        delivery = check() if len(exchange.body) < _LARGE else await aside_or_refused(check, exchange)
        pieces = (exchange.method, exchange.path, delivery.id)
        key = "".join(f"{len(piece)}:{piece}" for piece in pieces).encode("utf-8", "surrogateescape")
        exchange.delivery = SignedDelivery(delivery, hashlib.sha256(key).digest(), self._deliveries)
        return Caller(self.name, "")
