"""Signed webhooks: the body is read for them, and a delivery that was answered well is not taken twice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.remembered import Remembered
from aggregator.identity.signatures import Delivery, check_signature, fields_of
from aggregator.plan.schemes import SignaturePlan
from aggregator.runtime.admission.schemes import Clocks, Later
from aggregator.runtime.request.decoding import aside_or_refused
from aggregator.stores.rate import Rate

MOST = 50_000
"""Deliveries that are remembered for a scheme: beyond them the longest unused ones would be taken again."""
_LARGE = 1024 * 1024
"""Bytes of a body whose hash takes longer than the loop should wait."""

Seen = Remembered[bool]
"""Deliveries that were answered well."""


class SignedDelivery:
    """A delivery that a request is; *key* tells it from others of the same path."""

    __slots__ = ("_clocks", "_key", "_seconds", "_seen", "is_repeat")

    def __init__(self, delivery: Delivery, key: bytes, seen: Seen, clocks: Clocks) -> None:
        self._key, self._seconds = key, delivery.seconds
        self._seen, self._clocks = seen, clocks
        self.is_repeat = seen.get(key) is not None

    def remember(self) -> None:
        """Take it for a repeat from now on, for as long as its signature could be used again."""
        self._seen.keep(self._key, True, self._clocks.steady() + self._seconds)


class SignatureScheme:
    """Bodies that a sender has signed."""

    challenge = ""
    rates: frozenset[Rate] = frozenset()

    def __init__(self, plan: SignaturePlan, seen: Seen, clocks: Clocks) -> None:
        self.name = plan.name
        self._plan = plan
        self._seen = seen
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
        delivery = check() if len(exchange.body) < _LARGE else await aside_or_refused(check)
        pieces = (exchange.method, exchange.path, delivery.id)
        key = "".join(f"{len(piece)}:{piece}" for piece in pieces).encode("utf-8", "surrogateescape")
        exchange.delivery = SignedDelivery(delivery, key, self._seen, self._clocks)
        return Caller(self.name, "")
