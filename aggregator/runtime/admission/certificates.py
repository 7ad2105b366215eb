"""Certificates of clients: those of the connection, or what a trusted proxy tells of them."""

from __future__ import annotations

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.certificates import Certificate, compile_rules, read_certificate
from aggregator.identity.remembered import Remembered
from aggregator.plan.schemes import MtlsPlan
from aggregator.runtime.admission.schemes import CLOCKS, REMEMBERED, Clocks
from aggregator.stores.rate import Rate

_LIFE = 300.0
"""Seconds for which a certificate that was told is not read again."""


class MtlsScheme:
    """Certificates that a rule admits."""

    challenge = "ClientCertificate"
    rates: frozenset[Rate] = frozenset()

    def __init__(self, plan: MtlsPlan, clocks: Clocks = CLOCKS) -> None:
        self.name = plan.name
        self._plan = plan
        self._field = None if plan.field is None else plan.field.encode()
        self._admits = compile_rules(plan.rules)
        self._clocks = clocks
        self._read: Remembered[Certificate] = Remembered(REMEMBERED, clocks.steady)

    def judge(self, exchange: Exchange) -> Caller:
        """Return the caller whose certificate it is; raises ``Refused``."""
        certificate = self._shown(exchange) if self._field is None else self._told(exchange, self._field)
        if not self._admits(certificate):
            raise Refused(Reason.UNKNOWN)
        return Caller(self.name, certificate.subject, claims=certificate.claims)

    def recall(self, exchange: Exchange) -> Caller | None:
        """Return the caller, None for a wrong certificate: a right one cannot be guessed; raises ``Refused``."""
        try:
            return self.judge(exchange)
        except Refused as refused:
            if refused.reason is Reason.MISSING:
                raise
            return None

    def _shown(self, exchange: Exchange) -> Certificate:
        told = exchange.tls_client
        if told is None:
            raise Refused(Reason.MISSING)
        return Certificate(told["subject"], tuple(told["san"]), told["fingerprint"])

    def _told(self, exchange: Exchange, field: bytes) -> Certificate:
        """Return the certificate in the header *field*, which only a trusted proxy can have written."""
        if not exchange.trusted.holds(exchange.peer):
            raise Refused(Reason.MISSING)
        values = [value for name, value in exchange.header_list if name == field]
        if not values or values == [b""]:
            raise Refused(Reason.MISSING)
        if len(values) > 1:
            raise Refused(Reason.MALFORMED)
        known = self._read.get(values[0])
        if known is None:
            known = read_certificate(values[0].decode("latin-1"), self._plan.form)
            self._read.keep(values[0], known, self._clocks.steady() + _LIFE)
        return known
